// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/domino.hpp>

#include <cstdio>
#include <vector>

int main() {
    const int len = 100, head_dim = 32;
    const std::vector<float> q(len * head_dim, 1.f), k = q, v = q;
    std::vector<float> o(v.size());

    const auto view = [&](auto& x) { return domino::bhsd(x.data(), 1, 1, len, head_dim); };
    domino::attention(view(q), view(k), view(v), view(o), domino::causal && domino::last_n(10));

    // An average of ones is one.
    for (const float x : o)
        if (!(x > 0.9999f && x < 1.0001f)) return std::printf("%f is not 1\n", double(x)), 1;
}

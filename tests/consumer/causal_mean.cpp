// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/domino.hpp>

#include <cmath>
#include <vector>

/// Queries of zero weigh all keys alike: where value row i is i, the causal mean of row i is i / 2.
bool CAUSAL_MEAN() {
    const int len = 70, head_dim = 24;
    std::vector<float> q(len * head_dim), k(q.size(), 1.f), v(q.size()), o(q.size());
    for (int i = 0; i < len * head_dim; ++i) v[i] = float(i / head_dim);

    const auto view = [&](auto& x) { return domino::bhsd(x.data(), 1, 1, len, head_dim); };
    domino::attention(view(q), view(k), view(v), view(o), domino::causal);

    for (int i = 0; i < len * head_dim; ++i)
        if (!(std::abs(o[i] - float(i / head_dim) / 2) < 1e-3f)) return false;
    return true;
}

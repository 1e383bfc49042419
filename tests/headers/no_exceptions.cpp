// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call, so that the kernels are compiled too.
#include <domino/domino.hpp>

void attend(const float* q, const float* k, const float* v, float* o) {
    const auto view = [](auto* data) { return domino::bhsd(data, 1, 1, 64, 64); };
    domino::attention(view(q), view(k), view(v), view(o), domino::causal && domino::last_n(16), domino::softcap(30.f));
}

// expect: domino: the sixth argument is a score mod
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

#ifdef DOMINO_OK
const auto score_mod = [](auto score, auto, auto, auto q, auto kv) { return where(kv <= q, score, 0.f); };
#else
const auto score_mod = [](auto, auto, auto, auto q, auto kv) { return kv <= q; };
#endif
using domino::bhsd;
void run(const float* x, float* o) {
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8), true,
                      score_mod);
}

// expect: domino: the sixth argument is a score mod
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

#ifdef DOMINO_OK
constexpr auto score_mod = domino::score * 2.f;
#else
constexpr auto score_mod = domino::kv <= domino::q;
#endif
using domino::bhsd;
void run(const float* x, float* o) {
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8), true,
                      score_mod);
}

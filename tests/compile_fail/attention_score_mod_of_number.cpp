// expect: domino: the sixth argument is a score mod
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

using domino::bhsd;
void run(const float* x, float* o) {
#ifdef DOMINO_OK
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8),
                      domino::causal, {.scale = 0.125f});
#else
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8),
                      domino::causal, 0.125f);
#endif
}

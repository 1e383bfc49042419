// expect: domino: the fifth argument is a mask mod
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

#ifdef DOMINO_OK
constexpr auto mask = domino::kv < 8;
#else
constexpr auto mask = domino::score < 8.f;
#endif
using domino::bhsd;
void run(const float* x, float* o) {
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8), mask);
}

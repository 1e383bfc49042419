// expect: domino: Q, K and V are views of tensors of float
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

#ifdef DOMINO_OK
using element = float;
#else
using element = double;
#endif
using domino::bhsd;
void run(const element* x, float* o) {
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8));
}

// expect: domino: O is a view of a float tensor that can be written
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

#ifdef DOMINO_OK
using output = float;
#else
using output = const float;
#endif
using domino::bhsd;
void run(const float* x, output* o) {
    domino::attention(bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8));
}

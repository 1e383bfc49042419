// expect: Domino needs infinities, NaNs, -0 and the order of its operations
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DOMINO_OK
#define __FAST_MATH__ 1  // as -ffast-math does
#endif
#include <domino/config.hpp>

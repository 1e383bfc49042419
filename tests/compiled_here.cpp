// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of all test programs that include domino/compiled_elsewhere.hpp.
#include <domino/compiled_here.hpp>

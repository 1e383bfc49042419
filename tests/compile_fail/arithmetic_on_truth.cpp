// expect: domino: arithmetic and comparison need numbers, and one operand is a truth value
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto count = where(domino::kv <= domino::q, 1, 0) + 1;
#else
constexpr auto count = (domino::kv <= domino::q) + 1;
#endif

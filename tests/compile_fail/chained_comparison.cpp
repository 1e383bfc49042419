// expect: domino: arithmetic and comparison need numbers, and one operand is a truth value
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto mask = 0 <= domino::kv && domino::kv <= domino::q;
#else
constexpr auto mask = 0 <= domino::kv <= domino::q;
#endif

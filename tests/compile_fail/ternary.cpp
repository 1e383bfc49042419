// expect: domino: a mask is an expression, not a bool yet: write where
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto slope = where(domino::kv <= domino::q, 1, 2);
#else
constexpr auto slope = domino::kv <= domino::q ? 1 : 2;
#endif

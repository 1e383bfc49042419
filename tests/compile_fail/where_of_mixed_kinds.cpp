// expect: domino: where\(condition, a, b\) needs two truth values or two numbers
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto mask = where(domino::q < 4, domino::kv < 4, true);
#else
constexpr auto mask = where(domino::q < 4, domino::kv < 4, 1);
#endif

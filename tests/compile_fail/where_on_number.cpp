// expect: domino: the condition of where\(condition, a, b\) must be a truth value
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto mask = where(domino::q % 2 == 0, 1, 2);
#else
constexpr auto mask = where(domino::q % 2, 1, 2);
#endif

// expect: domino: && \|\| ! \^ join truth values, and one operand is a number
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto mask = !(domino::q % 2 == 0);
#else
constexpr auto mask = !(domino::q % 2);
#endif

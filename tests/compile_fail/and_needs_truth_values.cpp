// expect: domino: && \|\| ! \^ join truth values, and one operand is a number
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/operators.hpp>

#ifdef DOMINO_OK
constexpr auto mask = domino::kv <= domino::q && domino::q - domino::kv < 8;
#else
constexpr auto mask = domino::kv <= domino::q && domino::q - domino::kv;
#endif

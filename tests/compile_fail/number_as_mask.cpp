// expect: domino: a mask mod is a truth value over b, h, q, kv
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/tile/tile.hpp>

#ifdef DOMINO_OK
constexpr bool sees = domino::attends(domino::q - domino::kv < 8, 0, 0, 0, 0);
#else
constexpr bool sees = domino::attends(domino::q - domino::kv, 0, 0, 0, 0);
#endif

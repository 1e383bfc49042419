// expect: domino: a mask mod is a truth value over b, h, q, kv
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/tile/stats.hpp>

#ifdef DOMINO_OK
auto sum = domino::stats(domino::q - domino::kv < 8, {1, 1, 16, 16});
#else
auto sum = domino::stats(domino::q - domino::kv, {1, 1, 16, 16});
#endif

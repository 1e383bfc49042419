// expect: domino: a mask is an expression, not a bool yet: write where
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/tile/tile.hpp>

#ifdef DOMINO_OK
constexpr auto mask =
    domino::kv <= domino::q && [](auto, auto, auto q, auto kv) { return where(q < 4, kv < 4, kv <= q); };
#else
constexpr auto mask = domino::kv <= domino::q && [](auto, auto, auto q, auto kv) {
    if (q < 4) return kv < 4;
    return kv < 8;
};
#endif

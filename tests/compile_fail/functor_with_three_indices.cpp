// expect: MaskMod
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/tile/tile.hpp>

#ifdef DOMINO_OK
constexpr bool sees = domino::attends([](auto, auto, auto q, auto kv) { return kv <= q; }, 0, 0, 0, 0);
#else
constexpr bool sees = domino::attends([](auto, auto q, auto kv) { return kv <= q; }, 0, 0, 0, 0);
#endif

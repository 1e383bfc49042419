// expect: ScoreMod
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/substitute.hpp>

#ifdef DOMINO_OK
constexpr auto change = domino::compose(domino::score + 1.f, where(domino::kv <= domino::q, domino::score, 0.f));
#else
constexpr auto change = domino::compose(domino::score + 1.f, domino::kv <= domino::q);
#endif

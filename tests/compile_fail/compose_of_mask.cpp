// expect: domino: a score mod is a number over score, b, h, q, kv
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/substitute.hpp>

#ifdef DOMINO_OK
auto scores = domino::compose(domino::where(domino::kv <= domino::q, domino::score, 0), domino::score * 2);
#else
auto scores = domino::compose(domino::kv <= domino::q, domino::score * 2);
#endif

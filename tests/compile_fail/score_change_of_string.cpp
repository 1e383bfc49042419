// expect: domino: a score mod is an expression of float value
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/functor.hpp>

#ifdef DOMINO_OK
const auto change = domino::score_change(domino::score * 2.f);
#else
const auto change = domino::score_change("score * 2");
#endif

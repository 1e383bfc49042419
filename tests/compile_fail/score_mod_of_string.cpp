// expect: domino: a score mod is an expression of float value
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/functor.hpp>

#ifdef DOMINO_OK
const auto change = domino::as_score_mod(domino::score * 2.f);
#else
const auto change = domino::as_score_mod("score * 2");
#endif

// expect: domino: a mask mod is an expression of truth value, as in kv <= q, or a functor
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/functor.hpp>

#ifdef DOMINO_OK
const auto mask = domino::as_mask(domino::kv <= domino::q);
#else
const auto mask = domino::as_mask("kv <= q");
#endif

// expect: domino: not a mask mod: a truth value over b, h, q, kv
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/kernel/any_mask.hpp>

#ifdef DOMINO_OK
domino::any_mask near = domino::q - domino::kv < 8;
#else
domino::any_mask near = domino::q - domino::kv;
#endif

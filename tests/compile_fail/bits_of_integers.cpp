// expect: domino: no bits in the language
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/functor.hpp>

#ifdef DOMINO_OK
auto odd = domino::scalar([](int, int, int q, int kv) { return ((q + kv) & 1) != 0; });
#else
auto odd = ((domino::q + domino::kv) & 1) != 0;
#endif

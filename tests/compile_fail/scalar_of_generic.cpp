// expect: domino: scalar\(f\) needs f\(int b, int h, int q, int kv\) -> bool
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/functor.hpp>

#ifdef DOMINO_OK
const auto mask = domino::scalar([](int, int, int q, int kv) { return kv <= q; });
#else
const auto mask = domino::scalar([](int, int q, int kv) { return kv <= q; });
#endif

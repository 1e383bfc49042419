// expect: domino: a table holds integers, floats or bools
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/table.hpp>

#ifdef DOMINO_OK
auto ids(const float* entries) { return domino::table(entries, 8)(domino::q); }
#else
auto ids(const double* entries) { return domino::table(entries, 8)(domino::q); }
#endif

// expect: domino: a table's indices are integers
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/table.hpp>

#ifdef DOMINO_OK
auto entry(const domino::table_view<int, 1>& t) { return t(domino::q / 2); }
#else
auto entry(const domino::table_view<int, 1>& t) { return t(domino::q / 2.f); }
#endif

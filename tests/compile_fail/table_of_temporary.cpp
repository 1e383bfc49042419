// expect: domino: a table is a view, and this vector a temporary
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/table.hpp>

#ifdef DOMINO_OK
auto view(const std::vector<int>& entries) { return domino::table(entries); }
#else
auto view() { return domino::table(std::vector<int>{1, 2, 3}); }
#endif

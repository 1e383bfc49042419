// expect: domino: std::vector<bool> holds bits
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/expression/table.hpp>

#ifdef DOMINO_OK
auto view(const std::vector<unsigned char>& entries) { return domino::table(entries); }
#else
auto view(const std::vector<bool>& entries) { return domino::table(entries); }
#endif

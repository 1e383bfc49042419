// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// domino.hpp for programs of several files: what no mask changes, most of what a first call takes to compile, is compiled once,
// in the one file that includes domino/compiled_here.hpp.
#pragma once

#include "domino/domino.hpp"

#define DOMINO_INSTANCE extern template
#include "domino/kernel/instances.inc"
#undef DOMINO_INSTANCE

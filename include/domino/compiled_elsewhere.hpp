// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Include this in place of domino.hpp in programs of several source files: the kernels that no mask changes, most of what a first
// call takes to compile, are only declared. One source file must include domino/compiled_here.hpp.
#pragma once

#include "domino/domino.hpp"

#define DOMINO_INSTANCE extern template
#include "domino/kernel/instances.inc"
#undef DOMINO_INSTANCE

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Include this in one source file of a program: it compiles the kernels that domino/compiled_elsewhere.hpp declares for the others.
// All must be compiled for one architecture; where they are not, the linker names the kernels that are missing.
#pragma once

#include "domino/domino.hpp"

#define DOMINO_INSTANCE template
#include "domino/kernel/instances.inc"
#undef DOMINO_INSTANCE

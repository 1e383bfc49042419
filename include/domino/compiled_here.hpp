// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// domino.hpp for the one file of a program that compiles what its others expect: domino/compiled_elsewhere.hpp. All of them are
// compiled for one architecture; where they are not, the linker names what is missing.
#pragma once

#include "domino/domino.hpp"

#define DOMINO_INSTANCE template
#include "domino/kernel/instances.inc"
#undef DOMINO_INSTANCE

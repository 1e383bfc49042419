// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The catalogue of mask mods.
#pragma once

#include "domino/mask/causal.hpp"
#include "domino/mask/document.hpp"
#include "domino/mask/prefix.hpp"
#include "domino/mask/window.hpp"

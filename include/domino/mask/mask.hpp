// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The catalogue of mask mods.
#pragma once

#include "domino/mask/block.hpp"
#include "domino/mask/causal.hpp"
#include "domino/mask/chunk.hpp"
#include "domino/mask/combine.hpp"
#include "domino/mask/dense.hpp"
#include "domino/mask/document.hpp"
#include "domino/mask/grid.hpp"
#include "domino/mask/image.hpp"
#include "domino/mask/interval.hpp"
#include "domino/mask/padding.hpp"
#include "domino/mask/prefix.hpp"
#include "domino/mask/tree.hpp"
#include "domino/mask/window.hpp"

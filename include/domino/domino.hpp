// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Domino: masked attention on CPUs. A mask is an expression, and a tile is what it is asked about.
#pragma once

#include "domino/attention.hpp"
#include "domino/cache/cache.hpp"
#include "domino/info/materialize.hpp"
#include "domino/info/visualize.hpp"
#include "domino/mask/mask.hpp"
#include "domino/score/score.hpp"
#include "domino/tile/any_mask.hpp"
#include "domino/tile/stats.hpp"

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Domino: masked attention on CPUs. A mask is an expression, and a tile is what it is asked about.
#pragma once

#include "domino/attention.hpp"
#include "domino/attention_fn.hpp"
#include "domino/cache/cache.hpp"
#include "domino/expression/leaves.hpp"
#include "domino/info/export.hpp"
#include "domino/info/mask_info.hpp"
#include "domino/info/mask_logits.hpp"
#include "domino/info/materialize.hpp"
#include "domino/info/named.hpp"
#include "domino/info/positions.hpp"
#include "domino/info/visualize.hpp"
#include "domino/mask/builders.hpp"
#include "domino/mask/interop.hpp"
#include "domino/mask/mask.hpp"
#include "domino/mask/position.hpp"
#include "domino/score/masked.hpp"
#include "domino/score/score.hpp"
#include "domino/tile/any_mask.hpp"
#include "domino/tile/compare.hpp"
#include "domino/tile/stats.hpp"

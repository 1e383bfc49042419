// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The catalogue of score mods.
#pragma once

#include "domino/score/alibi.hpp"
#include "domino/score/bias.hpp"
#include "domino/score/mla.hpp"
#include "domino/score/relative.hpp"
#include "domino/score/scale.hpp"
#include "domino/score/softcap.hpp"

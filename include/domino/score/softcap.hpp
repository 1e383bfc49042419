// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Soft capping of scores.
#pragma once

#include "domino/error.hpp"
#include "domino/expression/operators.hpp"

namespace domino::inline DOMINO_ARCH {

/// cap * tanh(score / cap): scores stay within (-cap, cap); cap > 0. The mask comes after it, so masked keys stay masked.
/// (Gemma 2, Grok; penzai, FlashAttention softcap)
constexpr auto softcap(float cap) {
    if (!(cap >= 0x1p-126f) || cap > 3e38f) detail::fail("softcap(cap)", "a positive, finite cap", std::to_string(cap));
    return cap * tanh(score * (1.0f / cap));
}

}  // namespace domino::inline DOMINO_ARCH

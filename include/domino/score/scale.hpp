// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scores multiplied, bounded and hidden. The call's own option `scale` comes before these.
#pragma once

#include <limits>
#include <string>

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// score * factor.
constexpr auto scaled(float factor) { return score * factor; }

/// score / t: sharper below 1, flatter above; t > 0.
constexpr auto temperature(float t) {
    if (!(t >= 0x1p-126f)) detail::fail("temperature(t)", "a positive temperature", std::to_string(t));
    return score * (1.0f / t);
}

/// score * factors(h): a learned scale for each head.
inline auto head_scale(const table_view<float, 1>& factors) { return score * factors(h); }

/// Attention kept as sharp beyond the training length as within: score * max(1, log(q + 1) / log(trained_length));
/// trained_length >= 2.   (log-n scaling: Su, 2021; Qwen)
inline auto log_n_scale(index_t trained_length) {
    detail::at_least(2, trained_length, "log_n_scale(trained_length)");
    return score * max(log(q + 1) * static_cast<float>(1.0 / __builtin_log(double(trained_length))), 1.0f);
}

/// min(max(score, lo), hi); lo <= hi.
constexpr auto clip(float lo, float hi) {
    if (!(lo <= hi)) detail::fail("clip(lo, hi)", "lo <= hi", std::to_string(lo) + ", " + std::to_string(hi));
    return clamp(score, lo, hi);
}

/// A mask as a score mod: score where the mask holds, else -inf; for libraries' composition only, since a mask given as a
/// mask skips tiles.   (attention-gym)
template <MaskMod M>
constexpr auto mask_as_score(const M& mask_mod) {
    return where(as_mask(mask_mod), score, -std::numeric_limits<float>::infinity());
}

/// Weights activation(score) in place of exp(score): log(activation(score) + n), with n so large that the sum is positive.
/// The output O and lse give sum over keys of activation(score) V = O exp(lse) - n (sum of V), over the keys that the
/// mask keeps.   (attention-gym generate_activation_score_mod, undo_softmax)
template <ScoreMod S>
constexpr auto activation(const S& of_score, float n) {
    return log(as_score_mod(of_score) + n);
}

}  // namespace domino::inline DOMINO_ARCH

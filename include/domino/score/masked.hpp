// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks as score mods, and score mods that may be absent.
#pragma once

#include <limits>

#include "domino/expression/substitute.hpp"
#include "domino/mask/builders.hpp"

namespace domino::inline DOMINO_ARCH {

/// The score where the mask keeps it, elsewhere the lowest finite float, which is not -inf: a row that the mask hides
/// whole attends to all keys alike. As a mask, `mask_mod` skips tiles; as a score mod it cannot.
/// (attnax mask_mod_to_score_mod)
template <MaskMod M>
constexpr auto mask_mod_to_score_mod(const M& mask_mod) {
    return where(as_mask(mask_mod), score, std::numeric_limits<float>::lowest());
}

/// Score mods left to right. Absent ones (std::nullopt) are skipped; one is itself; none at all leave the score.
/// (attnax compose_score_mods, where none at all give None)
constexpr auto compose_score_mods() { return score; }
template <class First, class... Rest>
constexpr auto compose_score_mods(const First& first, const Rest&... rest) {
    if constexpr (Absent<First>) return compose_score_mods(rest...);
    else if constexpr (sizeof...(Rest) == 0) return first;
    else {
        const auto others = compose_score_mods(rest...);
        if constexpr ((Absent<Rest> && ...)) return first;
        else return compose(first, others);
    }
}

}  // namespace domino::inline DOMINO_ARCH

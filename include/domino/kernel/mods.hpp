// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A score mod in the first microkernel, and a mask written out for one panel and one tile of keys.
#pragma once

#include <cstdint>

#include "domino/kernel/by_key.hpp"
#include "domino/kernel/scores.hpp"
#include "domino/kernel/softmax.hpp"
#include "domino/tile/any_mask.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Scores of a panel with a score mod: score_mod(scale * dot).
template <bool masked, int R, class Dots, Expression Score>
DOMINO_NOINLINE void score_panel(const Dots& dots, span keys, float* scores, simd::floats (&tile_max)[R],
                                 const panel_rows& rows, float scale_factor, const Score& score_mod) {
    const simd::floats scale(scale_factor);
    with_lanes(rows, [&](auto at_row) {
        score_keys<masked>(dots, keys, scores, tile_max,
                           [&](auto r, index_t key, simd::floats dot) DOMINO_INLINE_LAMBDA {
                               const auto modified = evaluate(score_mod, at_row.at(r, key, dot * scale));
                               return simd::to_floats(detail::spread(modified));
                           });
    });
}

/// Writes the mask of a panel over `keys` into the place where the scores will come: 0 where visible, -inf where not.
template <Expression Mask>
void write_mask(const Mask& mask, const panel_rows& rows, span keys, bool narrow, float* out) {
    if (!narrow) {  // integers that may need more than a lane's 32 bits
        for (index_t key = keys.begin; key < keys.end; ++key)
            for (index_t row = 0; row < panel; ++row)
                *out++ =
                    evaluate(mask, point{rows.b, rows.heads[row], rows.positions[row], key}) ? 0.f : minus_infinity;
        return;
    }
    write_values(mask, rows, keys, out, [](simd::bools visible) DOMINO_INLINE_LAMBDA {
        return xsimd::select(visible, simd::floats(0.f), simd::floats(minus_infinity));
    });
}

/// The same of a type-erased mask, in one call.
inline void write_mask(const any_mask& mask, const panel_rows& rows, span keys, bool, float* out) {
    static_assert(panel <= 64 && kv_tile <= 128);
    std::uint64_t bits[kv_tile];
    for (index_t row = 0; row < panel;) {
        index_t end = row + 1;  // as many rows as share a head and follow each other
        while (end < panel && rows.heads[end] == rows.heads[row] && rows.positions[end] == rows.positions[end - 1] + 1)
            ++end;
        mask.fill_bits({rows.b, rows.heads[row], {rows.positions[row], rows.positions[row] + end - row}, keys}, bits);
        for (index_t key = 0; key < keys.size(); ++key)
            for (index_t i = row; i < end; ++i)
                out[key * panel + i] = (bits[key] >> (i - row)) & 1 ? 0.f : minus_infinity;
        row = end;
    }
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

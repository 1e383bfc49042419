// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A score mod, and a mask written out, for one panel and one tile of keys.
#pragma once

#include <cstdint>

#include "domino/kernel/by_key.hpp"
#include "domino/kernel/scores.hpp"
#include "domino/kernel/softmax.hpp"
#include "domino/tile/any_mask.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Scores [keys, panel] of R registers of rows with a score mod: score_mod(scale * dot). Where `masked`, `scores` holds the
/// mask at first, as for score_panel. A loop of its own: beside the accumulators of the dot products there are no registers
/// left, and the score mod would be there once for each of them.
template <bool masked, int R, Expression Score>
DOMINO_NOINLINE void modify_scores(const float* dots, const panel_rows& rows, span keys, float scale_factor,
                                   const Score& score_mod, float* scores, simd::floats (&tile_max)[R]) {
    const simd::floats scale(scale_factor), nothing(minus_infinity);
    with_lanes<R>(rows, score_mod, [&](auto at_row, const auto& known_mod) {
        simd::floats most[R];  // a copy: stores of scores could change what a reference names
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { most[r] = tile_max[r]; });
        for (index_t key = keys.begin; key < keys.end; ++key, dots += panel, scores += panel)
            simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA {
                const simd::floats dot = simd::floats::load_aligned(dots + r * simd::width);
                const auto modified = evaluate(known_mod, at_row.at(r, key, dot * scale));
                simd::floats s = simd::to_floats(detail::spread(modified));
                float* at = scores + r * simd::width;
                if constexpr (masked) s = xsimd::select(simd::floats::load_aligned(at) == nothing, nothing, s);
                most[r] = xsimd::max(s, most[r]);  // in this order: NaN is passed over
                s.store_aligned(at);
            });
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { tile_max[r] = most[r]; });
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

/// The same of a type-erased mask, in one call for the rows that share a head and follow each other.
inline void write_mask(const any_mask& mask, const panel_rows& rows, span keys, bool, float* out) {
    static_assert(panel <= 64 && kv_tile <= 128);
    std::uint64_t bits[kv_tile] = {};
    for (index_t row = 0, end = 0; row < panel; row = end) {
        end = row + 1;
        while (end < panel && rows.heads[end] == rows.heads[row] && rows.positions[end] == rows.positions[end - 1] + 1)
            ++end;
        mask.set_bits({rows.b, rows.heads[row], {rows.positions[row], rows.positions[row] + end - row}, keys}, row,
                      bits);
    }
    for (index_t key = 0; key < keys.size(); ++key)
        for (int r = 0; r < panel_registers; ++r, out += simd::width) {
            const auto visible = simd::from_bits(static_cast<std::uint32_t>(bits[key] >> (r * simd::width)));
            xsimd::select(visible, simd::floats(0.f), simd::floats(minus_infinity)).store_aligned(out);
        }
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

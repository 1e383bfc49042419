// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A score mod, and a mask written out, for one panel and one tile of keys.
#pragma once

#include <cstdint>

#include "domino/kernel/scores.hpp"
#include "domino/kernel/staged.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Turns the dot products [keys, panel] of R registers of rows into scores: score_mod(scale * dot) of what is visible. A loop
/// of its own: beside the accumulators of the dot products there are no registers left, and the score mod would be there
/// once for each of them.
template <int R, Expression Score, class Visible>
DOMINO_NOINLINE void modify_scores(const panel_rows& rows, span keys, float scale_factor, const Score& score_mod,
                                   Visible visible, float* scores, simd::floats (&tile_max)[R]) {
    const simd::floats scale(scale_factor);
    with_lanes<R>(rows, score_mod, [&](auto at_row, const auto& known_mod) {
        simd::floats most[R];  // a local copy: stores to `scores` might change what a reference names
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { most[r] = tile_max[r]; });
        for (index_t key = keys.begin; key < keys.end; ++key, scores += panel)
            simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA {
                float* at = scores + r * simd::width;
                const auto modified = evaluate(known_mod, at_row.at(r, key, simd::floats::load_aligned(at) * scale));
                const auto s = visible.of(simd::to_floats(detail::spread(modified)), key - keys.begin, r);
                most[r] = simd::max(s, most[r]);  // NaN is passed over
                s.store_aligned(at);
            });
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { tile_max[r] = most[r]; });
    });
}

/// Which of a panel's rows see which of `keys`: bit i of bits[j] where row i sees the j-th key.
template <Expression Mask>
void write_mask(const Mask& mask, const panel_rows& rows, span keys, bool narrow, std::uint64_t* bits) {
    if (narrow) return write_bits(mask, rows, keys, bits);
    std::fill_n(bits, keys.size(), 0);  // integers that may need more than a lane's 32 bits
    for (index_t key = keys.begin; key < keys.end; ++key, ++bits)
        for (index_t row = 0; row < rows.count; ++row)
            *bits |= std::uint64_t{evaluate(mask, point{rows.b, rows.heads[row], rows.positions[row], key})} << row;
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

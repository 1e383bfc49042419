// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A panel's rows as the lanes domain sees them, and a mask written out for one panel and one tile of keys.
#pragma once

#include <cstdint>

#include "domino/domain/lanes.hpp"
#include "domino/kernel/scores.hpp"
#include "domino/kernel/softmax.hpp"
#include "domino/tile/any_mask.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The rows of a panel. A row is (query position, query head): neighbours of one head usually, several heads of a group
/// where queries are few.
struct panel_rows {
    index_t b;
    bool one_head;                  ///< h is shared and positions are consecutive
    const std::int32_t* heads;      ///< [panel]
    const std::int32_t* positions;  ///< [panel]
    tile box;                       ///< all of them, for the range domain

    /// Those in `count` registers from `first` on, of rows that share a head.
    panel_rows only(int first, int count) const {
        panel_rows rows = *this;
        rows.heads += first * simd::width;
        rows.positions += first * simd::width;
        rows.box.q.begin = std::min(box.q.begin + first * simd::width, box.q.end);
        rows.box.q.end = std::min(rows.box.q.begin + count * simd::width, box.q.end);
        return rows;
    }
};

/// The lanes of register r when the rows share a head, and when they do not.
struct one_head_rows {
    const panel_rows& rows;
    template <class Score = float>
    DOMINO_INLINE auto at(int r, index_t key, Score s = {}) const {
        return lanes<index_t, consecutive, Score>{
            rows.b, rows.box.h.begin, {rows.box.q.begin + r * simd::width}, key, s};
    }
};
struct mixed_rows {
    const panel_rows& rows;
    template <class Score = float>
    DOMINO_INLINE auto at(int r, index_t key, Score s = {}) const {
        return lanes<simd::ints, simd::ints, Score>{rows.b, simd::ints::load_aligned(rows.heads + r * simd::width),
                                                    simd::ints::load_aligned(rows.positions + r * simd::width), key, s};
    }
};

template <class F>
DOMINO_INLINE void with_lanes(const panel_rows& rows, F f) {
    if (rows.one_head) f(one_head_rows{rows});
    else f(mixed_rows{rows});
}

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
inline void write_mask(const Mask& mask, const panel_rows& rows, span keys, bool narrow, float* out) {
    if (!narrow) {  // integers that may need more than a lane's 32 bits
        for (index_t key = keys.begin; key < keys.end; ++key)
            for (index_t row = 0; row < panel; ++row)
                *out++ =
                    evaluate(mask, point{rows.b, rows.heads[row], rows.positions[row], key}) ? 0.f : minus_infinity;
        return;
    }
    with_lanes(rows, [&](auto at_row) {
        for (index_t key = keys.begin; key < keys.end; ++key)
            for (int r = 0; r < panel_registers; ++r, out += simd::width)
                xsimd::select(detail::spread(evaluate(mask, at_row.at(r, key))), simd::floats(0.f),
                              simd::floats(minus_infinity))
                    .store_aligned(out);
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

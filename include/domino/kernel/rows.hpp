// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A panel's rows as the lanes domain sees them.
#pragma once

#include <cstdint>

#include "domino/domain/lanes.hpp"
#include "domino/kernel/shape.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Writes a register to memory as floats, whatever it holds; reads it again.
DOMINO_INLINE simd::floats as_stored(simd::floats x) { return x; }
DOMINO_INLINE simd::floats as_stored(simd::ints x) { return simd::bit_cast<float>(x); }
DOMINO_INLINE simd::floats as_stored(simd::bools x) { return xsimd::select(x, simd::floats(1.f), simd::floats(0.f)); }
template <class Entry>
DOMINO_INLINE auto from_stored(simd::floats x) {
    if constexpr (std::same_as<Entry, bool>) return simd::to_bools(x != simd::floats(0.f));
    else if constexpr (std::same_as<Entry, index_t>) return simd::bit_cast<std::int32_t>(x);
    else return x;
}

/// The rows of a panel. A row is (query position, query head): neighbours of one head usually, several heads of a group
/// where queries are few.
struct panel_rows {
    index_t b, count;
    bool one_head;                  ///< h is shared and positions are consecutive
    const std::int32_t* heads;      ///< [panel]
    const std::int32_t* positions;  ///< [panel]
    tile box;                       ///< all of them, for the range domain
    const float* staged = nullptr;  ///< what by_key.hpp has written for the keys from staged_begin on
    index_t staged_begin = 0;

    /// Rows in register r.
    index_t live(int r) const { return std::min(count - r * simd::width, simd::width); }
    /// Those in n registers from `first` on, of rows that share a head.
    panel_rows only(int first, int n) const {
        panel_rows rows = *this;
        rows.count = std::clamp<index_t>(count - first * simd::width, 0, n * simd::width);
        rows.heads += first * simd::width;
        rows.positions += first * simd::width;
        if (rows.staged) rows.staged += first * simd::width;
        rows.box.q.begin = std::min(box.q.begin + first * simd::width, box.q.end);
        rows.box.q.end = std::min(rows.box.q.begin + n * simd::width, box.q.end);
        return rows;
    }
};

/// Look-ups whose entries may wait in memory at once, [kv_tile, panel] each.
inline constexpr index_t most_staged = 4;

/// The lanes of a register of rows.
template <class H, class Q, class Score>
struct row_lanes : lanes<H, Q, Score> {
    const panel_rows* rows;
    int r;

    const lanes<H, Q, Score>& by_row() const { return *this; }
    /// A look-up's entries, from where they wait; one by one where they do not.
    DOMINO_INLINE auto staged(const auto& of) const {
        if (of.slot >= most_staged) [[unlikely]]
            return look_up(of.lookup, this->b, this->h, this->q, this->kv);
        const index_t place = of.slot * kv_tile + this->kv - rows->staged_begin;
        return from_stored<value_t<decltype(of.lookup)>>(
            simd::floats::load_aligned(rows->staged + place * panel + r * simd::width));
    }

private:
    DOMINO_NOINLINE static auto look_up(const auto& lookup, index_t b_, H h_, Q q_, index_t kv_) {
        return evaluate(lookup, lanes<H, Q>{b_, h_, q_, kv_});
    }
};

/// The lanes of register r when the rows share a head, and when they do not.
struct one_head_rows {
    const panel_rows& rows;
    template <class Score = float>
    DOMINO_INLINE auto at(int r, index_t key, Score s = {}) const {
        const index_t first = r * simd::width;
        return row_lanes<index_t, consecutive, Score>{
            {rows.b, rows.box.h.begin, {rows.box.q.begin + first}, key, s, rows.live(r)}, &rows, r};
    }
};
struct mixed_rows {
    const panel_rows& rows;
    template <class Score = float>
    DOMINO_INLINE auto at(int r, index_t key, Score s = {}) const {
        const index_t first = r * simd::width;
        return row_lanes<simd::ints, simd::ints, Score>{
            {rows.b, simd::ints::load_aligned(rows.heads + first), simd::ints::load_aligned(rows.positions + first),
             key, s, rows.live(r)},
            &rows,
            r};
    }
};

template <class F>
DOMINO_INLINE void with_lanes(const panel_rows& rows, F f) {
    if (rows.one_head) f(one_head_rows{rows});
    else f(mixed_rows{rows});
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

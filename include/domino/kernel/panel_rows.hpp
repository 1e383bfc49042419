// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A panel's rows as the lanes domain sees them.
#pragma once

#include <cstdint>

#include "domino/domain/lanes.hpp"
#include "domino/expression/known.hpp"
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
    const float* staged = nullptr;  ///< what staged.hpp has written for the keys from staged_begin on
    index_t staged_begin = 0;

    /// Those in n registers from `first` on; nothing is staged yet.
    panel_rows only(int first, int n) const {
        panel_rows rows = *this;
        rows.count = std::clamp<index_t>(count - first * simd::width, 0, n * simd::width);
        rows.heads += first * simd::width;
        rows.positions += first * simd::width;
        if (one_head) {
            rows.box.q.begin = std::min(box.q.begin + first * simd::width, box.q.end);
            rows.box.q.end = std::min(rows.box.q.begin + n * simd::width, box.q.end);
        }
        return rows;
    }
};

/// Look-ups whose entries may wait in memory at once, [kv_tile, panel] each.
inline constexpr index_t most_staged = 4;

/// A value for each of R registers of rows.
template <class T, int R>
struct by_register {
    T of[R];
};

/// The lanes of register r of rows.
template <class H, class Q, class Score>
struct register_lanes : lanes<H, Q, Score> {
    int r;

    template <class T, int R>
    DOMINO_INLINE T known(const by_register<T, R>& found) const {
        return found.of[r];
    }
};

/// The same, and a look-up's entries from where they wait; one by one where they do not.
template <class H, class Q, class Score>
struct row_lanes : register_lanes<H, Q, Score> {
    const panel_rows* rows;

    /// Those of a look-up's own indices: a staged one below it is looked up again.
    const register_lanes<H, Q, Score>& without_staged() const { return *this; }
    DOMINO_INLINE auto staged(const auto& of) const {
        if (of.slot >= most_staged) [[unlikely]]
            return look_up(of.lookup, this->b, this->h, this->q, this->kv);
        const index_t place = of.slot * kv_tile + this->kv - rows->staged_begin;
        return from_stored<value_t<decltype(of.lookup)>>(
            simd::floats::load_aligned(rows->staged + place * panel + this->r * simd::width));
    }

private:
    DOMINO_NOINLINE static auto look_up(const auto& lookup, index_t b_, H h_, Q q_, index_t kv_) {
        return evaluate(lookup, lanes<H, Q>{b_, h_, q_, kv_});
    }
};

/// The lanes of register r when the rows share a head, and when they do not. What lanes are made of is copied: stores to
/// scores might change what a reference names.
struct one_head_rows {
    const panel_rows* rows;
    index_t b = rows->b, h = rows->box.h.begin, first = rows->box.q.begin, count = rows->count;
    template <class Score = float>
    DOMINO_INLINE auto at(int r, index_t key, Score s = {}) const {
        const index_t before = r * simd::width;
        return row_lanes<index_t, consecutive, Score>{
            {{b, h, {first + before}, key, s, std::min(count - before, simd::width)}, r}, rows};
    }
};
struct mixed_rows {
    const panel_rows* rows;
    index_t b = rows->b, count = rows->count;
    const std::int32_t *heads = rows->heads, *positions = rows->positions;
    template <class Score = float>
    DOMINO_INLINE auto at(int r, index_t key, Score s = {}) const {
        const index_t before = r * simd::width;
        return row_lanes<simd::ints, simd::ints, Score>{
            {{b, simd::ints::load_aligned(heads + before), simd::ints::load_aligned(positions + before), key, s,
              std::min(count - before, simd::width)},
             r},
            rows};
    }
};

/// Evaluates what only the rows decide, for R registers of them.
template <int R, class AtRow>
struct find_by_register {
    AtRow at_row;
    template <Expression E>
    DOMINO_INLINE auto operator()(const E& e) const {
        return [&]<int... r>(std::integer_sequence<int, r...>) DOMINO_INLINE_LAMBDA {
            return by_register<decltype(value(e, 0)), R>{{value(e, r)...}};
        }(std::make_integer_sequence<int, R>{});
    }

private:
    template <Expression E>
    DOMINO_INLINE auto value(const E& e, int r) const {
        const auto x = evaluate(e, at_row.at(r, 0));
        if constexpr (std::same_as<value_t<E>, index_t>) return x;  // some operations are faster with a shared one
        else return detail::spread(x);
    }
};
/// The domain of expressions in which that is known.
template <int R, class AtRow>
struct knowing_rows : knowing<axes::kv | axes::score, find_by_register<R, AtRow>> {
    explicit knowing_rows(AtRow at_row) : knowing<axes::kv | axes::score, find_by_register<R, AtRow>>({at_row}) {}
    auto staged(const auto& of) const { return borrowed(of); }
};

/// Calls f(at_row, e): e is `expression` for the first R registers of rows, whose lanes at_row.at(register, key, score) gives;
/// what only the rows decide is evaluated here, once.
template <int R, Expression E, class F>
DOMINO_INLINE void with_lanes(const panel_rows& rows, const E& expression, F f) {
    const auto with = [&](auto at_row) DOMINO_INLINE_LAMBDA {
        f(at_row, evaluate(expression, knowing_rows<R, decltype(at_row)>(at_row)));
    };
    if (rows.one_head) with(one_head_rows{&rows});
    else with(mixed_rows{&rows});
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

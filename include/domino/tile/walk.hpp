// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which keys a block of rows must visit: the range domain asked from large to small, so that a large empty or full
// stretch is decided once and the cost grows with the mask's boundary.
#pragma once

#include <bit>
#include <type_traits>

#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {

/// A stretch of keys that all rows of a block see (`full`) or that must be looked at element by element (`partial`).
struct run {
    span kv;
    tile_kind kind;
    friend constexpr bool operator==(const run&, const run&) = default;
};

namespace detail {

constexpr index_t floor_power_of_two(index_t n) {
    return static_cast<index_t>(std::bit_floor(static_cast<std::uint64_t>(n)));
}

/// Halves `kv` (on multiples of `grain`) until each piece is decided or of one grain, and visits them from the left.
template <Expression E, class Visit>
constexpr void halve(const E& expression, range& box, span kv_span, index_t grain, Visit& visit) {
    box.kv = closed(kv_span);
    const truth verdict = evaluate(expression, box);
    const index_t grains = (kv_span.end - 1) / grain - kv_span.begin / grain + 1;
    if (!verdict.may || verdict.must || grains <= 1) {
        visit(run{kv_span, as_kind(verdict)});
        return;
    }
    const index_t middle = (kv_span.begin / grain + floor_power_of_two(grains - 1)) * grain;
    halve(expression, box, {kv_span.begin, middle}, grain, visit);
    halve(expression, box, {middle, kv_span.end}, grain, visit);
}

}  // namespace detail

/// Calls visit(run) for the live runs of keys of `rows` (its b, h and q; its kv is the stretch to look at), in
/// ascending order, neighbours of one kind joined. Runs begin and end on multiples of `grain` (or at the ends of kv).
template <MaskMod M, class Visit>
constexpr void for_each_run(const M& mask_mod, const tile& rows, index_t grain, Visit&& visit) {
    if (rows.empty()) return;
    run pending{{0, 0}, tile_kind::empty};
    const auto flush = [&] {
        if (pending.kind != tile_kind::empty) visit(pending);
    };
    auto join_or_flush = [&](const run& next) {
        if (next.kind == pending.kind && next.kv.begin == pending.kv.end) {
            pending.kv.end = next.kv.end;
        } else {
            flush();
            pending = next;
        }
    };
    range box = detail::as_range(rows);
    detail::halve(mask(mask_mod), box, rows.kv, grain, join_or_flush);
    flush();
}

/// The smallest stretch [begin, end) of `t.kv`, in steps of `grain`, outside which the tile is provably empty.
template <Expression E>
constexpr span live_keys(const E& expression, const tile& t, index_t grain) {
    if (t.empty()) return {t.kv.begin, t.kv.begin};
    range box = detail::as_range(t);
    span live = t.kv;
    const auto drop = [&](index_t begin, index_t end) {
        box.kv = {begin, end - 1};
        return !evaluate(expression, box).may;
    };
    // Halve first, then step: a live stretch at one end of a long tile is found in a few questions.
    for (index_t step = detail::floor_power_of_two(t.kv.size() / grain + 1) * grain; step >= grain; step /= 2) {
        while (live.size() >= step && drop(live.begin, live.begin + step)) live.begin += step;
        while (live.size() >= step && drop(live.end - step, live.end)) live.end -= step;
    }
    return live;
}

}  // namespace domino::inline DOMINO_ARCH

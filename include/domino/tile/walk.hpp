// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which keys a block of rows must visit: the range domain asked from large to small, so that a large empty or full
// stretch is decided once and the cost grows with the mask's boundary.
#pragma once

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

/// Halves `kv` (on multiples of `grain`) until each piece is decided or of one grain, and visits them from the left.
template <Expression E, class Visit>
constexpr void halve(const E& expression, range& box, span kv_span, index_t grain, Visit& visit) {
    box.kv = closed(kv_span);
    const truth verdict = evaluate(expression, box);
    const index_t first = floor_divide(kv_span.begin, grain), grains = floor_divide(kv_span.end - 1, grain) - first + 1;
    if (!verdict.may || verdict.must || grains <= 1) {
        visit(run{kv_span, as_kind(verdict)});
        return;
    }
    const index_t middle = (first + floor_power_of_two(grains - 1)) * grain;
    halve(expression, box, {kv_span.begin, middle}, grain, visit);
    halve(expression, box, {middle, kv_span.end}, grain, visit);
}

}  // namespace detail

/// Calls visit(run) for the live runs of keys of `rows` (its b, h and q; its kv is the stretch to look at), in
/// ascending order, neighbours of one kind joined. Runs begin and end on multiples of `grain`, 1 or more, or at the ends of kv.
template <MaskMod M, class Visit>
constexpr void for_each_run(const M& mask_mod, const tile& rows, index_t grain, Visit&& visit) {
    if (rows.empty()) return;
    detail::at_least(1, grain, "for_each_run(mask, rows, grain): grain");
    if constexpr (requires { mask_mod.for_each_run(rows, grain, visit); })
        return mask_mod.for_each_run(rows, grain, visit);  // an erased mask walks over itself
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
    detail::halve(as_mask(mask_mod), box, rows.kv, grain, join_or_flush);
    flush();
}

/// Keys of the live runs of `rows`: what there is to compute a row, but for what partial runs hide.
template <MaskMod M>
constexpr index_t count_live(const M& mask_mod, const tile& rows, index_t grain) {
    index_t live = 0;
    for_each_run(mask_mod, rows, grain, [&](const run& r) { live += r.kv.size(); });
    return live;
}

/// Calls visit(keys) for each of `parts` stretches, which cover the keys of `rows` in ascending order, meet on multiples of
/// `grain` and have about equally many live keys.
template <MaskMod M, class Visit>
constexpr void for_each_share(const M& mask_mod, const tile& rows, index_t grain, index_t parts, Visit&& visit) {
    const index_t live = count_live(mask_mod, rows, grain);
    span share{rows.kv.begin, rows.kv.begin};
    index_t cuts = 0, before = 0;  // live keys before the run
    const auto cut = [&](index_t at) {
        share = {share.end, at};
        visit(share);
        ++cuts;
    };
    for_each_run(mask_mod, rows, grain, [&](const run& r) {
        const auto wanted = [&] { return live * (cuts + 1) / parts - before; };  // live keys of the run up to the cut
        while (cuts + 1 < parts && wanted() < r.kv.size()) {
            const index_t on_grain = (r.kv.begin + wanted()) / grain * grain;
            cut(on_grain < r.kv.begin ? r.kv.begin : on_grain);
        }
        before += r.kv.size();
    });
    while (cuts < parts) cut(rows.kv.end);
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a mask costs: tiles of each kind, visible pairs, share of work skipped; counted by ranges, not by elements.
#pragma once

#include <algorithm>
#include <vector>

#include "domino/tile/inspect.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {

/// The tiles to count: `q` rows by `kv` keys. (The kernel's own are kernel::kv_tile keys by a block of rows.)
struct tile_size {
    index_t q = 64, kv = 64;
};

/// Counts over a whole score matrix, all batch entries and heads.
struct mask_stats {
    index_t empty = 0, partial = 0, full = 0;  ///< tiles of each kind (partial: as classified, may be pessimistic)
    index_t visible = 0;                       ///< pairs (q, kv) that the mask keeps, exactly
    index_t pairs = 0;                         ///< all pairs: batch * heads * q_len * kv_len
    index_t skipped = 0;                       ///< pairs in empty tiles, which no kernel visits
    constexpr index_t tiles() const { return empty + partial + full; }
    /// Share of the pairs that the mask keeps.
    constexpr double density() const { return pairs ? double(visible) / double(pairs) : 0.0; }
    /// Share of the pairs in tiles that are skipped.
    constexpr double skipped_share() const { return pairs ? double(skipped) / double(pairs) : 0.0; }
};

namespace detail {

/// Pairs of a tile that the mask keeps, exactly: the tile is quartered until ranges decide or a few points are left.
template <Expression E>
index_t count_visible(const E& expression, const tile& t) {
    if (t.empty()) return 0;
    const truth verdict = evaluate(expression, as_range(t));
    if (verdict.must) return t.pairs();
    if (!verdict.may) return 0;
    index_t visible = 0;
    if (t.pairs() <= few_pairs) {
        for (index_t row = t.q.begin; row < t.q.end; ++row)
            for (index_t key = t.kv.begin; key < t.kv.end; ++key)
                visible += evaluate(expression, point{t.b.begin, t.h.begin, row, key}) ? 1 : 0;
        return visible;
    }
    for (const tile& half : halves(t)) visible += count_visible(expression, half);
    return visible;
}

/// Whether the mask keeps any pair of a tile, exactly: the same, up to the first pair found.
template <Expression E>
bool sees_any(const E& expression, const tile& t) {
    if (t.empty()) return false;
    const truth verdict = evaluate(expression, as_range(t));
    if (!verdict.may || verdict.must) return verdict.may;
    if (t.pairs() > few_pairs) {
        const auto [first, second] = halves(t);
        return sees_any(expression, first) || sees_any(expression, second);
    }
    for (index_t row = t.q.begin; row < t.q.end; ++row)
        for (index_t key = t.kv.begin; key < t.kv.end; ++key)
            if (evaluate(expression, point{t.b.begin, t.h.begin, row, key})) return true;
    return false;
}

/// Adds one (b, h) slice of the score matrix.
template <Expression E>
void add_slice(mask_stats& sum, const E& expression, const tile& slice, tile_size size) {
    for (index_t begin = slice.q.begin; begin < slice.q.end; begin += size.q) {
        tile rows = slice;
        rows.q = {begin, std::min(begin + size.q, slice.q.end)};
        index_t live = 0;
        for_each_run(expression, rows, size.kv, [&](const run& r) {
            const index_t tiles = (r.kv.end - 1) / size.kv - r.kv.begin / size.kv + 1;
            live += tiles;
            tile t = rows;
            t.kv = r.kv;
            sum.skipped -= t.pairs();
            (r.kind == tile_kind::full ? sum.full : sum.partial) += tiles;
            if (r.kind == tile_kind::full) {
                sum.visible += t.pairs();
                return;
            }
            for (index_t key = r.kv.begin; key < r.kv.end; key += size.kv) {
                t.kv = {key, std::min(key + size.kv, r.kv.end)};
                sum.visible += count_visible(expression, t);
            }
        });
        sum.skipped += rows.pairs();
        sum.empty += (slice.kv.size() + size.kv - 1) / size.kv - live;
    }
}

}  // namespace detail

/// Tiles of each kind, visible pairs and skipped pairs of `mask` over `shape`. A mask that ignores b or h is counted
/// once and multiplied. Time grows with the mask's boundary, memory not at all.
template <MaskMod M>
mask_stats stats(const M& mask_mod, const mask_shape& shape, tile_size size = {}) {
    using E = mask_t<M>;
    const E& expression = as_mask(mask_mod);
    detail::at_least(1, size.q, "tile_size.q");
    detail::at_least(1, size.kv, "tile_size.kv");
    detail::check_shape(expression, shape);
    mask_stats sum;
    index_t slices = 0;
    detail::for_each_slice<E>(shape, [&](const tile& slice) {
        detail::add_slice(sum, expression, slice, size);
        ++slices;
        return true;
    });
    const index_t copies = slices == 0 ? 0 : shape.batch * shape.heads / slices;
    for (index_t* count : {&sum.empty, &sum.partial, &sum.full, &sum.visible, &sum.skipped}) *count *= copies;
    sum.pairs = shape.batch * shape.heads * shape.q_len * shape.kv_len;
    return sum;
}

}  // namespace domino::inline DOMINO_ARCH

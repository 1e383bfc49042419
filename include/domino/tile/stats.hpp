// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a mask costs: tiles of each kind, visible pairs, share of work skipped; counted by ranges, not by elements.
#pragma once

#include <algorithm>
#include <vector>

#include "domino/tile/check.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {

/// The tiles that the kernel works in: `q` rows by `kv` keys.
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
    if (t.pairs() <= 16) {
        for (index_t row = t.q.begin; row < t.q.end; ++row)
            for (index_t key = t.kv.begin; key < t.kv.end; ++key)
                visible += evaluate(expression, point{t.b.begin, t.h.begin, row, key}) ? 1 : 0;
        return visible;
    }
    const bool tall = t.q.size() >= t.kv.size();
    const span& cut = tall ? t.q : t.kv;
    const index_t middle = cut.begin + cut.size() / 2;
    tile first = t, second = t;
    (tall ? first.q : first.kv).end = middle;
    (tall ? second.q : second.kv).begin = middle;
    return count_visible(expression, first) + count_visible(expression, second);
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
    const E& expression = mask(mask_mod);
    detail::at_least(1, size.q, "tile_size.q");
    detail::at_least(1, size.kv, "tile_size.kv");
    detail::check_shape(expression, shape);
    const index_t batches = depends_on<E>(axes::b) ? shape.batch : std::min<index_t>(shape.batch, 1);
    const index_t heads = depends_on<E>(axes::h) ? shape.heads : std::min<index_t>(shape.heads, 1);
    mask_stats sum;
    for (index_t batch = 0; batch < batches; ++batch)
        for (index_t head = 0; head < heads; ++head)
            detail::add_slice(sum, expression, {batch, head, {0, shape.q_len}, {0, shape.kv_len}}, size);
    const index_t copies = batches * heads == 0 ? 0 : shape.batch * shape.heads / (batches * heads);
    for (index_t* count : {&sum.empty, &sum.partial, &sum.full, &sum.visible, &sum.skipped}) *count *= copies;
    sum.pairs = shape.batch * shape.heads * shape.q_len * shape.kv_len;
    return sum;
}

}  // namespace domino::inline DOMINO_ARCH

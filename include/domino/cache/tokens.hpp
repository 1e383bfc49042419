// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all caches share: which tokens come next, and how their vectors get into cells.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "domino/cache/rows.hpp"
#include "domino/expression/table.hpp"
#include "domino/tensor/check.hpp"

namespace domino::inline DOMINO_ARCH {

/// A token's position in its sequence (see token_positions); negative for padding and for cells that hold nothing.
using position_t = std::int32_t;

/// What a cache is made for. `cells` is the number of tokens a sequence (linear), a ring or a page holds.
struct cache_shape {
    index_t layers = 1, batch = 1, heads = 1, cells = 0, head_dim = 0;
    index_t value_dim = 0;    ///< head_dim of the values; 0: as the keys
    index_t scale_block = 0;  ///< of int8: channels that share a scale; 0: one scale a vector
};

/// A KV cache as a layer sees it: `extend` makes room for tokens, once for all layers; `store` writes a layer's keys and
/// values into that room; keys, values and positions are then what attention reads; `keep` takes tokens back.
template <class C>
concept KvCache = requires(C& c, const C& r, index_t i, std::span<const position_t> positions,
                           std::span<const index_t> counts, const tensor_view<const float>& x) {
    c.extend(positions, counts);
    c.store(i, x, x);
    c.keep(i, i, counts);
    { r.keys(i) } -> RowSource;
    { r.values(i) } -> RowSource;
    { r.positions() } -> std::same_as<table_view<position_t, 2>>;
    { r.batch() } -> std::convertible_to<index_t>;
    { r.end(i) } -> std::convertible_to<index_t>;
};

namespace detail {

/// Keys and values of all layers.
template <Element T>
class cache_layers {
public:
    cache_layers(const cache_shape& shape, index_t slabs) {
        at_least(1, shape.layers, "cache: layers");
        for (index_t i = 0; i < shape.layers; ++i) {
            keys_.emplace_back(slabs, shape.heads, shape.cells, shape.head_dim, shape.scale_block);
            values_.emplace_back(slabs, shape.heads, shape.cells, shape.value_dim ? shape.value_dim : shape.head_dim,
                                 shape.scale_block);
        }
    }
    const cache_rows<T>& keys(index_t layer) const { return keys_[index(layer)]; }
    const cache_rows<T>& values(index_t layer) const { return values_[index(layer)]; }
    index_t count() const { return static_cast<index_t>(keys_.size()); }

    /// Writes token i of batch entry b where place(b, i) says {slab, cell}, for i < counts[b].
    template <class Place>
    void store(index_t layer, const tensor_view<const float>& K, const tensor_view<const float>& V,
               std::span<const index_t> counts, index_t len, Place place) {
        cache_rows<T>&keys = keys_[index(layer)], &values = values_[index(layer)];
        check("K", K, keys, counts, len);
        check("V", V, values, counts, len);
        for (index_t b_ = 0; b_ < K.batch(); ++b_)
            for (index_t i = 0; i < counts[static_cast<std::size_t>(b_)]; ++i) {
                const auto [slab, cell] = place(b_, i);
                for (index_t h_ = 0; h_ < K.heads(); ++h_) {
                    keys.write(slab, h_, cell, K.row(b_, h_, i));
                    values.write(slab, h_, cell, V.row(b_, h_, i));
                }
            }
    }
    /// Copies a cell in every layer.
    template <class Cell>
    void copy(const Cell& from, const Cell& to) {
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            keys_[i].copy(from.slab, from.cell, to.slab, to.cell);
            values_[i].copy(from.slab, from.cell, to.slab, to.cell);
        }
    }
    std::size_t bytes() const {
        std::size_t sum = 0;
        for (std::size_t i = 0; i < keys_.size(); ++i) sum += keys_[i].bytes() + values_[i].bytes();
        return sum;
    }

private:
    std::size_t index(index_t layer) const {
        if (layer < 0 || layer >= count()) fail("layer", "0 to " + std::to_string(count() - 1), std::to_string(layer));
        return static_cast<std::size_t>(layer);
    }
    static void check(const char* argument, const tensor_view<const float>& x, const cache_rows<T>& rows,
                      std::span<const index_t> counts, index_t len) {
        check_tensor(argument, x);
        const auto equal = [&](const char* what, index_t expected, index_t got) {
            if (expected != got)
                fail(argument, std::string("the cache's ") + what + " " + std::to_string(expected),
                     std::to_string(got));
        };
        equal("batch", static_cast<index_t>(counts.size()), x.batch());
        equal("heads", rows.heads(), x.heads());
        equal("head_dim", rows.head_dim(), x.head_dim());
        if (x.len() != len)
            fail(argument, "the " + std::to_string(len) + " tokens of the last extend()", std::to_string(x.len()));
    }

    std::vector<cache_rows<T>> keys_, values_;
};

/// Where a token's vectors lie.
struct cell {
    index_t slab, cell;
};

/// The tokens of one extend(): positions [batch, len], of which entry b brings the first counts[b].
struct new_tokens {
    index_t len = 0;
    std::vector<index_t> counts;

    /// Checks the shapes; without counts every entry brings all.
    new_tokens(index_t batch, std::span<const position_t> positions, std::span<const index_t> given)
        : counts(given.begin(), given.end()) {
        const auto size = static_cast<index_t>(positions.size());
        if (batch == 0 ? size != 0 : size % batch != 0)
            fail("positions", "a multiple of the batch " + std::to_string(batch), std::to_string(size));
        len = batch > 0 ? size / batch : 0;
        if (given.empty()) counts.assign(static_cast<std::size_t>(batch), len);
        if (static_cast<index_t>(counts.size()) != batch)
            fail("counts", "an entry for each of the batch " + std::to_string(batch), std::to_string(counts.size()));
        for (const index_t count : counts)
            if (count < 0 || count > len) fail("counts", "0 to " + std::to_string(len), std::to_string(count));
    }
    std::span<const position_t> of(index_t b_, std::span<const position_t> positions) const {
        return positions.subspan(static_cast<std::size_t>(b_ * len),
                                 static_cast<std::size_t>(counts[static_cast<std::size_t>(b_)]));
    }
};

/// The last position after `added`, which may repeat (siblings of a tree of drafts) but not run backwards.
inline position_t last_position(position_t last, std::span<const position_t> added) {
    for (const position_t p : added) {
        if (p >= 0 && p < last) fail("positions", "no position below " + std::to_string(last), std::to_string(p));
        if (p >= 0) last = p;
    }
    return last;
}

/// Token indices that keep() may keep: ascending, from `first` to `end`.
inline void check_kept(index_t first, index_t end, std::span<const index_t> kept) {
    if (first < 0 || first > end) fail("first", "0 to " + std::to_string(end), std::to_string(first));
    index_t least = first;
    for (const index_t token : kept) {
        if (token < least || token >= end)
            fail("kept", "ascending tokens from " + std::to_string(least) + " to " + std::to_string(end - 1),
                 std::to_string(token));
        least = token + 1;
    }
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

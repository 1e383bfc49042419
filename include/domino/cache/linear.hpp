// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Caches with one stretch of cells a batch entry: linear, whose every token has a cell, and (ring.hpp) a ring.
#pragma once

#include <algorithm>

#include "domino/cache/tokens.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// Token t of batch entry b lies in cell t % cells.
template <Element T>
class contiguous_cache {
public:
    index_t batch() const { return static_cast<index_t>(ends_.size()); }
    index_t cells() const { return cells_; }
    /// Tokens that entry b has taken so far, padding included.
    index_t end(index_t b_) const { return ends_[entry(b_)]; }
    /// Bytes of all keys, values and scales.
    std::size_t bytes() const { return layers_.bytes(); }

    /// A layer's keys as a RowSource [batch, heads, len, head_dim] over the cells in use.
    auto keys(index_t layer) const { return layers_.keys(layer).view(used()); }
    /// Its values.
    auto values(index_t layer) const { return layers_.values(layer).view(used()); }
    /// The position of each cell, [batch, len], as in causal_by_position(q_pos, cache.positions()). Valid until the next
    /// extend() or keep().
    table_view<position_t, 2> positions() const {
        return table(positions_.data(), {batch(), used()}, {cells_, 1}, "kv_position");
    }

    /// Writes a layer's keys and values [batch, heads, len, head_dim] of the tokens of the last extend().
    void store(index_t layer, const tensor_view<const float>& K, const tensor_view<const float>& V) {
        layers_.store(layer, K, V, added_.counts, added_.len,
                      [&](index_t b_, index_t i) { return place(b_, first_[entry(b_)] + i); });
    }

protected:
    explicit contiguous_cache(const cache_shape& shape)
        : layers_(shape, at_least(0, shape.batch, "cache: batch")),
          cells_(shape.cells),
          positions_(static_cast<std::size_t>(shape.batch * shape.cells), -1),
          ends_(static_cast<std::size_t>(shape.batch)),
          first_(ends_.size()),
          added_(shape.batch, {}, {}) {}

    position_t& at(index_t b_, index_t token) {
        return positions_[static_cast<std::size_t>(b_ * cells_ + token % cells_)];
    }
    /// The last position among the tokens before `end` that still have a cell, or -1.
    position_t last(index_t b_, index_t end) {
        for (index_t token = end - 1; token >= 0 && token >= ends_[entry(b_)] - cells_; --token)
            if (at(b_, token) >= 0) return at(b_, token);
        return -1;
    }
    void commit(new_tokens&& added, std::span<const position_t> positions) {
        first_ = ends_;
        for (index_t b_ = 0; b_ < batch(); ++b_)
            for (const position_t p : added.of(b_, positions)) at(b_, ends_[entry(b_)]++) = p;
        added_ = std::move(added);
    }
    void compact(index_t b_, index_t first, std::span<const index_t> kept) {
        index_t& end = ends_[entry(b_)];
        index_t to = first;
        for (const index_t token : kept) {
            if (token != to) layers_.copy(place(b_, token), place(b_, to));
            at(b_, to++) = at(b_, token);
        }
        while (end > to) at(b_, --end) = -1;
        added_ = new_tokens(batch(), {}, {});
    }
    std::size_t entry(index_t b_) const {
        if (b_ < 0 || b_ >= batch()) fail("b", "0 to " + std::to_string(batch() - 1), std::to_string(b_));
        return static_cast<std::size_t>(b_);
    }

private:
    index_t used() const {
        index_t longest = 0;
        for (const index_t end : ends_) longest = std::max(longest, end);
        return std::min(longest, cells_);
    }
    cell place(index_t b_, index_t token) const { return {b_, token % cells_}; }

    cache_layers<T> layers_;
    index_t cells_;
    std::vector<position_t> positions_;
    std::vector<index_t> ends_, first_;
    new_tokens added_;
};

}  // namespace detail

/// A cache whose every token has a cell of its own until `cells` are full; overflow is an error.
///
///     linear_cache<float16> cache({.layers = 30, .heads = 3, .cells = 4096, .head_dim = 64});
///     cache.extend(positions);                             // once for all layers: [batch, len]
///     cache.store(layer, K, V);                            // each layer: [batch, heads, len, head_dim]
///     attention(Q, cache.keys(layer), cache.values(layer), O, causal_by_position(q_pos, cache.positions()));
///
/// (penzai KVCachingAttention, attnax KVLayerCache; penzai's overwrites old cells where it overflows)
template <Element T>
class linear_cache : public detail::contiguous_cache<T> {
    using base = detail::contiguous_cache<T>;

public:
    /// Throws where an extent is not positive (batch: negative) or a product of extents overflows.
    explicit linear_cache(const cache_shape& shape) : base(shape) {}

    /// Makes room for the next tokens, positions [batch, len]; entry b takes the first counts[b] of its row (without
    /// counts: all). A negative position is padding: it takes a cell that no query sees. Throws, and changes nothing,
    /// where the cells do not suffice or positions run backwards.
    void extend(std::span<const position_t> positions, std::span<const index_t> counts = {}) {
        detail::new_tokens added(this->batch(), positions, counts);
        for (index_t b_ = 0; b_ < this->batch(); ++b_) {
            const index_t end = this->end(b_), count = added.counts[static_cast<std::size_t>(b_)];
            if (count > this->cells() - end)
                detail::fail("positions",
                             "at most " + std::to_string(this->cells() - end) + " more tokens of " +
                                 std::to_string(this->cells()) + " for batch entry " + std::to_string(b_),
                             std::to_string(count) + ": the cache is full");
            detail::last_position(this->last(b_, end), added.of(b_, positions));
        }
        this->commit(std::move(added), positions);
    }

    /// Of entry b's tokens from `first` on keeps those listed (ascending), moved together, and forgets the rest: what
    /// verifying a tree of drafts leaves. keep(b, n) cuts the entry to n tokens.
    void keep(index_t b_, index_t first, std::span<const index_t> kept = {}) {
        detail::check_kept(first, this->end(b_), kept);
        this->compact(b_, first, kept);
    }
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where keys and values come from. A source tells, for a token, where its vector lies and how many tokens follow it
// evenly spaced; the kernels read it in place, whatever the cache behind it.
#pragma once

#include <algorithm>
#include <concepts>

#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {

/// A tensor [batch, heads, len, head_dim] of keys or values: a tensor_view, a cache, or an engine's own memory.
/// rows(b, h, kv) is the run of vectors from token kv on, of at least one token where kv < len. It is also asked about keys that a mask
/// hides, for prefetching.
template <class S>
concept RowSource = requires(const S& s, index_t i) {
    requires Element<typename S::element>;
    { s.batch() } -> std::convertible_to<index_t>;
    { s.heads() } -> std::convertible_to<index_t>;
    { s.len() } -> std::convertible_to<index_t>;
    { s.head_dim() } -> std::convertible_to<index_t>;
    { s.rows(i, i, i) } -> std::same_as<row_run<typename S::element>>;
};

/// An int8 tensor with a scale a block of channels: element (b, h, kv, c) stands for scales(b, h, kv, c / block) times
/// its value; scales are finite. One scale a vector where `scales` has head_dim 1.   (llama.cpp's q8_0 has blocks of 32)
struct quantized_view {
    using element = std::int8_t;

    tensor_view<const std::int8_t> values;
    tensor_view<const float> scales;  ///< [batch, heads, len, blocks], blocks dividing head_dim

    constexpr index_t batch() const { return values.batch(); }
    constexpr index_t heads() const { return values.heads(); }
    constexpr index_t len() const { return values.len(); }
    constexpr index_t head_dim() const { return values.head_dim(); }
    constexpr row_run<std::int8_t> rows(index_t b_, index_t h_, index_t kv_) const {
        return {values.row(b_, h_, kv_), values.strides[2], len() - kv_,
                scales.row(b_, h_, kv_), scales.strides[2], head_dim() / scales.head_dim()};
    }
};

/// Pages of `page_size` tokens in a pool, found through a block table: token kv of sequence b lies in slot
/// kv % page_size of page block_table[b, kv / page_size]; a negative entry is a page that is not there. The pool may be
/// any source, whose batch entries are the pages.
template <RowSource Pool>
struct paged_rows {
    using element = typename Pool::element;

    Pool pool;                        ///< [pages, num_kv_heads, page_size, head_dim]
    const std::int32_t* block_table;  ///< [batch, table_stride]
    index_t table_stride, num_sequences, max_len;

    constexpr index_t batch() const { return num_sequences; }
    constexpr index_t heads() const { return pool.heads(); }
    constexpr index_t len() const { return max_len; }
    constexpr index_t head_dim() const { return pool.head_dim(); }
    constexpr index_t page_size() const { return pool.len(); }
    constexpr row_run<element> rows(index_t b_, index_t h_, index_t kv_) const {
        const index_t page = block_table[b_ * table_stride + kv_ / page_size()], slot = kv_ % page_size();
        const index_t count = std::min(page_size() - slot, max_len - kv_);
        if (page < 0) return {nullptr, 0, count};
        row_run<element> run = pool.rows(page, h_, slot);
        run.count = count;
        return run;
    }
};

/// Pages of an engine's own pool, with any strides (vLLM's and attnax's pools store heads after slots).
template <class T>
using paged_view = paged_rows<tensor_view<const T>>;

}  // namespace domino::inline DOMINO_ARCH

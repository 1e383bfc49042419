// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A block's rows, cut into panels: which rows they are, and where they lie, the caller's and packed.
#pragma once

#include <algorithm>
#include <numeric>

#include "domino/kernel/prefetch.hpp"
#include "domino/kernel/problem.hpp"
#include "domino/kernel/softmax.hpp"
#include "domino/kernel/workspace.hpp"
#include "domino/simd/transpose.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Cuts `keys` at multiples of `size` and calls f(span) for each piece.
template <class F>
void for_each_piece(span keys, index_t size, F f) {
    for (index_t end = 0; keys.begin < keys.end; keys.begin = end) {
        end = std::min((keys.begin / size + 1) * size, keys.end);
        f(span{keys.begin, end});
    }
}

/// A block's rows: all queries of its first head, then those of the next. Only the last panel may be thin, and where it is, the one
/// before may be of one register.
class block_panels {
protected:
    /// Rows of Q are multiplied by `q_factor` when they are packed.
    block_panels(const problem& p, const row_block& block, const workspace& w, float q_factor)
        : p_(p),
          block_(block),
          w_(w),
          rows_(block.heads.size() * block.queries.size()),
          panels_((rows_ - 1) / panel + 1 + (few_beyond_register() > 0)),
          last_panel_(few_beyond_register() > 0 ? rows_ - few_beyond_register() : (panels_ - 1) * panel),
          kv_head_(block.heads.begin / p.group()),
          q_factor_(q_factor) {}

    index_t panels() const { return panels_; }
    /// The first row of panel i, or of none behind the last.
    index_t first_row(index_t i) const { return i + 1 < panels_ ? i * panel : i < panels_ ? last_panel_ : rows_; }
    index_t rows_in(index_t i) const { return first_row(i + 1) - first_row(i); }
    /// The row's lane, counted over all panels.
    index_t place(index_t row) const { return row < last_panel_ ? row : row - last_panel_ + (panels_ - 1) * panel; }
    bool thin(index_t i) const { return rows_in(i) <= p_.thin.most_rows; }
    bool one_thin_panel() const { return thin(0); }
    index_t tile_keys(index_t i) const {
        return thin(i) ? p_.thin.keys(thin_rows_of(rows_in(i)), value_dim_) : kv_tile;
    }
    float* q_panel(index_t i) const { return w_.q + i * panel * head_dim_; }
    float* o_panel(index_t i) const { return w_.o + i * panel * value_dim_; }
    span positions(span queries) const { return {queries.begin + p_.q_offset, queries.end + p_.q_offset}; }
    index_t head_of(index_t row) const { return block_.heads.begin + row / block_.queries.size(); }
    index_t query_of(index_t row) const { return block_.queries.begin + row % block_.queries.size(); }
    float* o_row(index_t row) const { return p_.o.row(block_.b, head_of(row), query_of(row)); }

    /// The block's rows and all keys there are.
    tile whole() const { return {block_.b, block_.heads, positions(block_.queries), {0, p_.kv_len(block_.b)}}; }

    /// Panel i as the mask and the score mod see it.
    panel_rows rows_of(index_t i) const {
        const index_t first = first_row(i), last = first + rows_in(i) - 1;
        const span heads{head_of(first), head_of(last) + 1};
        const bool one_head = heads.size() == 1;
        const span queries = one_head ? span{query_of(first), query_of(last) + 1} : block_.queries;
        return {block_.b,
                rows_in(i),
                one_head,
                w_.heads + i * panel,
                w_.positions + i * panel,
                tile{block_.b, heads, positions(queries), 0}};
    }

    /// Calls f(row, count) for stretches of rows of panel i that lie in one head, so that they are evenly spaced in the
    /// caller's tensors.
    template <class F>
    void for_each_stretch(index_t i, F f) const {
        const index_t q_len = block_.queries.size(), last = first_row(i + 1);
        for (index_t row = first_row(i), end = 0; row < last; row = end) {
            end = std::min(row / q_len * q_len + q_len, last);
            f(row, end - row);
        }
    }

    /// Begins anew: writes the rows' indices (a panel's lanes beyond its last row repeat that), and forgets what was packed.
    void begin() {
        packed_ = 0;
        for (index_t i = 0; i < panels(); ++i) {
            const index_t end = i * panel + rows_in(i);
            for_each_stretch(i, [&](index_t row, index_t count) {
                std::fill_n(w_.heads + place(row), count, static_cast<std::int32_t>(head_of(row)));
                std::iota(w_.positions + place(row), w_.positions + place(row) + count,
                          static_cast<std::int32_t>(query_of(row) + p_.q_offset));
            });
            std::fill(w_.heads + end, w_.heads + (i + 1) * panel, w_.heads[end - 1]);
            std::fill(w_.positions + end, w_.positions + (i + 1) * panel, w_.positions[end - 1]);
        }
    }

    /// Packs the first n panels and clears what they have, as far as they are not.
    void pack_first(index_t n) {
        for (; packed_ < n; ++packed_) {
            pack(packed_);
            clear(packed_);
        }
    }
    /// Nothing was seen: O = 0, max = -inf, sum = 0.
    void clear(index_t i) {
        std::fill_n(w_.max + i * panel, panel, minus_infinity);
        std::fill_n(w_.sum + i * panel, panel, 0.f);
        std::fill_n(o_panel(i), panel * value_dim_, 0.f);
    }

    /// Adds where the next n rows of Q lie, of the block's other ones and the next block's.
    void locate_next_rows(index_t n, stretches& next) {
        const index_t len = p_.q.len, heads = p_.q.heads,
                      end = std::min({next_row_ + n, last_next_row_, p_.q.batch * heads * len});
        for (index_t count = 0; next_row_ < end; next_row_ += count) {
            const index_t head = next_row_ / len, query = next_row_ % len;
            count = std::min(end - next_row_, len - query);
            p_.q.locate(head / heads, head % heads, {query, query + count}, next);
        }
    }

    const problem& p_;
    row_block block_;
    workspace w_;
    index_t rows_, panels_, last_panel_;  ///< the last panel's first row
    index_t kv_head_;
    index_t head_dim_ = p_.q.head_dim, value_dim_ = p_.v.head_dim;

private:
    /// The last rows, where they are so few beyond a register that they are a panel of their own; else 0.
    index_t few_beyond_register() const {
        const index_t beyond = rows_ % panel - simd::width;
        return beyond > 0 && beyond <= thin_rows_beyond_register ? beyond : 0;
    }

    /// Copies panel i of Q, transposed where it is not thin; lanes and rows beyond the last row hold zeros.
    void pack(index_t i) {
        float* q = q_panel(i);
        const index_t rows = rows_in(i), lanes = thin(i) ? thin_rows_of(rows) : panel;
        if (thin(i)) std::fill_n(q + rows * head_dim_, (lanes - rows) * head_dim_, 0.f);
        else if (rows < panel) std::fill_n(q, panel * head_dim_, 0.f);
        for_each_stretch(i, [&](index_t row, index_t count) {
            for_each_piece({row, row + count}, workspace::room_for_thin(value_dim_),
                           [&](span some) { pack_rows(i, some.begin, some.size()); });
        });
        if (q_factor_ != 1.f)
            for (index_t j = 0; j < lanes * head_dim_; ++j) q[j] *= q_factor_;
    }
    /// n rows of one head, from `row` on.
    void pack_rows(index_t i, index_t row, index_t n) {
        const index_t query = query_of(row), lane = place(row) % panel;
        float* q = q_panel(i);
        const float_rows from = p_.q(block_.b, head_of(row), {query, query + n}, w_.thin_k);
        if (thin(i)) {
            for (index_t j = 0; j < n; ++j)
                simd::convert(from.first + j * from.stride, head_dim_, q + (lane + j) * head_dim_);
        } else {  // each row is read through once: in transposing, memory would be waited for
            for (index_t j = 0; j < n; ++j) simd::touch(from.first + j * from.stride, head_dim_);
            simd::transpose(from.first, from.stride, n, head_dim_, q + lane, panel);
        }
    }

    float q_factor_;
    index_t packed_ = 0;  ///< panels

    // rows of Q in the order of blocks: all queries of a head, then those of the next
    index_t next_row_ = (block_.b * p_.q.heads + block_.heads.begin) * p_.q.len + block_.queries.begin + rows_in(0),
            last_next_row_ = next_row_ - rows_in(0) + 2 * rows_;
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

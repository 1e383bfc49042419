// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of a block of rows over all its keys: FlashAttention-2's loop with rows in lanes. The mask decides which
// tiles of keys are visited; a full tile does no mask work at all.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "domino/kernel/rows.hpp"
#include "domino/kernel/scores.hpp"
#include "domino/kernel/values.hpp"
#include "domino/simd/transpose.hpp"
#include "domino/tensor/view.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The call's tensors and numbers, checked.
struct problem {
    tensor_view<const float> q, k, v;
    tensor_view<float> o;
    lse_view lse;
    float scale;
    index_t q_offset;
    const index_t* kv_lengths;  ///< [batch], or null
    bool narrow;                ///< the mask's integers fit 32 bits

    index_t group() const { return q.heads() / std::max<index_t>(k.heads(), 1); }
    index_t kv_len(index_t b_) const { return kv_lengths ? kv_lengths[b_] : k.len(); }
};

/// Rows that share their K/V tiles: a stretch of the queries of one head, or all queries of several heads of a group.
struct row_block {
    index_t b;
    span heads, queries;
};

/// How a call is cut into blocks; depends on its shape only, never on the threads.
struct block_grid {
    index_t heads_per_block, queries_per_block, head_blocks, query_blocks, batch;

    explicit block_grid(const problem& p) : batch(p.q.batch()) {
        const index_t rows = block_rows(p.q.head_dim(), p.v.head_dim());
        const index_t q_len = std::max<index_t>(p.q.len(), 1), group = std::max<index_t>(p.group(), 1);
        heads_per_block = std::clamp<index_t>(rows / q_len, 1, group);
        while (group % heads_per_block != 0) --heads_per_block;  // a block stays within its group
        queries_per_block = std::min(rows, q_len);
        head_blocks = p.q.heads() / heads_per_block;
        query_blocks = (p.q.len() + queries_per_block - 1) / queries_per_block;
    }
    index_t size() const { return batch * head_blocks * query_blocks; }
    row_block at(index_t i, index_t q_len) const {
        const index_t query = i % query_blocks * queries_per_block,
                      head = i / query_blocks % head_blocks * heads_per_block;
        return {i / query_blocks / head_blocks,
                {head, head + heads_per_block},
                {query, std::min(query + queries_per_block, q_len)}};
    }
};

/// A worker's scratch memory, of a size that does not depend on any sequence length. Panels are [channel, panel].
struct workspace {
    static constexpr std::size_t alignment = 64;

    float *q, *o, *scores, *max, *sum;
    std::int32_t *heads, *positions;

    /// Bytes a worker, a multiple of the alignment.
    static constexpr std::size_t stride(index_t head_dim, index_t value_dim) {
        const index_t rows = block_rows(head_dim, value_dim);
        const auto bytes =
            sizeof(float) * static_cast<std::size_t>(rows * (head_dim + value_dim + 4) + kv_tile * panel);
        return (bytes + alignment - 1) / alignment * alignment;
    }
    workspace(void* memory, index_t head_dim, index_t value_dim) {
        const index_t rows = block_rows(head_dim, value_dim);
        q = static_cast<float*>(memory);
        o = q + rows * head_dim;
        scores = o + rows * value_dim;
        max = scores + kv_tile * panel;
        sum = max + rows;
        heads = reinterpret_cast<std::int32_t*>(sum + rows);
        positions = heads + rows;
    }
};

/// One row block's attention.
template <Expression Mask, Expression Score>
class block_attention {
public:
    block_attention(const problem& p, const Mask& mask, const Score& score_mod, const row_block& block, workspace w)
        : p_(p),
          mask_(mask),
          score_mod_(score_mod),
          block_(block),
          w_(w),
          rows_(block.heads.size() * block.queries.size()),
          kv_head_(block.heads.begin / p.group()) {}

    void compute() {
        pack();
        const tile rows{block_.b, block_.heads, positions(block_.queries), {0, p_.kv_len(block_.b)}};
        for_each_run(mask_, rows, kv_tile, [&](const run& r) {
            for_each_piece(r.kv, visit_keys(p_.k.head_dim(), p_.v.head_dim()), [&](span keys) { visit(keys, r.kind); });
        });
        finish();
    }

private:
    static constexpr bool plain_score = std::same_as<Score, placeholder<axes::score>>;

    /// Without a score mod the scores stay dot products, of |scale| each; the sign of the scale goes into Q (as does a
    /// scale of 0, for -inf * 0 is NaN).
    float unit() const { return plain_score && p_.scale != 0.f ? std::abs(p_.scale) : 1.f; }
    float q_factor() const { return !plain_score || p_.scale > 0.f ? 1.f : p_.scale < 0.f ? -1.f : 0.f; }

    index_t panels() const { return (rows_ + panel - 1) / panel; }
    span positions(span queries) const { return {queries.begin + p_.q_offset, queries.end + p_.q_offset}; }
    index_t head_of(index_t row) const { return block_.heads.begin + row / block_.queries.size(); }
    index_t query_of(index_t row) const { return block_.queries.begin + row % block_.queries.size(); }

    /// Calls f(row, count) for stretches of rows that lie in one head and one panel, so that they are evenly spaced in
    /// the caller's tensors.
    template <class F>
    void for_each_stretch(F f) const {
        const index_t q_len = block_.queries.size();
        for (index_t row = 0, end = 0; row < rows_; row = end) {
            end = std::min({row / panel * panel + panel, row / q_len * q_len + q_len, rows_});
            f(row, end - row);
        }
    }

    /// Copies Q into panels, transposed; lanes beyond the last row repeat its indices and hold zeros.
    void pack() {
        const index_t head_dim = p_.q.head_dim(), lanes_in_use = panels() * panel;
        std::fill_n(w_.q + (panels() - 1) * panel * head_dim, panel * head_dim, 0.f);
        for_each_stretch([&](index_t row, index_t count) {
            simd::transpose(p_.q.row(block_.b, head_of(row), query_of(row)), p_.q.strides[2], count, head_dim,
                            w_.q + row / panel * panel * head_dim + row % panel, panel);
        });
        if (const float factor = q_factor(); factor != 1.f)
            for (index_t i = 0; i < lanes_in_use * head_dim; ++i) w_.q[i] *= factor;
        for (index_t row = 0; row < lanes_in_use; ++row) {
            const index_t real_row = std::min(row, rows_ - 1);
            w_.heads[row] = static_cast<std::int32_t>(head_of(real_row));
            w_.positions[row] = static_cast<std::int32_t>(query_of(real_row) + p_.q_offset);
        }
        std::fill_n(w_.max, lanes_in_use, minus_infinity);
        std::fill_n(w_.sum, lanes_in_use, 0.f);
        std::fill_n(w_.o, lanes_in_use * p_.v.head_dim(), 0.f);
    }

    panel_rows rows_of(index_t i) const {
        const index_t first = i * panel, last = std::min(first + panel, rows_) - 1;
        const span heads{head_of(first), head_of(last) + 1};
        const bool one_head = heads.size() == 1;
        const span queries = one_head ? span{query_of(first), query_of(last) + 1} : block_.queries;
        return {block_.b, one_head, w_.heads + first, w_.positions + first,
                tile{block_.b, heads, positions(queries), 0}};
    }

    /// Cuts `keys` at multiples of `size`.
    template <class F>
    static void for_each_piece(span keys, index_t size, F f) {
        for (index_t end = 0; keys.begin < keys.end; keys.begin = end) {
            end = std::min((keys.begin / size + 1) * size, keys.end);
            f(span{keys.begin, end});
        }
    }

    /// All rows meet a stretch of keys that stays in L2: each panel in turn, tile by tile.
    void visit(span keys, tile_kind kind) {
        // a masked weight of 0 times a value of NaN must not count
        const bool careful = kind == tile_kind::partial && !all_finite(values(keys), p_.v.head_dim());
        for (index_t i = 0; i < panels(); ++i) {
            const panel_rows rows = rows_of(i);
            for_each_piece(keys, kv_tile, [&](span tile_keys) {
                if (kind == tile_kind::full) add_panel<false, false>(i, rows, tile_keys);
                else add_partial(i, rows, tile_keys, careful);
            });
        }
    }

    /// A tile that is partial for the block may be less so for a panel.
    void add_partial(index_t i, const panel_rows& rows, span keys, bool careful) {
        tile box = rows.box;
        box.kv = keys;
        tile_kind kind = classify(mask_, box);
        if (kind == tile_kind::partial) {
            box.kv = live_keys(mask_, box, step);
            kind = classify(mask_, box);
        }
        if (kind == tile_kind::empty) return;
        if (kind == tile_kind::full) return add_panel<false, false>(i, rows, box.kv);
        write_mask(mask_, rows, box.kv, p_.narrow, w_.scores);
        std::fill_n(w_.scores + box.kv.size() * panel, (step - box.kv.size() % step) % step * panel, minus_infinity);
        if (careful) add_panel<true, true>(i, rows, box.kv);
        else add_panel<true, false>(i, rows, box.kv);
    }

    template <bool masked, bool careful>
    void add_panel(index_t i, const panel_rows& rows, span keys) {
        const index_t head_dim = p_.q.head_dim(), value_dim = p_.v.head_dim();
        const key_rows key{p_.k.row(block_.b, kv_head_, keys.begin), p_.k.strides[2], keys};
        simd::floats tile_max[panel_registers], shrink[panel_registers];
        if constexpr (plain_score) score_panel<masked>(w_.q + i * panel * head_dim, head_dim, key, w_.scores, tile_max);
        else
            score_panel<masked>(w_.q + i * panel * head_dim, head_dim, key, w_.scores, tile_max, rows, p_.scale,
                                score_mod_);
        const row_state state{w_.max + i * panel, w_.sum + i * panel};
        exponentiate<careful>(w_.scores, keys.size(), unit() * std::numbers::log2e_v<float>, tile_max, state, shrink);
        add_values<careful>(w_.o + i * panel * value_dim, value_dim, w_.scores, values(keys), shrink);
    }

    value_rows values(span keys) const {
        return {p_.v.row(block_.b, kv_head_, keys.begin), p_.v.strides[2], keys.size(), keys.begin};
    }

    /// Divides by the sums and writes O and the log-sum-exp; a row that saw nothing is 0 and -inf.
    void finish() {
        const index_t value_dim = p_.v.head_dim();
        const simd::floats nothing(0.f);
        for (index_t row = 0; row < panels() * panel; row += simd::width) {
            float* lanes = w_.o + row / panel * panel * value_dim + row % panel;
            const auto sum = simd::floats::load_aligned(w_.sum + row);
            const auto divisor =
                xsimd::select(sum == nothing, simd::floats(1.f), sum);  // what saw nothing is 0 already
            const auto reciprocal = simd::floats(1.f) / divisor;
            for (index_t c = 0; c < value_dim; ++c) {  // a quotient and its correction: a division's accuracy, faster
                const auto o = simd::floats::load_aligned(lanes + c * panel), quotient = o * reciprocal;
                const auto rest = simd::fma(-quotient, divisor, o);
                const auto corrected = simd::fma(rest, reciprocal, quotient);
                xsimd::select(rest == rest, corrected, quotient)
                    .store_aligned(lanes + c * panel);  // NaN: o is not finite
            }
        }
        for_each_stretch([&](index_t row, index_t count) {
            simd::transpose(w_.o + row / panel * panel * value_dim + row % panel, panel, value_dim, count,
                            p_.o.row(block_.b, head_of(row), query_of(row)), p_.o.strides[2]);
        });
        if (p_.lse.data)
            for (index_t row = 0; row < rows_; ++row) write_lse(row);
    }

    void write_lse(index_t row) {
        const float sum = w_.sum[row];
        const double lse =
            sum == 0.f ? double(minus_infinity) : double(w_.max[row]) * double(unit()) + std::log(double(sum));
        p_.lse
            .data[block_.b * p_.lse.strides[0] + head_of(row) * p_.lse.strides[1] + query_of(row) * p_.lse.strides[2]] =
            static_cast<float>(lse);
    }

    const problem& p_;
    const Mask& mask_;
    const Score& score_mod_;
    row_block block_;
    workspace w_;
    index_t rows_, kv_head_;
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

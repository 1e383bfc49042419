// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call, how it is cut into blocks of rows, and the memory that a block needs.
#pragma once

#include <algorithm>

#include "domino/kernel/rows.hpp"
#include "domino/kernel/source.hpp"
#include "domino/kernel/tail.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The call's tensors and numbers, checked.
struct problem {
    row_reader q, k, v;
    thin_reader kv;
    tensor_view<float> o;
    lse_view lse;
    float scale;
    index_t q_offset;
    const index_t* kv_lengths;  ///< [batch], or null
    bool narrow;                ///< the mask's integers fit 32 bits
    softmax_tail tail = {};

    index_t group() const { return q.heads / std::max<index_t>(k.heads, 1); }
    index_t kv_len(index_t b_) const { return kv_lengths ? kv_lengths[b_] : k.len; }
};

/// Rows that share their K/V tiles: a stretch of the queries of one head, or all queries of several heads of a group.
struct row_block {
    index_t b;
    span heads, queries;
};

/// How a call is cut into blocks; depends on its shape only, never on the threads.
struct block_grid {
    index_t heads_per_block, queries_per_block, head_blocks, query_blocks, batch;
    index_t splits = 1;  ///< parts of the keys of each block
    index_t part;        ///< floats that a part gives

    explicit block_grid(const problem& p) : batch(p.q.batch) {
        const index_t rows = block_rows(p.q.head_dim, p.v.head_dim);
        const index_t q_len = std::max<index_t>(p.q.len, 1), group = std::max<index_t>(p.group(), 1);
        heads_per_block = std::clamp<index_t>(rows / q_len, 1, group);
        while (group % heads_per_block != 0) --heads_per_block;  // a block stays within its group
        queries_per_block = std::min(rows, q_len);
        head_blocks = p.q.heads / heads_per_block;
        query_blocks = (p.q.len + queries_per_block - 1) / queries_per_block;
        const index_t rows_in_block = heads_per_block * queries_per_block;
        part = panel * (p.v.head_dim + 2);
        if (rows_in_block <= panel && size() > 0)
            splits = std::max<index_t>(
                std::min({split_tasks / size(), p.k.len / split_keys, split_floats / (part * size())}), 1);
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

/// A worker's scratch memory, of a size that does not depend on any sequence length. A panel of Q and O is
/// [channel, panel], or [row, channel] where it is thin.
struct workspace {
    static constexpr std::size_t alignment = 64;
    static constexpr index_t scored_keys = kv_tile + most_step;  ///< the last step may begin anywhere

    float *q, *o, *scores, *dots, *max, *sum;
    float* weights;  ///< of a thin panel's tile whose values are yet to be added
    std::int32_t *heads, *positions;
    float *k, *v;            ///< room for converted keys and values
    float *thin_k, *thin_v;  ///< the same of a thin panel, and for queries
    float* staged;           ///< look-ups of the score mod for a panel's tile

    /// The most keys that a thin panel's tile has, whatever its elements.
    static constexpr index_t room_for_thin(index_t value_dim) { return thin_keys(value_dim, 1, thin_rows_of_narrow); }

    /// Bytes a worker, a multiple of the alignment.
    static constexpr std::size_t stride(index_t head_dim, index_t value_dim) {
        const index_t thin = room_for_thin(value_dim);
        const index_t floats = block_rows(head_dim, value_dim) * (head_dim + value_dim + 4) +
                               (2 * scored_keys + most_staged * kv_tile + thin) * panel +
                               (visit_keys(head_dim, value_dim) + thin) * (head_dim + value_dim);
        const auto bytes = sizeof(float) * static_cast<std::size_t>(floats);
        return (bytes + alignment - 1) / alignment * alignment;
    }
    workspace(void* memory, index_t head_dim, index_t value_dim) {
        const index_t rows = block_rows(head_dim, value_dim);
        q = static_cast<float*>(memory);
        o = q + rows * head_dim;
        scores = o + rows * value_dim;
        dots = scores + scored_keys * panel;
        max = dots + room_for_thin(value_dim) * panel;
        sum = max + rows;
        heads = reinterpret_cast<std::int32_t*>(sum + rows);
        positions = heads + rows;
        weights = sum + 3 * rows;
        staged = weights + scored_keys * panel;
        k = staged + most_staged * kv_tile * panel;
        v = k + visit_keys(head_dim, value_dim) * head_dim;
        thin_k = v + visit_keys(head_dim, value_dim) * value_dim;
        thin_v = thin_k + room_for_thin(value_dim) * head_dim;
    }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

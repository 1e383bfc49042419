// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call, and how it is cut into blocks of rows.
#pragma once

#include <algorithm>

#include "domino/kernel/softmax_options.hpp"
#include "domino/kernel/thin.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The call's tensors and numbers, checked.
struct problem {
    row_reader q = {}, k = {}, v = {};
    thin_reader thin = {};  ///< of k and v
    tensor_view<float> o;
    lse_view lse = {};
    float scale = 1.f;
    index_t q_offset = 0;
    const index_t* kv_lengths = nullptr;  ///< [batch], or null
    bool narrow = true;                   ///< the mask's integers fit 32 bits
    softmax_options softmax = {};

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
    index_t splits = 1;   ///< parts of the keys of each block
    index_t part_floats;  ///< that a part gives: of each row its output, maximum and sum

    explicit block_grid(const problem& p) : batch(p.q.batch) {
        const index_t rows = block_rows(p.q.head_dim, p.v.head_dim);
        const index_t q_len = std::max<index_t>(p.q.len, 1), group = std::max<index_t>(p.group(), 1);
        heads_per_block = std::clamp<index_t>(rows / q_len, 1, group);
        while (group % heads_per_block != 0) --heads_per_block;  // a block stays within its group
        queries_per_block = std::min(rows, q_len);
        head_blocks = p.q.heads / heads_per_block;
        query_blocks = (p.q.len + queries_per_block - 1) / queries_per_block;
        const index_t rows_in_block = heads_per_block * queries_per_block;
        part_floats = rows_in_block * (p.v.head_dim + 2);
        if (rows_in_block <= split_rows && size() > 0)
            splits = std::max<index_t>(
                std::min({split_tasks / size(), p.k.len / split_keys, split_floats / (part_floats * size())}), 1);
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

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

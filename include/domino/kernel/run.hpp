// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call's blocks, handed out to the workers of an executor.
#pragma once

#include "domino/kernel/block.hpp"
#include "domino/kernel/order.hpp"
#include "domino/parallel/executor.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// What the workers of a call share: the order of its blocks, and what parts of blocks give.
struct shared_memory {
    block_order::task* tasks;
    float* parts;
    explicit shared_memory(arena& from)
        : tasks(from.take<block_order::task>(block_order::most_tasks)), parts(from.take<float>(split_floats)) {}
};

/// Bytes of a call's memory, wherever it begins.
inline std::size_t run_bytes(index_t head_dim, index_t value_dim, index_t workers) {
    arena shared, of_worker;
    shared_memory{shared};
    workspace(of_worker, head_dim, value_dim);
    return arena::alignment + shared.used() + of_worker.used() * static_cast<std::size_t>(workers);
}

/// Computes all blocks; `memory` has run_bytes(...).
template <Expression Mask, Expression Score>
void run(const problem& p, const Mask& mask, const Score& score_mod, const executor_ref& executor, std::byte* memory) {
    const index_t head_dim = p.q.head_dim, value_dim = p.v.head_dim, workers = executor.concurrency();
    memory += -reinterpret_cast<std::uintptr_t>(memory) % arena::alignment;
    arena all(memory), of_worker;
    const shared_memory shared(all);
    workspace(of_worker, head_dim, value_dim);
    const block_grid grid(p);
    const auto block = [&](index_t i, index_t worker) {
        arena own(memory + all.used() + of_worker.used() * static_cast<std::size_t>(worker));
        return block_attention(p, mask, score_mod, grid.at(i, p.q.len), workspace(own, head_dim, value_dim));
    };
    const auto order =
        workers == 1 ? block_order(grid.size())
                     : block_order(grid.size(), workers, shared.tasks, [&](index_t i) { return block(i, 0).work(); });
    if (grid.splits == 1)
        return order.for_each(executor, 1, [&](index_t i, index_t, index_t worker) { block(i, worker).compute(); });
    const index_t n = grid.splits;
    span keys[split_tasks];
    for (index_t i = 0; i < grid.size(); ++i) block(i, 0).cut(n, keys + i * n);
    order.for_each(executor, n, [&](index_t i, index_t part, index_t worker) {
        block(i, worker).compute_part(keys[i * n + part], shared.parts + (i * n + part) * grid.part_floats);
    });
    order.for_each(executor, 1, [&](index_t i, index_t, index_t worker) {
        block(i, worker).join_parts(n, shared.parts + i * n * grid.part_floats, grid.part_floats);
    });
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

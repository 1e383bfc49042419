// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order in which workers take blocks: the longest first, so that the short ones fill up the ends. No result depends
// on it.
#pragma once

#include <algorithm>
#include <atomic>
#include <span>

#include "domino/parallel/executor.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// All blocks of a call in the order in which they are handed out.
class block_order {
public:
    /// Neighbouring blocks from `first` on.
    struct task {
        index_t work, first;
    };
    static constexpr index_t most_tasks = 4096;  ///< of more blocks, several are a task
    static constexpr index_t grades = 64;        ///< of work, in a worker's share

    /// As the blocks are numbered.
    explicit block_order(index_t blocks) : blocks_(blocks) {}

    /// By descending work(block), in memory for most_tasks tasks. Works that differ by little beside a worker's share stay
    /// as they are numbered, so that blocks which read the same keys follow each other.
    template <class Work>
    block_order(index_t blocks, index_t workers, task* memory, const Work& work) : blocks_(blocks) {
        blocks_a_task_ = (blocks + most_tasks - 1) / most_tasks;
        tasks_ = {memory, static_cast<std::size_t>((blocks + blocks_a_task_ - 1) / blocks_a_task_)};
        index_t all = 0, next = 0;
        for (task& t : tasks_) {
            t = {0, next};
            for (; next < end_of(t); ++next) t.work += work(next);
            all += t.work;
        }
        const index_t grade = std::max<index_t>(all / workers / grades, 1);
        for (task& t : tasks_) t.work /= grade;
        const auto before = [](const task& x, const task& y) {
            return x.work > y.work || (x.work == y.work && x.first < y.first);
        };
        if (!std::is_sorted(tasks_.begin(), tasks_.end(), before)) std::sort(tasks_.begin(), tasks_.end(), before);
    }

    /// Calls f(block, part, worker) once for each part, 0 to `parts`, of each block. Workers take the next task when they
    /// are free, so that they end together whatever the executor's schedule is.
    template <class F>
    void for_each(const executor_ref& executor, index_t parts, const F& f) const {
        if (tasks_.empty())
            return executor.for_each_index(blocks_ * parts,
                                           [&](index_t i, index_t worker) { f(i / parts, i % parts, worker); });
        const index_t n = static_cast<index_t>(tasks_.size()) * parts;
        std::atomic<index_t> next{0};
        executor.for_each_index(std::min(executor.concurrency(), n), [&](index_t, index_t worker) {
            for (index_t i = next++; i < n; i = next++) {
                const task& t = tasks_[static_cast<std::size_t>(i / parts)];
                for (index_t block = t.first; block < end_of(t); ++block) f(block, i % parts, worker);
            }
        });
    }

private:
    index_t end_of(const task& t) const { return std::min(t.first + blocks_a_task_, blocks_); }

    index_t blocks_, blocks_a_task_ = 1;
    std::span<task> tasks_ = {};  ///< none: as they are numbered
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

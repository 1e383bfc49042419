// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// oneTBB as an executor. Link TBB::tbb.
#pragma once

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// The threads of a oneTBB arena, which must outlive it. The first exception of f is thrown again in the calling thread.
class tbb_executor {
public:
    explicit tbb_executor(tbb::task_arena& arena) : arena_(&arena) {}

    index_t concurrency() const { return arena_->max_concurrency(); }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        arena_->execute([&] {
            tbb::parallel_for(
                tbb::blocked_range<index_t>(0, n, 1),
                [&](const tbb::blocked_range<index_t>& some) {
                    for (index_t i = some.begin(); i < some.end(); ++i)
                        f(i, index_t{tbb::this_task_arena::current_thread_index()});
                },
                tbb::simple_partitioner());
        });
    }

private:
    tbb::task_arena* arena_;
};

}  // namespace domino::inline DOMINO_ARCH

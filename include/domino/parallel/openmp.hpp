// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// OpenMP as an executor. Compile with -fopenmp.
#pragma once

#include <omp.h>

#include <exception>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// OpenMP's threads: as many as `omp_get_max_threads()` says, or `threads`. The first exception of f is thrown again
/// in the calling thread.
struct openmp_executor {
    int threads = omp_get_max_threads();

    index_t concurrency() const { return threads; }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
#if defined(__cpp_exceptions)
        std::exception_ptr first;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (index_t i = 0; i < n; ++i) {
            try {
                f(i, static_cast<index_t>(omp_get_thread_num()));
            } catch (...) {
#pragma omp critical(domino_exception)
                if (!first) first = std::current_exception();
            }
        }
        if (first) std::rethrow_exception(first);
#else
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (index_t i = 0; i < n; ++i) f(i, static_cast<index_t>(omp_get_thread_num()));
#endif
    }
};

}  // namespace domino::inline DOMINO_ARCH

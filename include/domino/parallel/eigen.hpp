// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Eigen's thread pool as an executor.
#pragma once

#include <unsupported/Eigen/CXX11/ThreadPool>

#include <atomic>
#include <exception>
#include <mutex>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// The threads of an Eigen pool, which must outlive it; the calling thread waits. Not to be called from the pool's own
/// threads. The first exception of f is thrown again in the calling thread.
class eigen_executor {
public:
    explicit eigen_executor(Eigen::ThreadPoolInterface& pool) : pool_(&pool) {}

    index_t concurrency() const { return pool_->NumThreads(); }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        const auto workers = static_cast<unsigned>(concurrency() < n ? concurrency() : n);
        Eigen::Barrier done(workers);
        std::atomic<index_t> next{0};
#if defined(__cpp_exceptions)
        std::exception_ptr first;
        std::mutex first_mutex;
#endif
        for (unsigned worker = 0; worker < workers; ++worker)
            pool_->Schedule([&, worker] {
#if defined(__cpp_exceptions)
                try {
                    for (index_t i = next++; i < n; i = next++) f(i, static_cast<index_t>(worker));
                } catch (...) {
                    const std::lock_guard lock(first_mutex);
                    if (!first) first = std::current_exception();
                }
#else
                for (index_t i = next++; i < n; i = next++) f(i, static_cast<index_t>(worker));
#endif
                done.Notify();
            });
        done.Wait();
#if defined(__cpp_exceptions)
        if (first) std::rethrow_exception(first);
#endif
    }

private:
    Eigen::ThreadPoolInterface* pool_;
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Executors that try to upset a result: real threads, tasks in a shuffled order, pauses in between.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "inputs.hpp"

namespace executors {

/// `threads` threads that take the tasks of a random permutation and yield now and then.
class adversary {
public:
    using index_t = inputs::index_t;

    explicit adversary(index_t threads, std::uint64_t seed = 1) : threads_(threads), seed_(seed) {}

    index_t concurrency() const { return threads_; }

    template <class F>
    void for_each_index(index_t n, F&& f) const {
        std::vector<index_t> order(static_cast<std::size_t>(n));
        std::iota(order.begin(), order.end(), index_t{0});
        inputs::random r(seed_);
        for (index_t i = n; i > 1; --i)
            std::swap(order[static_cast<std::size_t>(i - 1)], order[static_cast<std::size_t>(r.below(i))]);
        std::atomic<index_t> next{0};
        std::exception_ptr error;
        std::mutex lock;
        std::vector<std::thread> team;
        for (index_t worker = 0; worker < threads_; ++worker)
            team.emplace_back([&, worker] {
                try {
                    for (index_t i = next++; i < n; i = next++) {
                        if ((i + worker) % 3 == 0) std::this_thread::yield();
                        f(order[static_cast<std::size_t>(i)], worker);
                    }
                } catch (...) {
                    const std::lock_guard hold(lock);
                    error = std::current_exception();
                }
            });
        for (auto& thread : team) thread.join();
        if (error) std::rethrow_exception(error);
    }

private:
    index_t threads_;
    std::uint64_t seed_;
};

/// Threads with a stretch of neighbouring tasks each.
struct stretches {
    using index_t = inputs::index_t;
    index_t threads;
    index_t concurrency() const { return threads; }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        std::vector<std::thread> team;
        for (index_t worker = 0; worker < threads; ++worker)
            team.emplace_back([&, worker] {
                for (index_t i = n * worker / threads; i < n * (worker + 1) / threads; ++i) f(i, worker);
            });
        for (auto& thread : team) thread.join();
    }
};

/// The calling thread in the place of several workers, the last task first.
struct backward {
    using index_t = inputs::index_t;
    index_t workers;
    index_t concurrency() const { return workers; }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        for (index_t i = n - 1; i >= 0; --i) f(i, i % workers);
    }
};

/// Runs every task twice: a task may keep nothing from its first time.
struct twice {
    using index_t = inputs::index_t;
    index_t concurrency() const { return 1; }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        for (index_t i = n - 1; i >= 0; --i) f(i, index_t{0});
        for (index_t i = 0; i < n; ++i) f(i, index_t{0});
    }
};

}  // namespace executors

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What this machine can do at most: fused multiply-adds from registers, and reads from memory. Each probe is short and
// may be called between the repetitions of a kernel, so that both meet the same clock and neighbours.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "domino/simd/batch.hpp"

namespace bench {

/// What a call asks of the machine. Bytes count each input and output once; 0 where the machine's reads are no limit.
struct work {
    double flops, bytes = 0;
    domino::index_t threads = 1;
};

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class T>
using huge_memory = std::unique_ptr<T[], decltype(&std::free)>;

/// Room for n elements, in huge pages where the system has them.
template <class T>
huge_memory<T> huge_pages(std::size_t n) {
    constexpr std::size_t page = 2u << 20;
    const std::size_t bytes = (n * sizeof(T) + page - 1) / page * page;
    huge_memory<T> memory(static_cast<T*>(std::aligned_alloc(page, bytes)), std::free);
    if (!memory) throw std::bad_alloc();
#if defined(__linux__)
    ::madvise(memory.get(), bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

/// FLOP/s of 12 independent chains of multiply-adds, which hide the latency of two units; about 0.3 ms. Not inlined, so
/// that every row is held against the same code.
[[gnu::noinline]] inline double fma_rate() {
    using namespace domino::simd;
    constexpr int chains = 12, rounds = 100'000;
    [[maybe_unused]] static volatile float factor = 0.999f, summand = 0.001f, sink;  // volatile: not known in advance
    const floats x(factor), y(summand);
    floats chain[chains];
    // distinct starts: of equal chains a compiler computes one
    unroll<chains>([&](auto j) DOMINO_INLINE_LAMBDA { chain[j] = floats(static_cast<float>(int{j})); });
    const double start = now();
    for (int i = 0; i < rounds; ++i)
        unroll<chains>([&](auto j) DOMINO_INLINE_LAMBDA { chain[j] = fma(chain[j], x, y); });
    unroll<chains - 1>([&](auto j) DOMINO_INLINE_LAMBDA { chain[0] += chain[j + 1]; });
    sink = chain[0].get(0);
    return 2.0 * chains * rounds * double(width) / (now() - start);
}

/// The same of several threads that start together, in sum.
inline double fma_rate(domino::index_t threads) {
    if (threads == 1) return fma_rate();
    std::barrier start(threads);
    std::atomic<double> sum = 0;
    std::vector<std::jthread> running;
    for (domino::index_t i = 0; i < threads; ++i)
        running.emplace_back([&] {
            start.arrive_and_wait();
            sum += fma_rate();
        });
    running.clear();
    return sum;
}

/// Bytes/s of one pass over 256 MiB, well beyond the last cache.
[[gnu::noinline]] inline double read_rate() {
    using namespace domino::simd;
    constexpr std::size_t bytes = 256u << 20, size = bytes / sizeof(float);
    constexpr int streams = 8;
    static const auto buffer = [] {
        auto memory = huge_pages<float>(size);
        std::fill_n(memory.get(), size, 1.f);
        return memory;
    }();
    [[maybe_unused]] static volatile float sink;
    floats sum[streams];
    unroll<streams>([&](auto j) DOMINO_INLINE_LAMBDA { sum[j] = floats(0.f); });
    const double start = now();
    for (std::size_t i = 0; i < size; i += streams * floats::size)
        unroll<streams>([&](auto j) DOMINO_INLINE_LAMBDA {
            sum[j] += floats::load_aligned(buffer.get() + i + std::size_t{j} * floats::size);
        });
    unroll<streams - 1>([&](auto j) DOMINO_INLINE_LAMBDA { sum[0] += sum[j + 1]; });
    sink = sum[0].get(0);
    return double(bytes) / (now() - start);
}

}  // namespace bench

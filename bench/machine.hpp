// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What this machine can do at most, on one core: fused multiply-adds from registers, and reads from memory. Each probe
// is short and may be called between the repetitions of a kernel, so that both meet the same clock and neighbours.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "domino/simd/batch.hpp"

namespace bench {

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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

/// Bytes/s of one pass over 256 MiB, well beyond the last cache, in huge pages where the system has them.
[[gnu::noinline]] inline double read_rate() {
    using namespace domino::simd;
    constexpr std::size_t bytes = 256u << 20, huge_page = 2u << 20, size = bytes / sizeof(float);
    constexpr int streams = 8;
    static const auto buffer = [] {
        std::unique_ptr<float[], decltype(&std::free)> memory(static_cast<float*>(std::aligned_alloc(huge_page, bytes)),
                                                              std::free);
        if (!memory) throw std::bad_alloc();
#if defined(__linux__)
        ::madvise(memory.get(), bytes, MADV_HUGEPAGE);
#endif
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

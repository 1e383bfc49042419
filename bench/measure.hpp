// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How every row is measured: at least ten repetitions (more until --benchmark_min_time is met), with a probe of the
// machine between each two. Times are Google Benchmark's, without the probes; counters are of the best repetition.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "machine.hpp"

namespace bench {

/// Seconds of one repetition.
struct timing {
    double best, median;
};

/// Runs `kernel` in the state's loop, and `between` after each repetition with the clock stopped.
template <class Kernel, class Between>
timing repeat(benchmark::State& state, Kernel&& kernel, Between&& between) {
    constexpr int repetitions = 10;
    std::vector<double> seconds;
    while (state.KeepRunningBatch(repetitions))
        for (int i = 0; i < repetitions; ++i) {
            const double start = now();
            kernel();
            seconds.push_back(now() - start);
            state.PauseTiming();
            between();
            state.ResumeTiming();
        }
    std::sort(seconds.begin(), seconds.end());
    return {seconds.front(), seconds[seconds.size() / 2]};
}

/// What one repetition does. Bytes count each input and output once; 0 where the machine's reads are no limit.
struct work {
    double flops, bytes = 0;
};

/// Counters:
///   gflops       visible work of the best repetition, in GFLOP/s
///   peak         that as a fraction of the FMA peak: the best of the probes between the repetitions
///   peak_median  the same of the median repetition, over the same peak
///   bandwidth    bytes of the best repetition as a fraction of the best read rate between the repetitions
template <class Kernel>
void measure(benchmark::State& state, const work& w, Kernel&& kernel) {
    double fma_peak = 0, read_peak = 0;
    const timing seconds = repeat(state, kernel, [&] {
        fma_peak = std::max(fma_peak, fma_rate());
        if (w.bytes > 0) read_peak = std::max(read_peak, read_rate());
    });
    state.counters["gflops"] = w.flops / seconds.best * 1e-9;
    state.counters["peak"] = w.flops / seconds.best / fma_peak;
    state.counters["peak_median"] = w.flops / seconds.median / fma_peak;
    if (w.bytes > 0) state.counters["bandwidth"] = w.bytes / seconds.best / read_peak;
}

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How every row is measured: at least ten repetitions (more until --benchmark_min_time is met), with a probe of the
// machine between each two, and the call that the row is compared with. Times are Google Benchmark's, without these;
// counters are of the best repetition.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "machine.hpp"

namespace bench {

/// Seconds of one repetition.
struct timing {
    double best, median;
    explicit timing(std::vector<double> seconds) {
        std::sort(seconds.begin(), seconds.end());
        best = seconds.front();
        median = seconds[seconds.size() / 2];
    }
};

template <class F>
double seconds_of(F&& f) {
    const double start = now();
    f();
    return now() - start;
}

/// Runs `kernel` in the state's loop, and `between` after each repetition with the clock stopped.
template <class Kernel, class Between>
timing repeat(benchmark::State& state, Kernel&& kernel, Between&& between) {
    constexpr int repetitions = 10;
    std::vector<double> seconds;
    while (state.KeepRunningBatch(repetitions))
        for (int i = 0; i < repetitions; ++i) {
            seconds.push_back(seconds_of(kernel));
            state.PauseTiming();
            between();
            state.ResumeTiming();
        }
    return timing(std::move(seconds));
}

/// Counters `ratio` and `ratio_median`: seconds of the best (median) repetition over those of the best (median) of `base`.
inline void compare(benchmark::State& state, const timing& seconds, const timing& base) {
    state.counters["ratio"] = seconds.best / base.best;
    state.counters["ratio_median"] = seconds.median / base.median;
}

/// Counters, beside those of `compare` with a `base` that runs after each repetition:
///   gflops       visible work of the best repetition, in GFLOP/s
///   peak         that as a fraction of the FMA peak: the best of the probes between the repetitions
///   peak_median  the same of the median repetition, over the same peak
///   bandwidth    bytes of the best repetition as a fraction of the best read rate between the repetitions
///   bandwidth_median
template <class Kernel, class... Base>
void measure(benchmark::State& state, const work& w, Kernel&& kernel, Base&&... base) {
    double fma_peak = 0, read_peak = 0;
    std::vector<double> base_seconds;
    const timing seconds = repeat(state, kernel, [&] {
        (base_seconds.push_back(seconds_of(base)), ...);
        fma_peak = std::max(fma_peak, fma_rate(w.threads));
        if (w.bytes > 0) read_peak = std::max(read_peak, read_rate());
    });
    state.counters["gflops"] = w.flops / seconds.best * 1e-9;
    state.counters["peak"] = w.flops / seconds.best / fma_peak;
    state.counters["peak_median"] = w.flops / seconds.median / fma_peak;
    if (w.bytes > 0) {
        state.counters["bandwidth"] = w.bytes / seconds.best / read_peak;
        state.counters["bandwidth_median"] = w.bytes / seconds.median / read_peak;
    }
    if constexpr (sizeof...(Base) > 0) compare(state, seconds, timing(std::move(base_seconds)));
}

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program: the machine's own limits, then every row. Without a filter the lengths 2048 and 8192 are left out;
// --benchmark_filter=. runs them too.
#include "measure.hpp"

namespace {

void fma(benchmark::State& state) {
    double best = 0;
    bench::repeat(
        state, [&] { best = std::max(best, bench::fma_rate()); }, [] {});
    state.counters["gflops"] = best * 1e-9;
}
void read(benchmark::State& state) {
    double best = 0;
    bench::repeat(
        state, [&] { best = std::max(best, bench::read_rate()); }, [] {});
    state.counters["gbytes"] = best * 1e-9;
}
BENCHMARK(fma)->Name("machine/fma")->Unit(benchmark::kMillisecond);
BENCHMARK(read)->Name("machine/read")->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    if (benchmark::GetBenchmarkFilter().empty()) benchmark::SetBenchmarkFilter("-len:(2048|8192)$");
    benchmark::AddCustomContext("registers", std::to_string(domino::simd::width) + " floats");
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}

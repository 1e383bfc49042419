// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program: the machine's own limits, then every row, then a table of all rows. Without a filter the lengths 2048 and
// 8192 are left out; --benchmark_filter=. runs them too.
#include <iomanip>
#include <string_view>

#include "measure.hpp"

namespace {

void fma(benchmark::State& state) {
    double best = 0;
    bench::repeat(
        state, [&] { best = std::max(best, bench::fma_rate(state.range(0))); }, [] {});
    state.counters["gflops"] = best * 1e-9;
}
void read(benchmark::State& state) {
    double best = 0;
    bench::repeat(
        state, [&] { best = std::max(best, bench::read_rate()); }, [] {});
    state.counters["gbytes"] = best * 1e-9;
}
BENCHMARK(fma)->Name("machine/fma")->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(read)->Name("machine/read")->Unit(benchmark::kMillisecond);

/// The usual lines, and at the end a table: a row's best and median as percent of the machine's FMAs and reads, and of
/// the time of what it is compared with.
class table : public benchmark::ConsoleReporter {
public:
    table() : ConsoleReporter(OO_None) {}
    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        rows_.insert(rows_.end(), runs.begin(), runs.end());
    }
    void Finalize() override {
        std::ostream& out = GetOutputStream();
        out << "\n   % of the FMAs  % of reads   % of the base\n   best median   best median   best median\n";
        for (const Run& row : rows_) {
            if (!row.counters.contains("peak") && !row.counters.contains("ratio")) continue;
            for (const char* counter : {"peak", "bandwidth", "ratio"}) {
                print(row, counter);
                print(row, std::string(counter) + "_median");
            }
            out << "  " << row.benchmark_name() << "\n";
        }
        out << std::flush;
    }

private:
    void print(const Run& row, const std::string& counter) {
        std::ostream& out = GetOutputStream();
        const auto found = row.counters.find(counter);
        out << std::setw(7) << std::fixed << std::setprecision(1);
        if (found == row.counters.end()) out << "";
        else out << 100.0 * found->second.value;
    }

    std::vector<Run> rows_;
};

}  // namespace

int main(int argc, char** argv) {
    const bool own_format = std::any_of(
        argv, argv + argc, [](std::string_view argument) { return argument.starts_with("--benchmark_format"); });
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    if (benchmark::GetBenchmarkFilter().empty()) benchmark::SetBenchmarkFilter("-len:(2048|8192)$");
    benchmark::AddCustomContext("registers", std::to_string(domino::simd::width) + " floats");
    table reporter;
    benchmark::RunSpecifiedBenchmarks(own_format ? nullptr : &reporter);
    benchmark::Shutdown();
}

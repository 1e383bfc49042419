// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A few calls behind a C interface, which tune.py compiles once for each set of the kernel's sizes.
#include <cmath>
#include <functional>

#include "../call.hpp"

namespace bench {
namespace {

using namespace domino::kernel;
static_assert(panel_registers * (step<panel_registers> + 1) + 1 <= registers,
              "accumulators, a panel's row and a broadcast have registers");
static_assert(kv_tile % step<panel_registers> == 0, "a tile is whole steps");
static_assert(block_rows(64, 64) % panel == 0 && block_rows(128, 128) % panel == 0, "a block is whole panels");

struct row {
    const char* name;
    work asked;
    std::function<void()> run;
    domino::tensor_view<float> output;
};

template <class Call>
row of(const char* name, const Call& call, const shape& s) {
    const auto kernel = std::make_shared<decltype(prepared(call, s))>(call, s);
    return {name, kernel->work(), [kernel] { (*kernel)(); }, kernel->output()};
}

const row& row_at(int i) {
    static const std::vector<row> rows{
        of("dense 64", with(domino::full), {.head_dim = 64, .q_len = 4096, .kv_len = 4096}),
        of("dense 128", with(domino::full), {.head_dim = 128, .q_len = 4096, .kv_len = 4096}),
        of("window 64", with(domino::last_n(256)), {.head_dim = 64, .q_len = 16384, .kv_len = 16384}),
        of("documents 64", with(documents), {.head_dim = 64, .q_len = 4096, .kv_len = 4096}),
        of("16 rows 128", with(domino::causal),
           {.head_dim = 128, .q_len = 16, .kv_len = 4096, .heads = 8, .kv_heads = 8}),
        of("decode 128", with(domino::causal),
           {.head_dim = 128, .q_len = 1, .kv_len = 8192, .heads = 32, .kv_heads = 8}),
        {}};
    return rows.at(static_cast<std::size_t>(i));
}

}  // namespace
}  // namespace bench

#define TUNE_EXPORT extern "C" __attribute__((visibility("default")))

/// Row i; null beyond the last.
TUNE_EXPORT const char* row_name(int i) { return bench::row_at(i).name; }
TUNE_EXPORT double row_flops(int i) { return bench::row_at(i).asked.flops; }
TUNE_EXPORT double row_bytes(int i) { return bench::row_at(i).asked.bytes; }
/// Runs it.
TUNE_EXPORT double row_seconds(int i) {
    const bench::row& row = bench::row_at(i);
    const double start = bench::now();
    row.run();
    return bench::now() - start;
}
/// The sum of what it gave last, without signs.
TUNE_EXPORT double row_sum(int i) {
    const auto& output = bench::row_at(i).output;
    double sum = 0;
    for (bench::index_t j = 0; j < output.size(); ++j) sum += std::abs(double(output.data[j]));
    return sum;
}
TUNE_EXPORT double fma_rate() { return bench::fma_rate(); }
TUNE_EXPORT double read_rate() { return bench::read_rate(); }

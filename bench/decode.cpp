// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One query a head against a long cache, where reading K and V is the limit, in every element type; and few queries.
#include "attention.hpp"

namespace bench {
namespace {

using domino::bfloat16, domino::causal, domino::float16, domino::last_n;

constexpr auto grouped = [](auto* row) {
    row->ArgNames(decode_arguments)->Unit(benchmark::kMillisecond);
    for (index_t len : {4096, 16384, 65536}) row->Args({32, 8, 1, len});
};
constexpr auto grouped_and_not = [](auto* row) {
    grouped(row);
    row->Args({32, 32, 1, 8192});
};
constexpr auto few_queries = [](auto* row) {
    row->ArgNames(decode_arguments)->Unit(benchmark::kMillisecond);
    for (index_t q_len : {2, 4, 8, 12, 16, 24, 32, 64}) row->Args({8, 8, q_len, 4096})->Args({32, 8, q_len, 4096});
};
constexpr auto pages = [](auto* row) {
    row->ArgNames(decode_arguments)->Unit(benchmark::kMillisecond);
    for (index_t q_len : {1, 16, 64}) row->Args({32, 8, q_len, 4096})->Args({8, 8, q_len, 4096});
};

BENCHMARK_CAPTURE(decode, f32, with(causal))->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, f16, with<float, float16>(causal))->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, bf16, with<float, bfloat16>(causal))->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, int8, with<float, std::int8_t>(causal))->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, f32_last_n_1024, with(last_n(1024)))->Apply(grouped);
BENCHMARK_CAPTURE(decode, f32_few, with(causal))->Apply(few_queries);
BENCHMARK_CAPTURE(decode, f16_few, with<float, float16>(causal))->Apply(few_queries);
BENCHMARK_CAPTURE(decode, f16_pages, with<float, pages_of<float16>>(causal))->Apply(pages);
BENCHMARK_CAPTURE(decode, f32_pages, with<float, pages_of<float>>(causal))->Apply(pages);

/// The last q_len queries of a batch whose K and V fill 256 MiB; the row's arguments are head_dim, q_len and len.
void short_query(benchmark::State& state) {
    const index_t head_dim = state.range(0), q_len = state.range(1), len = state.range(2);
    const index_t batch = (index_t{128} << 20) / (len * head_dim * index_t{sizeof(float)});
    attention_of(state, {.head_dim = head_dim, .q_len = q_len, .kv_len = len, .batch = batch}, with(causal));
}
BENCHMARK(short_query)
    ->Name("attention/short_query")
    ->ArgNames({"head_dim", "q_len", "len"})
    ->Unit(benchmark::kMillisecond)
    ->Args({64, 16, 4096})
    ->Args({128, 16, 4096});

}  // namespace
}  // namespace bench

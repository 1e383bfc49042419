// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prefill under the masks of the catalogue, at all head sizes; grouped heads; many short sequences; elements of 16 bits and of 8.
#include "attention.hpp"

namespace bench {
namespace {

using domino::bfloat16, domino::causal, domino::float16, domino::full;

constexpr auto short_lengths = [](auto* row) {
    row->ArgNames({"head_dim", "len"})->Unit(benchmark::kMillisecond);
    for (const index_t len : {32, 64, 128, 256}) row->Args({64, len});
};

BENCHMARK_CAPTURE(attention, dense, with(full))->Apply(lengths<16384>)->Apply(head_dims);
BENCHMARK_CAPTURE(attention, causal, with(causal))->Apply(lengths<16384>)->Apply(head_dims);
BENCHMARK_CAPTURE(attention, dense_value_128, shape{.value_dim = 128}, with(full))->Apply(at_4096<192>);
BENCHMARK_CAPTURE(attention, causal_value_128, shape{.value_dim = 128}, with(causal))->Apply(at_4096<192>);
BENCHMARK_CAPTURE(attention, last_n_256, with(domino::last_n(256)))->Apply(lengths<65536>);
BENCHMARK_CAPTURE(attention, documents, with(documents))->Apply(lengths<16384>);
BENCHMARK_CAPTURE(attention, prefix_lm, with(prefix_quarter))->Apply(lengths<16384>);
BENCHMARK_CAPTURE(attention, chunked_512, with(domino::chunked_causal(512)))->Apply(lengths<16384>);
BENCHMARK_CAPTURE(attention, blocks_64, with(quarter_of_blocks(64)))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, blocks_16, with(quarter_of_blocks(16)))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, gqa_4_to_1, shape{.heads = 4}, with(causal))->Apply(at_4096<64>);
BENCHMARK_CAPTURE(attention, short_dense, shape{.batch = 32, .heads = 12}, with(full))->Apply(short_lengths);
BENCHMARK_CAPTURE(attention, short_causal, shape{.batch = 32, .heads = 12}, with(causal))->Apply(short_lengths);

// Against float32.
BENCHMARK_CAPTURE(attention, f16_dense, with<float16>(full), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, f16, with<float16>(causal), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bf16_dense, with<bfloat16>(full), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bf16, with<bfloat16>(causal), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, int8, with<float, std::int8_t>(causal), with(causal))->Apply(at_4096<64, 128>);

}  // namespace
}  // namespace bench

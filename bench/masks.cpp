// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prefill under the masks of the catalogue; grouped heads; and short queries, where reading K and V is the limit.
#include "attention.hpp"

namespace bench {
namespace {

/// The last q_len queries of a batch whose K and V fill 256 MiB; the row's arguments are head_dim, q_len and len.
void short_query(benchmark::State& state) {
    const index_t head_dim = state.range(0), q_len = state.range(1), len = state.range(2);
    const index_t batch = (index_t{128} << 20) / (len * head_dim * index_t{sizeof(float)});
    const auto q = random_floats(batch * q_len * head_dim), k = random_floats(batch * len * head_dim),
               v = random_floats(batch * len * head_dim);
    std::vector<float> o(q.size());
    const auto Q = domino::bhsd(q.data(), batch, 1, q_len, head_dim),
               K = domino::bhsd(k.data(), batch, 1, len, head_dim), V = domino::bhsd(v.data(), batch, 1, len, head_dim);
    const auto O = domino::bhsd(o.data(), batch, 1, q_len, head_dim);
    const index_t offset = len - q_len;
    const index_t visible = domino::stats(domino::offset(domino::causal, offset), {batch, 1, q_len, len}).visible;
    const std::size_t floats = q.size() + k.size() + v.size() + o.size();
    measure(state, {attention_flops(visible, head_dim), double(floats * sizeof(float))},
            [&] { domino::attention(Q, K, V, O, domino::causal, {.q_offset = offset}); });
}

BENCHMARK_CAPTURE(attention, dense, domino::full)->Apply(dense);
BENCHMARK_CAPTURE(attention, causal, domino::causal)->Apply(dense);
BENCHMARK_CAPTURE(attention, last_n_256, domino::last_n(256))->Apply(sparse);
BENCHMARK_CAPTURE(attention, documents, documents)->Apply(sparse);
BENCHMARK_CAPTURE(attention, prefix_lm, prefix_quarter)->Apply(modified);
BENCHMARK_CAPTURE(attention, gqa_4_to_1, domino::causal, domino::score, head_counts{4, 1})->Apply(one_size);
BENCHMARK(short_query)
    ->Name("attention/short_query")
    ->ArgNames({"head_dim", "q_len", "len"})
    ->Unit(benchmark::kMillisecond)
    ->Args({64, 16, 4096})
    ->Args({128, 16, 4096});

}  // namespace
}  // namespace bench

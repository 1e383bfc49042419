// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Causal prefill under score mods, against causal alone.
#include "attention.hpp"

namespace bench {
namespace {

using domino::causal;

const std::vector<float> slopes = domino::alibi_slopes(8);
constexpr auto distance = [](auto s, auto, auto, auto q, auto kv) { return s - 0.01f * (q - kv); };
constexpr auto plain_distance = [](float s, int, int, int q, int kv) { return s - 0.01f * static_cast<float>(q - kv); };

BENCHMARK_CAPTURE(attention, alibi, with(causal, domino::alibi(domino::table(slopes))), with(causal))
    ->Apply(lengths<16384>);
BENCHMARK_CAPTURE(attention, softcap, with(causal, domino::softcap(30.f)), with(causal))->Apply(lengths<16384>);
BENCHMARK_CAPTURE(attention, lambda_score, with(causal, distance), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, lambda_score_of_ints, with(causal, plain_distance), with(causal))->Apply(at_4096<64>);

}  // namespace
}  // namespace bench

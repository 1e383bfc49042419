// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Causal prefill under score mods.
#include "attention.hpp"

namespace bench {
namespace {

const std::vector<float> slopes = domino::alibi_slopes(8);

BENCHMARK_CAPTURE(attention, alibi, domino::causal, domino::alibi(domino::table(slopes)))->Apply(modified);
BENCHMARK_CAPTURE(attention, softcap, domino::causal, domino::softcap(30.f))->Apply(modified);

}  // namespace
}  // namespace bench

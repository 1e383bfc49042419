// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks that are no expression of the library's, against the same as an expression: erased at run time, and a user's
// lambda.
#include "attention.hpp"

namespace bench {
namespace {

using domino::any_mask, domino::causal, domino::last_n;

constexpr auto any_documents = [](index_t len) { return any_mask(documents(len)); };
constexpr auto lambda = [](auto, auto, auto q, auto kv) { return kv <= q; };
constexpr auto lambda_of_ints = [](int, int, int q, int kv) { return kv <= q; };
/// A window with sinks: the last 256 keys and the first 64.
constexpr auto sinks = [](auto, auto, auto q, auto kv) { return kv <= q && (q - kv < 256 || kv < 64); };
/// Strides: the last 64 keys of every 128. No tile is full, and each element costs a remainder.
constexpr auto strides = [](auto, auto, auto q, auto kv) { return kv <= q && (q - kv) % 128 < 64; };

BENCHMARK_CAPTURE(attention, any_causal, with(any_mask(causal)), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, any_last_n_256, with(any_mask(last_n(256))), with(last_n(256)))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, any_documents, with(any_documents), with(documents))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, any_strides, with(any_mask(strides)), with(strides))->Apply(at_4096<64>);
BENCHMARK_CAPTURE(attention, lambda, with(lambda), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, lambda_of_ints, with(lambda_of_ints), with(causal))->Apply(at_4096<64>);
BENCHMARK_CAPTURE(attention, lambda_sinks, with(sinks))->Apply(at_4096<64>);
BENCHMARK_CAPTURE(attention, lambda_strides, with(strides))->Apply(at_4096<64>);

}  // namespace
}  // namespace bench

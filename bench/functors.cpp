// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks that are no expression of the library's: erased at run time, and a user's lambda.
#include "attention.hpp"

namespace bench {
namespace {

/// A window with sinks: the last 256 keys and the first 64.
constexpr auto sinks = [](auto, auto, auto q, auto kv) { return kv <= q && (q - kv < 256 || kv < 64); };
/// Strides: the last 64 keys of every 128. No tile is full, and each element costs a remainder.
constexpr auto strides = [](auto, auto, auto q, auto kv) { return kv <= q && (q - kv) % 128 < 64; };

BENCHMARK_CAPTURE(attention, any_mask, domino::any_mask(domino::causal))->Apply(one_size);
BENCHMARK_CAPTURE(attention, lambda_sinks, sinks)->Apply(one_size);
BENCHMARK_CAPTURE(attention, lambda_strides, strides)->Apply(one_size);

}  // namespace
}  // namespace bench

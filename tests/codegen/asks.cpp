// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GCC may take a function that only asks for memory for one without effect, and drop its calls.
#include <domino/simd/batch.hpp>

namespace {
[[gnu::noinline]] void ask(const float* at) { domino::simd::prefetch(at, 64); }
}  // namespace

void read_soon(const float* at) { ask(at); }

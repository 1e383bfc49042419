// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows. There is no bare "window": systems count it differently (SEMANTICS 2.5), so each name says what it counts.
#pragma once

#include "domino/error.hpp"
#include "domino/mask/causal.hpp"

namespace domino::inline DOMINO_ARCH {

/// Farther than any two positions: band(unbounded, 0) is causal.
inline constexpr index_t unbounded = index_t{1} << 30;

/// The last n keys, the query's own among them: kv <= q && q - kv < n. Counts keys; n >= 0, and 0 sees nothing.
/// (penzai, attnax, Hugging Face sliding_window, xformers window_size)
constexpr auto last_n(index_t n) { return causal && q - kv < detail::at_least(0, n, "last_n(n)"); }

/// From `left` keys before the query to `right` keys after it, both inclusive: q - left <= kv <= q + right. Counts
/// neighbours, so left + right + 1 keys; band(n - 1, 0) is last_n(n).   (FlashAttention window_size, ejkernel, Longformer)
constexpr auto band(index_t left, index_t right) {
    return q - kv <= detail::at_least(0, left, "band(left, right): left") &&
           kv - q <= detail::at_least(0, right, "band(left, right): right");
}

/// Sequence cut in chunks of n, each seeing itself in both directions: q / n == kv / n; n >= 1.
constexpr auto chunked(index_t n) {
    detail::at_least(1, n, "chunked(n)");
    return q / n == kv / n;
}

/// Chunked and causal: kv <= q && q / n == kv / n.   (Llama 4, ejkernel apply_chunked)
constexpr auto chunked_causal(index_t n) { return causal && chunked(n); }

}  // namespace domino::inline DOMINO_ARCH

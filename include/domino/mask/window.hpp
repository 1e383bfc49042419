// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows. There is no bare "window": systems count it differently, so each name says what it counts.
#pragma once

#include "domino/error.hpp"
#include "domino/mask/causal.hpp"

namespace domino::inline DOMINO_ARCH {

/// As far as any two positions are from each other: band(unbounded, 0) is causal.
inline constexpr index_t unbounded = (index_t{1} << 31) - 1;

/// The last n keys, the query's own among them: kv <= q && q - kv < n. Counts keys; n >= 0, and 0 sees nothing.
/// (penzai, attnax, Hugging Face sliding_window, xformers window_size)
constexpr auto last_n(index_t n) { return causal && q - kv < detail::at_least(0, n, "last_n(n)"); }

/// From `left` keys before the query to `right` keys after it, both inclusive: q - left <= kv <= q + right. Counts
/// neighbours, so left + right + 1 keys; band(n - 1, 0) is last_n(n).   (FlashAttention window_size, ejkernel, Longformer)
constexpr auto band(index_t left, index_t right) {
    return q - kv <= detail::at_least(0, left, "band(left, right): left") &&
           kv - q <= detail::at_least(0, right, "band(left, right): right");
}

/// At most n away on either side: |q - kv| <= n, so 2 n + 1 keys; n >= 0.   (Longformer, Hugging Face encoders, ejkernel)
constexpr auto within(index_t n) { return abs(q - kv) <= detail::at_least(0, n, "within(n)"); }

/// The last n positions that tables hold, the query's own among them: causal_by_position and q_pos - kv_pos < n. n is a
/// number or an expression, such as windows(b), windows(h) or windows(b, h) of a table; 0 or less sees nothing.
/// (penzai ApplyCausalSlidingWindowAttentionMask)
template <Operand N, class T, class U, std::size_t R, std::size_t S>
auto last_n_by_position(const N& n, const table_view<T, R>& q_positions, const table_view<U, S>& kv_positions) {
    const auto query = by_row(q_positions, q);
    const auto key = by_row(kv_positions, kv);
    return piecewise(key <= query && query - key < n && key >= 0, cut::nowhere{}, cut::every{});
}

/// Less than n away on either side: |q - kv| < n, so 2 n - 1 keys; n >= 0, and 0 sees nothing.   (attnax, bidirectional)
constexpr auto nearer_than(index_t n) { return abs(q - kv) < detail::at_least(0, n, "nearer_than(n)"); }

/// Every step-th key at most n away: |q - kv| <= n && (q - kv) % step == 0; n >= 0, step >= 1. (Written with the largest
/// multiple of step within n, so that tiles are decided exactly.)   (attention-gym)
constexpr auto dilated(index_t n, index_t step) {
    detail::at_least(1, step, "dilated(n, step): step");
    return abs(q - kv) <= detail::at_least(0, n, "dilated(n, step): n") / step * step && (q - kv) % step == 0;
}

/// A window on a circle of `length` positions: min(|q - kv|, length - |q - kv|) <= n; n >= 0, length >= 1. Positions are
/// 0 to length - 1.   (hepattn)
constexpr auto wrapped(index_t n, index_t length) {
    detail::at_least(1, length, "wrapped(n, length): length");
    return min(abs(q - kv), length - abs(q - kv)) <= detail::at_least(0, n, "wrapped(n, length): n");
}

/// Every step-th key back from the query: kv <= q && (q - kv) % step == 0; step >= 1. With last_n(step) it is the strided
/// pattern of Sparse Transformers.   (Child et al., 2019)
constexpr auto strided(index_t step) { return causal && (q - kv) % detail::at_least(1, step, "strided(step)") == 0; }

/// The last n keys, and the first `sinks` keys of the sequence: kv <= q && (q - kv < n || kv < sinks). n counts the
/// query's own key, sinks may overlap the window; both >= 0.   (StreamingLLM; A-shape in MInference)
constexpr auto last_n_with_sinks(index_t n, index_t sinks) {
    detail::at_least(0, n, "last_n_with_sinks(n, sinks): n");
    detail::at_least(0, sinks, "last_n_with_sinks(n, sinks): sinks");
    return piecewise(causal && (q - kv < n || kv < sinks), cut::nowhere{}, cut::before{sinks});
}

/// The same, with rows from `dense_from` on fully causal: the query at the end of a long prompt.   (tri-shape in MInference)
constexpr auto tri_shape(index_t n, index_t sinks, index_t dense_from) {
    detail::at_least(0, dense_from, "tri_shape(n, sinks, dense_from): dense_from");
    return piecewise(causal && (last_n_with_sinks(n, sinks) || q >= dense_from), cut::before{dense_from},
                     cut::nowhere{});
}

/// A window of n on either side, and tokens that see all and are seen by all: |q - kv| <= n || global(q) || global(kv).
/// `global` is [len] or [batch, len], bools or integers of which 0 means no; n >= 0.   (Longformer; && causal for decoders)
template <class T, std::size_t Rank>
auto longformer(index_t n, const table_view<T, Rank>& global) {
    return piecewise(within(n) || is_true(by_row(global, q)) || is_true(by_row(global, kv)), cut::changes{global});
}

}  // namespace domino::inline DOMINO_ARCH

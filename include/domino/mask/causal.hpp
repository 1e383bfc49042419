// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Causal masks. Where q_len != kv_len, `q` is the row plus the call's q_offset: offset 0 aligns the diagonal top-left
// (torch, attnax, ejkernel, FlexAttention), offset kv_len - q_len bottom-right (FlashAttention >= 2.1, FlashInfer).
#pragma once

#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// Every key.
inline constexpr auto full = constant<bool>(true);
/// No key.
inline constexpr auto none = constant<bool>(false);

/// A query sees itself and the keys before it: kv <= q.   (all systems)
inline constexpr auto causal = kv <= q;

/// Only what comes before: kv < q. The first query sees nothing.
inline constexpr auto strict_causal = kv < q;

/// The same as causal with the diagonal moved `offset` keys to the right: kv <= q + offset, a number or an expression such as
/// lengths(b) - q_len for a ragged batch aligned bottom-right.   (ejkernel apply_causal, xformers *FromBottomRight)
template <Operand Offset>
constexpr auto causal_with_offset(const Offset& offset) {
    return kv <= q + offset;
}

/// Causal by the positions that tables hold, for caches whose cells are in any order: kv_pos <= q_pos and kv_pos >= 0
/// (a negative key position is an empty cell).   (penzai ApplyCausalAttentionMask, ggml)
/// Both tables are indexed by element, [len] or [batch, len]; repeated and unordered positions are fine.
template <class T, class U, std::size_t R, std::size_t S>
auto causal_by_position(const table_view<T, R>& q_positions, const table_view<U, S>& kv_positions) {
    const auto key = by_row(kv_positions, kv);
    return piecewise(key <= by_row(q_positions, q) && key >= 0, cut::nowhere{}, cut::every{});
}

}  // namespace domino::inline DOMINO_ARCH

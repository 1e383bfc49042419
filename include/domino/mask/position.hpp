// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows by the positions that tables hold.
#pragma once

#include "domino/mask/causal.hpp"

namespace domino::inline DOMINO_ARCH {

/// The last n positions, the query's own among them: causal_by_position and q_pos - kv_pos < n. n is a number or an
/// expression, such as windows(b), windows(h) or windows(b, h) of a table; 0 or less sees nothing.
/// (penzai ApplyCausalSlidingWindowAttentionMask)
template <Operand N, class T, class U, std::size_t R, std::size_t S>
auto last_n_by_position(const N& n, const table_view<T, R>& q_positions, const table_view<U, S>& kv_positions) {
    const auto query = by_row(q_positions, q);
    const auto key = by_row(kv_positions, kv);
    return key <= query && query - key < n && key >= 0;
}

}  // namespace domino::inline DOMINO_ARCH

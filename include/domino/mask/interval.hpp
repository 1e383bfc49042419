// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks that are intervals: of keys for each query, or of queries for each key.
#pragma once

#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// An interval of keys for each query: begins(q) <= kv && kv < ends(q). Tables are [q_len] or [batch, q_len].
template <class T, class U, std::size_t R>
auto row_intervals(const table_view<T, R>& begins, const table_view<U, R>& ends) {
    const auto begin = by_row(begins, q);
    const auto end = by_row(ends, q);
    const auto seen = begin <= kv && kv < end;
    return decided_by(seen, piecewise(begin < end && seen, cut::every{}, cut::nowhere{}));
}

/// An interval of queries that do not see the key: !(begins(kv) <= q && q < ends(kv)). Tables are [kv_len] or
/// [batch, kv_len].   (FlashMask, Wang et al., 2024; its whole form is imported by flashmask)
template <class T, class U, std::size_t R>
auto hidden_from(const table_view<T, R>& begins, const table_view<U, R>& ends) {
    return piecewise(q < by_row(begins, kv) || q >= by_row(ends, kv), cut::nowhere{}, cut::every{});
}

}  // namespace domino::inline DOMINO_ARCH

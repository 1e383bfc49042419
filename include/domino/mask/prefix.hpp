// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prefix-LM masks.
#pragma once

#include "domino/error.hpp"
#include "domino/mask/causal.hpp"

namespace domino::inline DOMINO_ARCH {

/// The first n keys are seen by everybody, the rest causally: kv < n || kv <= q; n >= 0.   (T5, attnax, attention-gym)
constexpr auto prefix_lm(index_t n) { return kv < detail::at_least(0, n, "prefix_lm(n)") || causal; }

/// The same with a length for each batch entry: kv < lengths(b) || kv <= q.   (attnax prefix_lm_mod)
template <class T>
auto prefix_lm(const table_view<T, 1>& lengths) {
    return kv < lengths(b) || causal;
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Additive bias tensors.
#pragma once

#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// score + bias, with bias indexed by its last axes of (b, h, q, kv): [kv], [q, kv], [h, q, kv] or [b, h, q, kv]. A
/// stride of 0 broadcasts an axis.   (attnax additive_bias_mod, ejkernel bias, ONNX attn_mask of float)
template <std::size_t Rank>
auto bias(const table_view<float, Rank>& values) {
    return score + by_last_axes(values);
}

/// score + values(kv), or values(b, kv): a bias for each key, the same for all queries.
template <std::size_t Rank>
auto key_bias(const table_view<float, Rank>& values) {
    return score + by_row(values, kv);
}

/// score + values(h): a number for each head.
inline auto head_bias(const table_view<float, 1>& values) { return score + values(h); }

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several sequences in one: documents packed together, segments, padding.
#pragma once

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// Query and key belong to the same segment, and to one: q_ids == kv_ids >= 0. Negative ids are padding, which sees and
/// is seen by nothing. Ids may recur; tiles are decided exactly where they ascend.   (ejkernel, JAX Splash SegmentIds)
/// Tables are [len], or [batch, len].
template <class T, class U, std::size_t R, std::size_t S>
auto same_segment(const table_view<T, R>& q_ids, const table_view<U, S>& kv_ids) {
    const auto key = by_row(kv_ids, kv);
    return by_row(q_ids, q) == key && key >= 0;
}

/// Self-attention within documents: ids(q) == ids(kv) >= 0.   (FlexAttention and attnax document mask; theirs also
/// lets padding see padding)
template <class T, std::size_t R>
auto same_document(const table_view<T, R>& ids) {
    return same_segment(ids, ids);
}

/// Right padding: the first n keys exist, kv < n; n >= 0.
constexpr auto kv_length(index_t n) { return kv < detail::at_least(0, n, "kv_length(n)"); }

/// Right padding with a length for each batch entry: kv < lengths(b).   (vLLM seq_lens, ONNX Runtime, FlexAttention)
template <class T>
auto kv_length(const table_view<T, 1>& lengths) {
    return kv < lengths(b);
}

/// Left padding: the first n keys do not exist, kv >= n; n >= 0, or a number for each batch entry.   (Hugging Face)
constexpr auto left_padding(index_t n) { return kv >= detail::at_least(0, n, "left_padding(n)"); }
template <class T>
auto left_padding(const table_view<T, 1>& pads) {
    return kv >= pads(b);
}

}  // namespace domino::inline DOMINO_ARCH

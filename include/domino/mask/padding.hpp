// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Padding: which keys exist.
#pragma once

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

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

/// Any padding: valid(kv), [kv_len] or [batch, kv_len], bools or integers of which 0 means no.   (Hugging Face
/// attention_mask, ejkernel kv mask)
template <class T, std::size_t R>
auto valid_keys(const table_view<T, R>& valid) {
    return is_true(by_row(valid, kv));
}

/// The keys that exist for each batch entry: begins(b) <= kv && kv < ends(b).   (padding on both sides)
template <class T, class U>
auto key_range(const table_view<T, 1>& begins, const table_view<U, 1>& ends) {
    return kv >= begins(b) && kv < ends(b);
}

}  // namespace domino::inline DOMINO_ARCH

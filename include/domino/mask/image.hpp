// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Images among text: spans of tokens that see each other both ways, and cross-attention to images.
#pragma once

#include "domino/error.hpp"
#include "domino/expression/ids.hpp"
#include "domino/mask/window.hpp"

namespace domino::inline DOMINO_ARCH {

/// Tokens of the same span or type, of which 0 is none: types(q) == types(kv) != 0. Give each image its own id.
/// Tables are [len], or [batch, len].
template <class T, std::size_t R>
auto same_type(const table_view<T, R>& types) {
    static_assert(detail::integer_entries<T>, "domino: token types are integers");
    const auto key = by_row(types, kv);
    return sharpen(by_row(types, q) == key && key != 0,
                   detail::equal_ids<T, T, R, R, detail::zero_is_blank>(types, types));
}

/// Causal, but for the tokens of an image, which see each other both ways: kv <= q || same_type(spans).   (ejkernel
/// apply_token_type_ids, PaliGemma)
template <class T, std::size_t R>
auto causal_or_same_type(const table_view<T, R>& spans) {
    return piecewise(causal || same_type(spans), cut::changes{spans});
}

/// A causal window of n keys, or an image: (kv <= q && q - kv < n) || same_type(spans). An image is seen whole, however
/// long.   (Gemma 3 in Hugging Face)
template <class T, std::size_t R>
auto last_n_or_same_type(index_t n, const table_view<T, R>& spans) {
    return piecewise(last_n(n) || same_type(spans), cut::changes{spans});
}

/// A window over causal attention and images: (kv <= q || same_type(spans)) && q - kv < n. An image's start may fall out
/// of the window.   (OpenVINO, vLLM)
template <class T, std::size_t R>
auto same_type_within_last_n(index_t n, const table_view<T, R>& spans) {
    detail::at_least(0, n, "same_type_within_last_n(n)");
    return piecewise((causal || same_type(spans)) && q - kv < n, cut::changes{spans});
}

/// Text that sees images in cross-attention: each image has `tokens` keys, and rows begins(i) <= q && q < ends(i) see
/// image i = kv / tokens; keys behind the last image belong to it. Tables [images], tokens >= 1.   (Flamingo, Llama 3.2 Vision,
/// attention-gym)
template <class T, class U>
auto vision_cross(const table_view<T, 1>& begins, const table_view<U, 1>& ends, index_t tokens) {
    detail::at_least(1, tokens, "vision_cross(begins, ends, tokens): tokens");
    return piecewise(begins(kv / tokens) <= q && q < ends(kv / tokens), cut::nowhere{}, cut::every{tokens});
}

}  // namespace domino::inline DOMINO_ARCH

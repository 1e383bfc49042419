// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Prefixes that are seen by all: prefix-LM, drafts, and items scored against one prompt.
#pragma once

#include "domino/error.hpp"
#include "domino/mask/chunk.hpp"

namespace domino::inline DOMINO_ARCH {

/// The first n keys are seen by everybody, the rest causally: kv < n || kv <= q; n >= 0.   (T5, attnax, attention-gym)
constexpr auto prefix_lm(index_t n) { return kv < detail::at_least(0, n, "prefix_lm(n)") || causal; }

/// The same with a length for each batch entry: kv < lengths(b) || kv <= q.   (attnax prefix_lm_mod)
template <class T>
auto prefix_lm(const table_view<T, 1>& lengths) {
    return kv < lengths(b) || causal;
}

/// Drafts of `block` tokens, each after the same verified prefix: kv < prefix || same block && causal, with queries
/// counted from the first draft and keys from the prefix; prefix >= 0, block >= 1.   (training of draft heads, JetSpec)
constexpr auto draft_blocks(index_t prefix, index_t block) {
    detail::at_least(0, prefix, "draft_blocks(prefix, block): prefix");
    return piecewise(kv < prefix || with_indices(chunked_causal(block), q, kv - prefix), cut::nowhere{},
                     cut::before{prefix});
}

/// Items scored in one pass against a shared prompt: kv <= q && (kv < prefix || kv > q - position(q)). `position` [len]
/// or [batch, len] counts a token's place in its item from 1; a delimiter behind the prompt has 0 and is seen by nobody, itself
/// included. Rows of the prompt (q < prefix) are causal.   (FlashInfer token_pos_in_items, which leaves out the prompt's part)
template <class T, std::size_t Rank>
auto multi_item(index_t prefix, const table_view<T, Rank>& position) {
    detail::at_least(0, prefix, "multi_item(prefix, position): prefix");
    const auto place = by_row(position, q);
    const auto in_item = kv > q - place;
    return decided_by(causal && (kv < prefix || in_item),
                      piecewise(causal && (kv < prefix || (place > 0 && in_item)), cut::every{}, cut::before{prefix}));
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several sequences in one: documents packed together, segments, continuations that share a prompt.
#pragma once

#include <string>

#include "domino/expression/ids.hpp"
#include "domino/mask/causal.hpp"
#include "domino/mask/packing.hpp"

namespace domino::inline DOMINO_ARCH {

/// Query and key belong to the same segment, and to one: q_ids == kv_ids >= 0. Negative ids are padding, which sees and
/// is seen by nothing. Ids may recur; where they ascend, and none is missing on one side, tiles are decided exactly,
/// wherever the padding is.   (ejkernel, JAX Splash SegmentIds)
/// Tables are [len], or [batch, len].
template <class T, class U, std::size_t R, std::size_t S>
auto same_segment(const table_view<T, R>& q_ids, const table_view<U, S>& kv_ids) {
    static_assert(detail::integer_entries<T> && detail::integer_entries<U>, "domino: segment ids are integers");
    const auto query = by_row(q_ids, q);
    return sharpen(query == by_row(kv_ids, kv) && query >= 0,
                   detail::equal_ids<T, U, R, S, detail::negative_is_blank>(q_ids, kv_ids));
}

/// Self-attention within documents: ids(q) == ids(kv) >= 0.   (FlexAttention and attnax document mask; theirs also
/// lets padding see padding)
template <class T, std::size_t R>
auto same_document(const table_view<T, R>& ids) {
    return same_segment(ids, ids);
}

/// The document of each token, 0, 1, ..., for same_document. `cu_seqlens`, a vector or any other range of integers, says
/// where packed documents begin and end: 0, then the end of each. It is read here; the table owns its entries.
/// (FlashAttention cu_seqlens, attention-gym offsets)
template <IntegerList Range>
auto document_ids(const Range& cu_seqlens) {
    return detail::packed_documents(cu_seqlens).ids();
}

/// Packed documents, each causal, an interval a row: begin(q) <= kv && kv <= q.   (attention-gym, FlashAttention varlen)
template <IntegerList Range>
auto document_causal(const Range& cu_seqlens) {
    const auto begin = detail::packed_documents(cu_seqlens).begins();
    return piecewise(causal && begin(q) <= kv, cut::changes{begin}, cut::nowhere{});
}

/// `mask` in each of the packed documents by itself, its positions counted from the document's begin:
/// same document && mask(q - begin(q), kv - begin(kv)).   (attention-gym generate_doc_mask_mod)
template <MaskMod M, IntegerList Range>
auto per_document(const M& mask_mod, const Range& cu_seqlens) {
    const detail::packed_documents documents(cu_seqlens);
    const auto id = documents.ids(), begin = documents.begins();
    return piecewise(id(q) == id(kv) && with_indices(mask_mod, q - begin(q), kv - begin(kv)), cut::changes{id});
}

/// Continuations that share prompts: packed documents, each causal, and each sees all of the document prefix_of[i], its
/// prompt; a document that is its own prefix has none.   (attention-gym, FlashInfer cascade, forks)
template <IntegerList Range, IntegerList Prefixes>
auto shared_prefix(const Range& cu_seqlens, const Prefixes& prefix_of) {
    const detail::packed_documents documents(cu_seqlens);
    const detail::index_list prefix(prefix_of);
    constexpr auto argument = "shared_prefix(cu_seqlens, prefix_of): prefix_of";
    if (prefix.size() != documents.count())
        detail::fail(argument, std::to_string(documents.count()) + " documents", std::to_string(prefix.size()));
    for (index_t i = 0; i < prefix.size(); ++i)
        if (prefix[i] < 0 || prefix[i] >= documents.count())
            detail::fail(argument, "documents 0 to " + std::to_string(documents.count() - 1),
                         std::to_string(prefix[i]));
    const auto begin = documents.begins();
    const auto prefix_begin =
        documents.by_token("prefix_begin", [&](index_t i, index_t) { return documents.begin(prefix[i]); });
    const auto prefix_end = documents.by_token("prefix_end", [&](index_t i, index_t) {
        return prefix[i] == i ? documents.begin(i) : documents.end(prefix[i]);
    });
    return piecewise((begin(q) <= kv && kv <= q) || (prefix_begin(q) <= kv && kv < prefix_end(q)), cut::changes{begin});
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several sequences in one: documents packed together, segments, padding.
#pragma once

#include <memory>
#include <ranges>

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"
#include "domino/mask/packing.hpp"
#include "domino/mask/window.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// The ids of a box of tokens: those that count lie between lo and hi, and there may be blanks beside them.
struct id_hull {
    index_t lo = interval::most, hi = interval::least;
    bool blank = false;
    friend constexpr id_hull join(id_hull x, id_hull y) {
        return {std::min(x.lo, y.lo), std::max(x.hi, y.hi), x.blank || y.blank};
    }
};
struct negative_is_blank {
    static constexpr id_hull of(index_t id) { return id < 0 ? id_hull{.blank = true} : id_hull{id, id}; }
    static constexpr bool may_be_in(interval ids) { return ids.lo < 0; }
};
struct zero_is_blank {
    static constexpr id_hull of(index_t id) { return id == 0 ? id_hull{.blank = true} : id_hull{id, id}; }
    static constexpr bool may_be_in(interval ids) { return ids.contains(0); }
};

/// Decides tiles of "equal ids, neither blank" with the blanks left out: their ids would widen a hull and meet each other.
template <class T, class U, std::size_t R, std::size_t S, class Blank>
class equal_ids {
public:
    equal_ids(const table_view<T, R>& q_ids, const table_view<U, S>& kv_ids) {
        if (!has_blanks(q_ids) && !has_blanks(kv_ids)) return;  // then their hulls are sharp already
        q_ids_ = summary<T, R>(q_ids), kv_ids_ = summary<U, S>(kv_ids);
    }

    truth over(const range& box, const auto&) const {
        id_hull x, y;
        if (!q_ids_ || !kv_ids_ || !over(*q_ids_, box.b, box.q, x) || !over(*kv_ids_, box.b, box.kv, y))
            return truth::unknown();
        const bool may = x.lo <= y.hi && y.lo <= x.hi;
        return {may, may && x.lo == x.hi && y.lo == y.hi && !x.blank && !y.blank};
    }

private:
    template <class V, std::size_t Rank>
    using summary_of = range_summary<V, Rank, Blank>;
    template <class V, std::size_t Rank>
    static bool has_blanks(const table_view<V, Rank>& t) {
        const interval all{0, interval::most};
        if (t.empty()) return false;
        if constexpr (Rank == 1) return Blank::may_be_in(t.over(all));
        else return Blank::may_be_in(t.over(all, all));
    }
    template <class V, std::size_t Rank>
    static std::shared_ptr<const summary_of<V, Rank>> summary(const table_view<V, Rank>& t) {
        return t.empty() ? nullptr : std::make_shared<const summary_of<V, Rank>>(t.data(), t.extents(), t.strides());
    }
    template <class V, std::size_t Rank>
    static bool over(const summary_of<V, Rank>& of, interval batch, interval i, id_hull& all) {
        if constexpr (Rank == 1) return of.over({i}, all);
        else return of.over({batch, i}, all);
    }
    std::shared_ptr<const summary_of<T, R>> q_ids_;
    std::shared_ptr<const summary_of<U, S>> kv_ids_;
};

}  // namespace detail

/// Query and key belong to the same segment, and to one: q_ids == kv_ids >= 0. Negative ids are padding, which sees and
/// is seen by nothing. Ids may recur; where they ascend, and none is missing on one side, tiles are decided exactly,
/// wherever the padding is.   (ejkernel, JAX Splash SegmentIds)
/// Tables are [len], or [batch, len].
template <class T, class U, std::size_t R, std::size_t S>
auto same_segment(const table_view<T, R>& q_ids, const table_view<U, S>& kv_ids) {
    const auto key = by_row(kv_ids, kv);
    return sharpen(by_row(q_ids, q) == key && key >= 0,
                   detail::equal_ids<T, U, R, S, detail::negative_is_blank>(q_ids, kv_ids));
}

/// Self-attention within documents: ids(q) == ids(kv) >= 0.   (FlexAttention and attnax document mask; theirs also
/// lets padding see padding)
template <class T, std::size_t R>
auto same_document(const table_view<T, R>& ids) {
    return same_segment(ids, ids);
}

/// Tokens of the same span or type, of which 0 is none: types(q) == types(kv) != 0. Give each image its own id.
/// Tables are [len], or [batch, len].
template <class T, std::size_t R>
auto same_type(const table_view<T, R>& types) {
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

/// The document of each token, 0, 1, ..., for same_document. `cu_seqlens`, a vector or any other range of integers, says
/// where packed documents begin and end: 0, then the end of each. It is read here; the table owns its entries.
/// (FlashAttention cu_seqlens, attention-gym offsets)
template <std::ranges::input_range Range>
auto document_ids(const Range& cu_seqlens) {
    return detail::packed_documents(cu_seqlens).ids();
}

/// Packed documents, each causal, an interval a row: begin(q) <= kv && kv <= q.   (attention-gym, FlashAttention varlen)
template <std::ranges::input_range Range>
auto document_causal(const Range& cu_seqlens) {
    const auto begin = detail::packed_documents(cu_seqlens).begins();
    return piecewise(causal && begin(q) <= kv, cut::changes{begin}, cut::nowhere{});
}

/// `mask` in each of the packed documents by itself, its positions counted from the document's begin:
/// same document && mask(q - begin(q), kv - begin(kv)).   (attention-gym generate_doc_mask_mod)
template <MaskMod M, std::ranges::input_range Range>
auto per_document(const M& mask_mod, const Range& cu_seqlens) {
    const detail::packed_documents documents(cu_seqlens);
    const auto id = documents.ids(), begin = documents.begins();
    return piecewise(id(q) == id(kv) && with_indices(mask_mod, q - begin(q), kv - begin(kv)), cut::changes{id});
}

/// Continuations that share prompts: packed documents, each causal, and each sees all of the document prefix_of[i], its
/// prompt; a document that is its own prefix has none.   (attention-gym, FlashInfer cascade, forks)
template <std::ranges::input_range Range, std::ranges::input_range Prefixes>
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
    if constexpr (std::is_same_v<T, bool>) return by_row(valid, kv);
    else return by_row(valid, kv) != 0;
}

/// The keys that exist for each batch entry: begins(b) <= kv && kv < ends(b).   (padding on both sides)
template <class T, class U>
auto key_range(const table_view<T, 1>& begins, const table_view<U, 1>& ends) {
    return kv >= begins(b) && kv < ends(b);
}

}  // namespace domino::inline DOMINO_ARCH

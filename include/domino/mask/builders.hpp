// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnax's mask builders and combine_masks, as expressions. The tensor they give there is `materialize` of the
// expression over the shape that each names.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "domino/error.hpp"
#include "domino/mask/window.hpp"

namespace domino::inline DOMINO_ARCH {

/// An argument that may be left out: std::nullopt, in compose_score_mods and combine_masks.
template <class T>
concept Absent = std::same_as<std::remove_cvref_t<T>, std::nullopt_t>;

namespace detail {

/// A dense mask of which some axes broadcast, as a leaf of expressions.
template <class T>
struct broadcast_mask {
    const T* data;
    std::array<index_t, 4> extents;

    constexpr bool at(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        return extents[3] > 0 && *entry(b_, h_, q_, kv_) != T(0);
    }
    constexpr const T* row(index_t count, index_t b_, index_t h_, index_t q_, index_t kv_) const
        requires(sizeof(T) <= sizeof(std::int32_t))
    {
        return kv_ < 0 || kv_ + count > extents[3] ? nullptr : entry(b_, h_, q_, kv_);
    }
    constexpr const T* entry(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        const std::array<index_t, 4> index{b_, h_, q_, kv_};
        index_t offset = 0;
        for (std::size_t i = 0; i < 4; ++i)
            offset = offset * extents[i] + std::clamp<index_t>(index[i], 0, extents[i] - 1);
        return data + offset;
    }
    static constexpr truth over(auto...) { return truth::unknown(); }
    /// An axis is at least as long as the call's, or 1.
    void inspect(interval b_, interval h_, interval q_, interval kv_, auto&) const {
        const std::array<interval, 4> index{b_, h_, q_, kv_};
        constexpr const char* names[]{"batch", "heads", "q_len", "kv_len"};
        for (std::size_t i = 0; i < 4; ++i)
            if (extents[i] != 1 && (index[i].lo < 0 || index[i].hi >= extents[i]))
                fail("boolean_mask", std::string(names[i]) + " of 1 or at least " + std::to_string(index[i].hi + 1),
                     std::to_string(extents[i]));
    }
    static auto words(const auto&... x) { return call_text("boolean_mask", x...); }
};

}  // namespace detail

/// A boolean tensor [batch, heads, q_len, kv_len] as a mask, true (not 0) = attend, row-major, not copied; an axis of
/// extent 1 holds for all indices, as in {B, 1, 1, T} for padding. Nothing is known of its tiles: an expression is
/// faster where there is one.   (attnax AttentionFn's mask)
template <class T>
auto boolean_mask(const T* data, std::array<index_t, 4> extents) {
    using namespace detail;
    static_assert(std::is_integral_v<T>, "domino: a boolean mask holds bools or integers");
    const index_t size = checked_size("boolean_mask: extent", extents);
    if (size > 0 && !data) fail("boolean_mask", "a buffer", "null");
    if (size == 0) extents[3] = 0;  // where no entry is looked for
    return call<broadcast_mask<T>, b_t, h_t, q_t, kv_t>({data, extents}, {}, {}, {}, {});
}

/// Keys that are not padding: tokens(b, kv) != pad_id; tokens are [batch, len].   (attnax: [batch, 1, 1, len])
template <class T>
auto make_padding_mask(const table_view<T, 2>& tokens, index_t pad_id = 0) {
    return tokens(b, kv) != pad_id;
}

/// kv <= q.   (attnax: [1, 1, len, len])
constexpr auto make_causal_mask() { return causal; }

/// Keys within a window: 0 <= q - kv < window_size, or |q - kv| < window_size where not causal, so window_size or
/// 2 window_size - 1 keys; window_size >= 1.   (attnax: [1, 1, q_len, kv_len], top-left aligned)
constexpr auto make_sliding_window_mask(index_t window_size, bool causal_ = true) {
    const index_t before = detail::at_least(1, window_size, "make_sliding_window_mask: window_size") - 1;
    return band(before, causal_ ? 0 : before);
}

/// Tokens of one document: ids(b, q) == ids(b, kv), in both directions. Any id is a document, negative ones too; where
/// they are padding, use same_document.   (attnax: [batch, 1, len, len])
template <class T>
auto make_document_mask(const table_view<T, 2>& document_ids) {
    return document_ids(b, q) == document_ids(b, kv);
}

/// What all masks keep. Absent ones (std::nullopt) are skipped; one mask is itself; none at all keep everything.
/// (attnax combine_masks, where none at all give None)
constexpr auto combine_masks() { return full; }
template <class First, class... Rest>
requires(Absent<First> || MaskMod<First>)
constexpr auto combine_masks(const First& first, const Rest&... rest) {
    if constexpr (Absent<First>) return combine_masks(rest...);
    else if constexpr ((Absent<Rest> && ...)) return first;
    else return as_mask(first) && as_mask(combine_masks(rest...));
}

}  // namespace domino::inline DOMINO_ARCH

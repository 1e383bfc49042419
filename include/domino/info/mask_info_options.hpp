// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the operations of mask_info are told.
#pragma once

#include <cstdint>
#include <optional>

#include "domino/info/cu_seqlens.hpp"

namespace domino::inline DOMINO_ARCH {

/// What was applied to a mask_info. For information: nothing keeps anyone from applying it again.
struct baked_masks {
    bool causal = false, sliding_window = false, chunked = false, token_type_ids = false;
    friend bool operator==(const baked_masks&, const baked_masks&) = default;
};

/// Neighbours that a sliding window lets a query see, besides itself: `left` before it and `right` after it, or as many
/// on both sides.
struct window_reach {
    index_t left, right;
    constexpr window_reach(index_t both) : left(both), right(both) {}
    constexpr window_reach(index_t to_left, index_t to_right) : left(to_left), right(to_right) {}
};

/// What apply_sliding_window keeps besides the window itself.
namespace window_mode {
/// The row of one query, at an index or at one a batch entry, and the keys of its window.
template <PerBatch I>
struct decode_at {
    I index;
};
template <PerBatch I>
decode_at<I> decode(const I& index) {
    return {index};
}
/// All rows, and the last left + right + 1 keys.
inline constexpr struct prefill_keys {
} prefill{};
}  // namespace window_mode

/// How the mask of equal token types joins the mask there is: it adds to it, restricts it, or takes its place.
namespace combine {
inline constexpr struct union_t {
    constexpr auto operator()(const auto& base, const auto& types) const { return base || types; }
} unite{};
inline constexpr struct intersect_t {
    constexpr auto operator()(const auto& base, const auto& types) const { return base && types; }
} intersect{};
inline constexpr struct replace_t {
    constexpr auto operator()(const auto&, const auto& types) const { return types; }
} replace{};
}  // namespace combine

/// On which side type 0 means "no type". Equal types are 0 together, so the first three say the same.
enum class zero_policy { queries, keys, both, neither };

/// How `apply_token_type_ids` joins types with the mask.
struct token_type_options {
    domino::zero_policy zero_policy = domino::zero_policy::queries;
    /// Whether the types become the segment ids (or refine them, with `intersect`); not for `unite` unless asked.
    std::optional<bool> update_segment_ids = {};
    token_array kv_types = {};  ///< the keys' types, where they are not the queries'
};

// What constructors may be told besides the mask. Positions are [batch, len]; absent ones are those within the segments, and
// asking for them throws where the mask has none (mask_info::positions).

/// Of `from_segments`: the keys' ids (the queries' if absent).
struct segment_options {
    token_array kv_segment_ids = {}, q_positions = {}, kv_positions = {};
    bool is_attn_mask = false;  ///< the ids are a padding mask, not zero = valid
};
/// Of `from_attention_mask`.
struct attention_mask_options {
    token_array q_positions = {}, kv_positions = {};
    bool mask_is_valid = true;  ///< false: true (not zero) marks what is masked
};
/// Of `from_cu_seqlens`.
struct cu_seqlens_options {
    index_t max_q_len = -1;                  ///< must be given
    std::optional<cu_seqlens> kv = {};       ///< the queries' if absent
    std::optional<index_t> max_kv_len = {};  ///< max_q_len if absent
    token_array q_positions = {}, kv_positions = {};
};
/// Of `from_random`: a share of `sparsity` of the pairs is hidden.
struct random_options {
    std::optional<index_t> kv_len = {};
    double sparsity = 0.5;
    std::uint32_t seed = 0;
    token_array q_positions = {}, kv_positions = {};
};
/// Of `apply_kv_lengths`.
struct kv_length_options {
    index_t q_len = -1;                          ///< rows to keep; must be given
    std::optional<index_t> sliding_window = {};  ///< keys to keep, the last ones before each length
};
/// What `replace` changes: the arrays that are known.
struct mask_info_changes {
    qkv_tokens segment_ids = {}, positions = {};
    std::optional<baked_masks> baked_in = {};
};

}  // namespace domino::inline DOMINO_ARCH

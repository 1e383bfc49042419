// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask with what is known of its sequences: shape, segment ids, positions, and what was applied to it.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domino/info/mask_info_options.hpp"
#include "domino/info/materialize.hpp"
#include "domino/info/random_mask.hpp"
#include "domino/info/trace.hpp"
#include "domino/info/visualize_blocks.hpp"
#include "domino/mask/chunk.hpp"
#include "domino/mask/window.hpp"
#include "domino/tensor/element.hpp"

namespace domino::inline DOMINO_ARCH {

/// A dense mask with its extents, of rank 2 (padding, [batch, len]), 3 or 4, for dynamic_init: not zero = attend.
struct dense_input {
    std::vector<index_t> extents;
    std::shared_ptr<const std::vector<std::uint8_t>> values;

    template <class T>
    dense_input(const T* data, std::vector<index_t> shape) : extents(std::move(shape)) {
        const index_t size = detail::checked_size("attention_mask", extents);
        if (extents.size() < 2 || extents.size() > 4)
            detail::fail("attention_mask", "2 to 4 dimensions", std::to_string(extents.size()));
        if (data == nullptr && size > 0) detail::fail("attention_mask", "a buffer", "null");
        std::vector<std::uint8_t> kept(static_cast<std::size_t>(size));
        std::transform(data, data + size, kept.begin(), [](const T& x) { return x != T{} ? 1 : 0; });
        values = std::make_shared<const std::vector<std::uint8_t>>(std::move(kept));
    }
};

namespace detail {

/// A dense mask [batch, 1 or heads, q_len, kv_len] as an expression that owns it. A row of the score matrix is a row of
/// the table, so tiles have ranges; `valid` is what keeps a pair.
inline auto dense_expression(std::shared_ptr<const std::vector<std::uint8_t>> values, const mask_shape& shape,
                             bool valid = true) {
    const auto rows = table(std::move(values), shape.batch * shape.heads * shape.q_len, shape.kv_len, "attention_mask");
    const index_t head_rows = shape.heads > 1 ? shape.q_len : 0;
    return (rows(b * (shape.heads * shape.q_len) + h * head_rows + q, kv) != 0) ^ !valid;
}

}  // namespace detail

class any_mask;  // kernel/any_mask.hpp
template <Expression M = std::remove_const_t<decltype(full)>>
class mask_info;

/// What dynamic_init may be given, first to last: an info, a dense mask, the extents of input ids [batch, len] or of
/// embeddings [batch, len, dim].
template <class Any>
struct mask_sources_of {
    const mask_info<Any>* info = nullptr;
    const dense_input* attention_mask = nullptr;
    std::optional<std::array<index_t, 2>> input_ids = {};
    std::optional<std::array<index_t, 3>> inputs_embeds = {};
};
using mask_sources = mask_sources_of<any_mask>;

/// A mask mod over a shape, with segment ids and positions where they are known: ejkernel's MaskInfo, lazy.
///
/// The mask is an expression; apply_* join another to it and return a new type, and nothing of q_len x kv_len is filled
/// but by the calls that return a tensor (`attention_mask`, `bias`, `qkv_masks`, `materialize_attention_mask`). An info
/// is itself a mask mod, and as such checks that a call's shape is its own: attention(Q, K, V, O, info); below another mask and
/// in an any_mask, that it covers the call's. Its `q` counts rows from 0, so the call's q_offset is 0. `mask()` is the bare expression.
///
/// The mask is what is attended; ids are labels of the tokens, of which padding, lengths, offsets and positions are
/// derived. The constructors copy what they are given, expressions and arrays own it and share it among copies, so an
/// info is cheap to copy and never dangles (but for tables of the user's in a mask of the user's). heads() is 1 where
/// the mask is the same for any number of heads.
///
/// mask_info<any_mask> (kernel/any_mask.hpp) holds any info, for engines that decide at run time. Shards are not described
/// here: a shard of an info is its mask with an offset.
template <Expression M>
class mask_info : public node {
public:
    /// Any mask mod over a shape; no ids, no positions.
    template <MaskMod Mod>
    requires std::constructible_from<M, mask_t<Mod>>
    mask_info(const Mod& mask_mod, const mask_shape& shape, mask_info_changes known = {})
        : mask_(domino::as_mask(mask_mod)),
          shape_(shape),
          ids_(std::move(known.segment_ids)),
          positions_(std::move(known.positions)),
          baked_(known.baked_in.value_or(baked_masks{})) {
        detail::check_shape(mask_, shape_);
        for (const auto* tokens : {&ids_, &positions_}) {
            check_tokens(tokens->q, shape_.q_len, "q_segment_ids or q_positions");
            check_tokens(tokens->kv, shape_.kv_len, "kv_segment_ids or kv_positions");
        }
        if (ids_.q.known() != ids_.kv.known()) detail::fail("segment_ids", "ids of queries and of keys", "one of them");
    }
    /// The same info with its type forgotten: mask_info<any_mask> info = ...;
    template <Expression Other>
    requires(!std::same_as<Other, M> && std::constructible_from<M, Other>)
    mask_info(const mask_info<Other>& other)
        : mask_info(other.mask(), other.shape(), {other.known_ids(), other.known_positions(), other.baked_in_masks()}) {
    }

    // Constructors under the reference's names: mask_info<>::from_segments({{1, 1, 2, -1}}).

    /// Tokens of one segment see each other: ids(b, q) == ids(b, kv) >= 0.
    static auto from_segments(const token_array& q_segment_ids, const segment_options& options = {}) {
        detail::trace("mask_info.from_segments");
        qkv_tokens ids{q_segment_ids, options.kv_segment_ids.known() ? options.kv_segment_ids : q_segment_ids};
        if (!ids.q.known()) detail::fail("q_segment_ids", "ids", "none");
        if (ids.q.batch() != ids.kv.batch())
            detail::fail("kv_segment_ids", "the batch of q_segment_ids, " + std::to_string(ids.q.batch()),
                         std::to_string(ids.kv.batch()));
        if (options.is_attn_mask) ids = {padding_ids(ids.q), padding_ids(ids.kv)};
        return of_segments(ids, {options.q_positions, options.kv_positions});
    }

    /// A dense mask, copied; not zero = attend. {batch, len} is padding of queries and keys alike, {batch, q_len, kv_len}
    /// and {batch, heads or 1, q_len, kv_len} are masks, whose ids tell padding (-1: sees or is seen by nothing).
    template <class T, std::size_t Rank>
    static auto from_attention_mask(const T* data, const index_t (&extents)[Rank],
                                    const attention_mask_options& options = {}) {
        static_assert(Rank >= 2 && Rank <= 4,
                      "domino: an attention mask is [batch, len], [batch, q_len, kv_len] or [batch, heads, q_len, "
                      "kv_len]");
        detail::trace("mask_info.from_attention_mask");
        const dense_input input(data, {extents, extents + Rank});
        if constexpr (Rank == 2) return of_padding(input, options);
        else return of_dense(input, options);
    }

    /// An additive bias {batch, q_len, kv_len} or {batch, heads or 1, q_len, kv_len} back to its mask: 0 is attended,
    /// masked_out_value and less (-inf) is not. Throws at any other value, for such a bias is more than a mask.
    template <std::floating_point T, std::size_t Rank>
    static auto from_bias(const T* data, const index_t (&extents)[Rank],
                          T masked_out_value = std::numeric_limits<T>::lowest()) {
        static_assert(Rank == 3 || Rank == 4,
                      "domino: a bias is [batch, q_len, kv_len] or [batch, heads, q_len, kv_len]");
        detail::trace("mask_info.from_bias");
        dense_input input(data, {extents, extents + Rank});
        std::vector<std::uint8_t> kept(input.values->size());
        for (std::size_t i = 0; i < kept.size(); ++i) {
            if (data[i] != T(0) && !(data[i] <= masked_out_value))
                detail::fail("bias", "0, or " + std::to_string(masked_out_value) + " and less",
                             std::to_string(data[i]));
            kept[i] = data[i] == T(0);
        }
        input.values = std::make_shared<const std::vector<std::uint8_t>>(std::move(kept));
        return of_dense(input, {});
    }

    /// Pairs of start and end of each batch entry, or cumulative offsets of the sequences of one packed row. Throws
    /// where the offsets do not say which they are (see cu_seqlens).
    static auto from_cu_seqlens(const cu_seqlens& q_offsets, const cu_seqlens_options& options) {
        detail::trace("mask_info.from_cu_seqlens");
        const token_array q_ids =
            cu_seqlens_to_segment_ids(q_offsets, detail::at_least(0, options.max_q_len, "max_q_len"));
        const token_array kv_ids = cu_seqlens_to_segment_ids(
            options.kv.value_or(q_offsets),
            detail::at_least(0, options.max_kv_len.value_or(options.max_q_len), "max_kv_len"));
        if (q_ids.batch() != kv_ids.batch())
            detail::fail("cu_seqlens of keys", std::to_string(q_ids.batch()) + " batch entries",
                         std::to_string(kv_ids.batch()));
        return of_segments({q_ids, kv_ids}, {options.q_positions, options.kv_positions});
    }

    /// Keeps a share 1 - sparsity of the pairs, the same for all heads, drawn from a counter and never stored.
    static auto from_random(index_t batch_size, index_t q_len, const random_options& options = {}) {
        detail::trace("mask_info.from_random");
        const index_t kv_len = options.kv_len.value_or(q_len);
        const auto random = random_mask(q_len, kv_len, options.sparsity, options.seed);
        return make(random, {batch_size, 1, q_len, kv_len}, {{}, {options.q_positions, options.kv_positions}, {}});
    }

    /// The first source that is there; shapes alone see everything.
    template <class Any = any_mask>  // which only who asks for it includes
    static mask_info<Any> dynamic_init(const mask_sources_of<std::type_identity_t<Any>>& sources) {
        detail::trace("mask_info.dynamic_init");
        if (sources.info != nullptr) return *sources.info;
        if (sources.attention_mask != nullptr) {
            if (sources.attention_mask->extents.size() == 2) return of_padding(*sources.attention_mask, {});
            return of_dense(*sources.attention_mask, {});
        }
        if (!sources.input_ids && !sources.inputs_embeds)
            detail::fail("dynamic_init", "one of info, attention_mask, input_ids, inputs_embeds", "none");
        const index_t batch = sources.input_ids ? (*sources.input_ids)[0] : (*sources.inputs_embeds)[0];
        const index_t len = sources.input_ids ? (*sources.input_ids)[1] : (*sources.inputs_embeds)[1];
        const token_array ids(batch, len, [](index_t, index_t) { return 0; });
        return of_segments({ids, ids}, {});
    }

    /// [q_len, kv_len]: kv <= q + offset and q / chunk_size == kv / chunk_size.
    static dense_mask<std::uint8_t> create_chunked_attention_mask(index_t chunk_size, index_t q_len,
                                                                  std::optional<index_t> kv_len = {},
                                                                  index_t offset = 0) {
        detail::trace("mask_info.create_chunked_attention_mask");
        return materialize(chunked(chunk_size) && causal_with_offset(offset), {1, 1, q_len, kv_len.value_or(q_len)});
    }

    // What it is.

    const M& mask() const { return mask_; }
    const mask_shape& shape() const { return shape_; }
    index_t batch_size() const { return shape_.batch; }
    index_t heads() const { return shape_.heads; }
    index_t q_len() const { return shape_.q_len; }
    index_t kv_len() const { return shape_.kv_len; }
    const baked_masks& baked_in_masks() const { return baked_; }
    /// Ids and positions as they were given; unknown where they were not.
    const qkv_tokens& known_ids() const { return ids_; }
    const qkv_tokens& known_positions() const { return positions_; }

    using value_type = bool;
    static constexpr axes depends_on = M::depends_on;
    template <class Domain>
    constexpr auto evaluate(const Domain& at) const {
        if constexpr (requires { at.note_bare(*this, at.b, at.h, at.q, at.kv); })
            at.note_bare(*this, at.b, at.h, at.q, at.kv);
        return domino::evaluate(mask_, at);
    }
    /// The mask's leaves. Whoever replaces one makes ids and positions stale: they are forgotten.
    template <class Visitor>
    void visit_leaves(Visitor& visitor) {
        detail::visit_leaves_below(mask_, visitor);
        ids_ = positions_ = {};
    }
    /// For the check of a call's shape.
    index_t extent(std::size_t dimension) const {
        constexpr index_t any = std::numeric_limits<index_t>::max();
        return std::array{shape_.batch, shape_.heads > 1 ? shape_.heads : any, shape_.q_len, shape_.kv_len}[dimension];
    }
    static std::string name() { return "mask_info"; }

    // Segments, lengths, positions.

    /// The ids, or those of the mask, verified: throws where no ids say the mask (see recover_segments).
    qkv_tokens segment_ids(recover_options options = {}) const {
        detail::trace("mask_info.segment_ids");
        if (ids_.q.known()) return ids_;
        auto found = recover_segments(mask_, shape_, options);
        if (!found) detail::fail("mask", "a mask that segment ids say", found.reason);
        return std::move(found.ids);
    }
    token_array q_segment_ids() const { return segment_ids().q; }
    token_array kv_segment_ids() const { return segment_ids().kv; }

    /// 1 for tokens, 0 for padding: by the ids, or, without ids, whether a token sees or is seen in any head.
    qkv_tokens valid_tokens() const {
        detail::trace("mask_info.valid_tokens");
        if (ids_.q.known()) return {domino::valid_tokens(ids_.q), domino::valid_tokens(ids_.kv)};
        return visible_tokens(mask_, shape_);
    }
    token_array q_attention_mask() const { return valid_tokens().q; }
    token_array kv_attention_mask() const { return valid_tokens().kv; }

    /// The positions, or those within the segments; padding is -1 among queries, 2^31 - 1 among keys.
    qkv_tokens positions() const {
        detail::trace("mask_info.positions");
        if (positions_.q.known() && positions_.kv.known()) return positions_;
        const qkv_tokens ids = segment_ids();
        return {positions_.q.known() ? positions_.q : segment_positions(ids.q, -1),
                positions_.kv.known() ? positions_.kv
                                      : segment_positions(ids.kv, std::numeric_limits<std::int32_t>::max())};
    }
    token_array q_positions() const { return positions_.q.known() ? positions_.q : positions().q; }
    token_array kv_positions() const { return positions_.kv.known() ? positions_.kv : positions().kv; }

    /// Whether a row of queries or of keys holds more than one segment.
    bool is_multi_sequence() const { return ids_.q.known() && (packs_segments(ids_.q) || packs_segments(ids_.kv)); }
    /// Whether queries and keys are the same tokens: by the ids, or, without ids, by the lengths.
    bool is_self_attention() const { return ids_.q.known() ? ids_.q == ids_.kv : shape_.q_len == shape_.kv_len; }

    /// Tokens of each batch entry; where rows pack several segments, of each, row after row, by id from 0.
    std::vector<std::int32_t> q_lens() const { return lengths(segment_ids().q); }
    std::vector<std::int32_t> kv_lens() const { return lengths(segment_ids().kv); }

    /// Cumulative offsets into the tokens that are not padding (see segment_ids_to_cu_seqlens).
    qkv_cu_seqlens cumulative_seqlens(std::optional<index_t> max_segments = {}) const {
        detail::trace("mask_info.cumulative_seqlens");
        return segment_ids_to_cu_seqlens(segment_ids(), max_segments);
    }
    /// Start and end of the tokens of each batch entry. Throws where a row packs several segments, or has a gap.
    qkv_cu_seqlens paired_seqlens() const {
        detail::trace("mask_info.paired_seqlens");
        if (is_multi_sequence()) detail::fail("segment_ids", "one segment a row to be a pair", "several");
        return mask_to_cu_seqlens(valid_tokens());
    }

    // Tensors, for those who ask.

    /// 1 where attended, else 0, [batch, heads, q_len, kv_len] in T.
    template <class T = std::uint8_t>
    dense_mask<T> attention_mask() const {
        detail::trace("mask_info.attention_mask");
        return detail::dense<T>(mask_, shape_, T(1), T(0));
    }
    /// The same under the reference's name; an info has no type of its own.
    template <class T>
    dense_mask<T> to_dtype() const {
        return attention_mask<T>();
    }
    /// 0 where attended, else the least finite T (or what is given).
    template <class T = float>
    dense_mask<T> bias(T masked_out_value = detail::lowest<T>()) const {
        detail::trace("mask_info.bias");
        return detail::dense<T>(mask_, shape_, T(0), masked_out_value);
    }
    /// Valid queries, valid keys, and the mask itself with all that was applied to it.
    template <class T = std::uint8_t>
    std::pair<qkv_tokens, dense_mask<T>> qkv_masks() const {
        return {valid_tokens(), attention_mask<T>()};
    }

    /// The same info over a dense copy of its mask: each element is computed once, here.
    auto materialize_attention_mask() const {
        detail::trace("mask_info.materialize_attention_mask");
        auto values = std::make_shared<const std::vector<std::uint8_t>>(materialize(mask_, shape_).data);
        return with(detail::dense_expression(std::move(values), shape_), baked_);
    }
    /// The same info with the ids that its mask says, where it has none (see segment_ids).
    mask_info materialize_segment_ids() const {
        detail::trace("mask_info.materialize_segment_ids");
        return {mask_, shape_, {segment_ids(), positions_, baked_}};
    }

    // Transformations: each returns a new info.

    /// And kv <= q + offset, in indices: 0 aligns top-left, kv_len - q_len bottom-right. An offset, or one a batch entry.
    auto apply_causal() const {
        detail::trace("mask_info.apply_causal");
        return with(mask_ && causal, baked_with(&baked_masks::causal));
    }
    template <PerBatch Offset>
    auto apply_causal(const Offset& offset) const {
        detail::trace("mask_info.apply_causal");
        return with(mask_ && causal_with_offset(entries(offset, "offset")), baked_with(&baked_masks::causal));
    }

    /// And q + offset - left <= kv <= q + offset + right: neighbours, both ends inclusive, not causal.
    auto apply_sliding_window(window_reach reach) const {
        detail::trace("mask_info.apply_sliding_window");
        return with(mask_ && band(reach.left, reach.right), baked_with(&baked_masks::sliding_window));
    }
    template <PerBatch Offset>
    auto apply_sliding_window(window_reach reach, const Offset& offset) const {
        detail::trace("mask_info.apply_sliding_window");
        return with(windowed(reach, offset), baked_with(&baked_masks::sliding_window));
    }
    /// Two integers could be a window of two sides, or a window and an offset.
    template <std::integral Window, std::integral Other>
    void apply_sliding_window(Window, Other) const {
        static_assert(!std::integral<Window>,
                      "domino: write apply_sliding_window({left, right}) for two sides, or "
                      "apply_sliding_window({window, window}, offset) for an offset");
    }
    /// The window of one query alone: its row, clamped into the mask, and min(left + right + 1, kv_len) keys from
    /// left of its position on, clamped likewise. A row's position is row + offset; where the mask has one row and no
    /// offset is given, that row stands at the index.
    template <PerBatch Index>
    auto apply_sliding_window(window_reach reach, const window_mode::decode_at<Index>& at) const {
        detail::check_entries(at.index, shape_.batch, "index");
        const auto place = [&](index_t index) { return shape_.q_len == 1 ? index : 0; };
        return apply_sliding_window(reach, at, detail::per_entry(shape_.batch, place, at.index));
    }
    template <PerBatch Index, PerBatch Offset>
    auto apply_sliding_window(window_reach reach, const window_mode::decode_at<Index>& at, const Offset& offset) const {
        detail::trace("mask_info.apply_sliding_window");
        const auto windowed_mask = windowed(reach, offset);
        detail::check_entries(at.index, shape_.batch, "index");
        if (shape_.q_len == 0) detail::fail("index", "a row of the mask", "a mask without rows");
        const index_t keys = window_keys(reach);
        const auto row = [&](index_t index) { return std::clamp<index_t>(index, 0, shape_.q_len - 1); };
        const auto first_key = [&](index_t index, index_t shift) {
            return std::clamp<index_t>(row(index) + shift - reach.left, 0, shape_.kv_len - keys);
        };
        return sliced(windowed_mask, ids_.kv, detail::per_entry(shape_.batch, row, at.index), 1,
                      detail::per_entry(shape_.batch, first_key, at.index, offset), keys,
                      baked_with(&baked_masks::sliding_window));
    }
    /// The window over all rows, cut to the last min(left + right + 1, kv_len) keys; rows whose keys are cut see nothing.
    template <PerBatch Offset = index_t>
    auto apply_sliding_window(window_reach reach, window_mode::prefill_keys, const Offset& offset = 0) const {
        detail::trace("mask_info.apply_sliding_window");
        const auto windowed_mask = windowed(reach, offset);
        const index_t keys = window_keys(reach);
        return sliced(windowed_mask, ids_.kv, index_t{0}, shape_.q_len, shape_.kv_len - keys, keys,
                      baked_with(&baked_masks::sliding_window));
    }

    /// And q / chunk_size == kv / chunk_size, and kv <= q + offset. The ids become finer: one a segment and chunk
    /// (without ids: of the tokens that see or are seen).
    auto apply_chunked(index_t chunk_size) const { return in_chunks(chunked_causal(chunk_size), chunk_size); }
    auto apply_chunked(index_t chunk_size, index_t offset) const {
        return in_chunks(chunked(chunk_size) && causal_with_offset(offset), chunk_size);
    }

    /// Joins the mask of equal token types, types(b, q) == types(b, kv), by combine::unite (which may let padding and the
    /// future be seen), combine::intersect or combine::replace. See token_type_options.
    template <class Combine = combine::union_t>
    auto apply_token_type_ids(const token_array& q_types, Combine combine_masks = {},
                              const token_type_options& options = {}) const {
        detail::trace("mask_info.apply_token_type_ids");
        const qkv_tokens types{q_types, options.kv_types.known() ? options.kv_types : q_types};
        if (!types.q.known()) detail::fail("token_type_ids", "types", "none");
        check_tokens(types.q, shape_.q_len, "token_type_ids of queries");
        check_tokens(types.kv, shape_.kv_len, "token_type_ids of keys");
        const bool zero_is_none = options.zero_policy != zero_policy::neither;
        const auto keys = types.kv.as_table("kv_types")(b, kv);
        const auto equal = types.q.as_table("q_types")(b, q) == keys && (keys != 0 || !zero_is_none);
        constexpr bool unites = std::same_as<Combine, combine::union_t>;
        const bool refines = std::same_as<Combine, combine::intersect_t> && ids_.q.known();
        mask_shape shape = shape_;
        if (std::same_as<Combine, combine::replace_t>) shape.heads = std::min<index_t>(shape.heads, 1);
        return make(combine_masks(mask_, equal), shape,
                    {options.update_segment_ids.value_or(!unites)
                         ? refine_segments(refines ? ids_ : one_segment(), type_ids(types, zero_is_none))
                         : ids_,
                     positions_, baked_with(&baked_masks::token_type_ids)});
    }

    /// And kv < kv_lengths(b); of the rows q_len remain, those that end before end_index (kv_lengths if absent), clamped
    /// into the mask, and with a sliding window as many keys, those that end before the length, clamped likewise: one cut
    /// for all rows. Ids and positions are cut with them, and keys beyond the length become padding.
    template <PerBatch Lengths>
    auto apply_kv_lengths(const Lengths& kv_lengths, const kv_length_options& options) const {
        return apply_kv_lengths(kv_lengths, kv_lengths, options);
    }
    template <PerBatch Lengths, PerBatch End>
    auto apply_kv_lengths(const Lengths& kv_lengths, const End& end_index, const kv_length_options& options) const {
        detail::trace("mask_info.apply_kv_lengths");
        const auto length = entries(kv_lengths, "kv_lengths");
        detail::check_entries(end_index, shape_.batch, "end_index");
        const index_t rows = options.q_len;
        if (rows < 0 || rows > shape_.q_len)
            detail::fail("q_len", "0 to " + std::to_string(shape_.q_len) + " rows to keep", std::to_string(rows));
        const index_t keys = options.sliding_window
                               ? std::min(detail::at_least(0, *options.sliding_window, "sliding_window"), shape_.kv_len)
                               : shape_.kv_len;
        const auto first_row = [&](index_t end) { return std::clamp<index_t>(end - rows, 0, shape_.q_len - rows); };
        const auto first_key = [&](index_t n) { return std::clamp<index_t>(n - keys, 0, shape_.kv_len - keys); };
        const token_array kv_ids =
            !ids_.kv.known() ? ids_.kv : token_array(shape_.batch, shape_.kv_len, [&](index_t row, index_t i) {
                return i < detail::entry_of(kv_lengths, row) ? ids_.kv(row, i) : -1;
            });
        return sliced(mask_ && kv < length, kv_ids, detail::per_entry(shape_.batch, first_row, end_index), rows,
                      detail::per_entry(shape_.batch, first_key, kv_lengths), keys, baked_);
    }

    /// Other ids, positions or flags. A mask that is its segments and no more (from_segments, from_cu_seqlens, padding)
    /// follows its new ids; any other stays as it is.
    mask_info replace(const mask_info_changes& changes) const {
        detail::trace("mask_info.replace");
        const qkv_tokens ids = chosen(changes.segment_ids, ids_), positions = chosen(changes.positions, positions_);
        const baked_masks baked = changes.baked_in.value_or(baked_);
        if constexpr (std::same_as<M, segment_expression>)
            if (changes.segment_ids.q.known() || changes.segment_ids.kv.known())
                return {segment_mask(ids), shape_, {ids, positions, baked}};
        return {mask_, shape_, {ids, positions, baked}};
    }
    /// Another mask over the same tokens.
    template <MaskMod Mod>
    auto replace(const Mod& mask_mod, const mask_info_changes& changes = {}) const {
        detail::trace("mask_info.replace");
        return make(domino::as_mask(mask_mod), shape_,
                    {chosen(changes.segment_ids, ids_), chosen(changes.positions, positions_),
                     changes.baked_in.value_or(baked_)});
    }

    // For the eye.

    /// The mask in blocks, with the segments at its sides where ids are known or the mask says them.
    std::string visualize(const block_picture_options& options = {}) const {
        detail::trace("mask_info.visualize");
        const auto labels = options.show_segments ? labels_of(options.b, options.h) : std::nullopt;
        if (!labels) return visualize_blocks(mask_, shape_, {}, {}, options);
        return visualize_blocks(mask_, shape_, labels->q, labels->kv, options);
    }

    /// Shape, ids and mask in a line.
    std::string describe() const {
        const auto number = [](index_t i) { return std::to_string(i); };
        std::string words = "mask_info([" + number(shape_.batch) + ", " + number(shape_.heads) + ", " +
                            number(shape_.q_len) + ", " + number(shape_.kv_len) + "]";
        for (const auto& [known, what] : {std::pair{ids_.q.known(), "segment ids"},
                                          {positions_.q.known() || positions_.kv.known(), "positions"},
                                          {is_self_attention(), "self-attention"},
                                          {baked_.causal, "causal"},
                                          {baked_.sliding_window, "sliding window"},
                                          {baked_.chunked, "chunked"},
                                          {baked_.token_type_ids, "token types"}})
            if (known) words += std::string(", ") + what;
        return words + "; " + to_string(mask_) + ")";
    }

private:
    template <Expression E>
    static mask_info<E> make(const E& expression, const mask_shape& shape, mask_info_changes known) {
        return {expression, shape, std::move(known)};
    }
    static auto of_segments(const qkv_tokens& ids, const qkv_tokens& positions) {
        return make(segment_mask(ids), {ids.q.batch(), 1, ids.q.len(), ids.kv.len()}, {ids, positions, {}});
    }
    static auto of_padding(const dense_input& input, const attention_mask_options& options) {
        const token_array ids(input.extents[0], input.extents[1], [&](index_t row, index_t i) {
            const bool marked = (*input.values)[static_cast<std::size_t>(row * input.extents[1] + i)] != 0;
            return marked == options.mask_is_valid ? 0 : -1;
        });
        return of_segments({ids, ids}, {options.q_positions, options.kv_positions});
    }
    static auto of_dense(const dense_input& input, const attention_mask_options& options) {
        const auto& n = input.extents;
        const mask_shape shape = n.size() == 3 ? mask_shape{n[0], 1, n[1], n[2]} : mask_shape{n[0], n[1], n[2], n[3]};
        const auto expression = detail::dense_expression(input.values, shape, options.mask_is_valid);
        const qkv_tokens seen = visible_tokens(expression, shape);
        return make(expression, shape,
                    {{padding_ids(seen.q), padding_ids(seen.kv)}, {options.q_positions, options.kv_positions}, {}});
    }

    void check_tokens(const token_array& tokens, index_t len, const char* argument) const {
        const auto extents = [](index_t batch, index_t n) { return std::to_string(batch) + " x " + std::to_string(n); };
        if (tokens.known() && (tokens.batch() != shape_.batch || tokens.len() != len))
            detail::fail(argument, extents(shape_.batch, len), extents(tokens.batch(), tokens.len()));
    }
    template <PerBatch T>
    auto entries(const T& x, const char* argument) const {
        detail::check_entries(x, shape_.batch, argument);
        return detail::as_operand(x, argument);
    }
    static qkv_tokens chosen(const qkv_tokens& changed, const qkv_tokens& kept) {
        return {changed.q.known() ? changed.q : kept.q, changed.kv.known() ? changed.kv : kept.kv};
    }
    static std::vector<std::int32_t> lengths(const token_array& ids) {
        std::vector<std::int32_t> out;
        if (packs_segments(ids)) {
            for (const auto& row : lengths_by_id(ids)) out.insert(out.end(), row.begin(), row.end());
            return out;
        }
        for (index_t row = 0; row < ids.batch(); ++row) {
            out.push_back(0);
            for (index_t i = 0; i < ids.len(); ++i) out.back() += ids(row, i) >= 0 ? 1 : 0;
        }
        return out;
    }

    struct token_labels {
        std::vector<index_t> q, kv;
    };
    /// The segments of one (b, h), where ids are known or the mask says them; none outside the shape, nothing being asked.
    std::optional<token_labels> labels_of(index_t batch, index_t head) const {
        if (batch < 0 || batch >= shape_.batch || head < 0 || head >= shape_.heads) return {};
        token_labels labels{std::vector<index_t>(static_cast<std::size_t>(shape_.q_len)),
                            std::vector<index_t>(static_cast<std::size_t>(shape_.kv_len))};
        if (!ids_.q.known()) {
            if (!detail::recover_slice(mask_, point{batch, head}, labels.q, labels.kv, true).empty()) return {};
            return labels;
        }
        const auto copy_row = [&](const token_array& ids, std::vector<index_t>& to) {
            std::copy_n(ids.values().begin() + batch * ids.len(), ids.len(), to.begin());
        };
        copy_row(ids_.q, labels.q);
        copy_row(ids_.kv, labels.kv);
        return labels;
    }

    baked_masks baked_with(bool baked_masks::*flag) const {
        baked_masks baked = baked_;
        baked.*flag = true;
        return baked;
    }
    /// The same tokens under another mask.
    template <Expression E>
    auto with(const E& expression, const baked_masks& baked) const {
        return make(expression, shape_, {ids_, positions_, baked});
    }
    qkv_tokens padding() const {
        const qkv_tokens seen = visible_tokens(mask_, shape_);
        return {padding_ids(seen.q), padding_ids(seen.kv)};
    }
    qkv_tokens one_segment() const {
        const auto zero = [](index_t, index_t) { return 0; };
        return {{shape_.batch, shape_.q_len, zero}, {shape_.batch, shape_.kv_len, zero}};
    }
    /// Types as ids, which are not negative: negative types come after the largest; type 0 is padding if it is no type.
    static qkv_tokens type_ids(const qkv_tokens& types, bool zero_is_none) {
        std::int32_t most = 0;
        for (const token_array* side : {&types.q, &types.kv})
            for (const std::int32_t type : side->values()) most = std::max(most, type);
        return detail::numbered(types, [&](detail::tokens_of side, index_t row, index_t i) -> index_t {
            const std::int32_t type = (types.*side)(row, i);
            if (type == 0 && zero_is_none) return -1;
            return type >= 0 ? index_t{type} : index_t{most} - type;
        });
    }

    template <Expression E>
    auto in_chunks(const E& chunks, index_t chunk_size) const {
        detail::trace("mask_info.apply_chunked");
        const qkv_tokens ids = ids_.q.known() ? ids_ : padding();
        const auto chunk_of = [&](const token_array& side) {
            return token_array(side.batch(), side.len(), [&](index_t, index_t i) { return i / chunk_size + 1; });
        };
        return make(
            mask_ && chunks, shape_,
            {refine_segments(ids, {chunk_of(ids.q), chunk_of(ids.kv)}), positions_, baked_with(&baked_masks::chunked)});
    }
    template <PerBatch Offset>
    auto windowed(window_reach reach, const Offset& offset) const {
        return mask_ && domino::offset(band(reach.left, reach.right), entries(offset, "offset"));
    }
    index_t window_keys(window_reach reach) const {
        const index_t most = shape_.kv_len;
        return std::min(std::min(reach.left, most) + std::min(reach.right, most) + 1, most);
    }
    /// `rows` queries from first_row and `keys` keys from first_key on: a substitution in the mask, a cut in the arrays.
    template <Expression E, PerBatch Row, PerBatch Key>
    auto sliced(const E& expression, const token_array& kv_ids, const Row& first_row, index_t rows,
                const Key& first_key, index_t keys, const baked_masks& baked) const {
        const auto cut = [&](const token_array& tokens, const auto& first, index_t count) {
            return tokens.known() ? tokens.slice([&](index_t row) { return detail::entry_of(first, row); }, count)
                                  : tokens;
        };
        return make(domino::offset(expression, detail::as_operand(first_row, "first_row"),
                                   detail::as_operand(first_key, "first_key")),
                    {shape_.batch, shape_.heads, rows, keys},
                    {{cut(ids_.q, first_row, rows), cut(kv_ids, first_key, keys)},
                     {cut(positions_.q, first_row, rows), cut(positions_.kv, first_key, keys)},
                     baked});
    }

    M mask_;
    mask_shape shape_;
    qkv_tokens ids_, positions_;
    baked_masks baked_;
};

template <MaskMod Mod>
mask_info(const Mod&, const mask_shape&, mask_info_changes = {}) -> mask_info<mask_t<Mod>>;

}  // namespace domino::inline DOMINO_ARCH

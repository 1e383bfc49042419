// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks as other systems write them down. Each name says whose convention its numbers follow; what they mean here is in
// the formula. The way back is info/export.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "domino/mask/dense.hpp"
#include "domino/mask/document.hpp"
#include "domino/mask/image.hpp"
#include "domino/mask/interval.hpp"
#include "domino/mask/padding.hpp"
#include "domino/tensor/element.hpp"

namespace domino::inline DOMINO_ARCH {

// ---- Hugging Face

/// A model's `sliding_window`, in its causal layers: n keys with the query's own, last_n(n).
constexpr auto huggingface_sliding_window(index_t n) {
    return last_n(detail::at_least(1, n, "huggingface_sliding_window(n)"));
}

/// A tokenizer's `attention_mask` [batch, kv_len], 0 for padding wherever it stands (left in generation): && it to the
/// model's mask.
template <class T>
auto huggingface_attention_mask(const table_view<T, 2>& attention_mask) {
    return valid_keys(attention_mask);
}

/// A processor's `token_type_ids` [len] or [batch, len], 1 for tokens of images: causal, and each run of ones sees itself
/// both ways. The runs are numbered in a table of the mask's own.   (Gemma 3)
template <class T, std::size_t R>
auto huggingface_token_types(const table_view<T, R>& token_types) {
    index_t image = 0;
    const auto number = [&](auto... index) {  // in row-major order
        const std::array<index_t, R> at{index...};
        const bool is_image = token_types.at(index...) == 1;
        auto before = at;
        --before[R - 1];
        const bool goes_on = at[R - 1] > 0 && std::apply([&](auto... i) { return token_types.at(i...) == 1; }, before);
        if (is_image && !goes_on) ++image;
        return is_image ? image : 0;
    };
    return std::apply(
        [&](auto... extents) { return causal_or_same_type(tabulate<std::int32_t>("image", number, extents...)); },
        token_types.extents());
}

// ---- FlashAttention and xformers

/// FlashAttention's `window_size` = (left, right) with q_len queries at the end of kv_len keys (from 2.1 on): row i sees keys
/// i + kv_len - q_len - left to i + kv_len - q_len + right, both inclusive; -1 is no limit, `causal_flag` makes right 0.
/// q is the row here, so the call has no q_offset.
constexpr auto flash_attention_window(index_t left, index_t right, index_t q_len, index_t kv_len,
                                      bool causal_flag = false) {
    detail::at_least(-1, left, "flash_attention_window(left, right, q_len, kv_len): left");
    detail::at_least(-1, right, "flash_attention_window(left, right, q_len, kv_len): right");
    const auto limit = [](index_t n) { return n < 0 ? unbounded : n; };
    return offset(band(limit(left), causal_flag ? 0 : limit(right)), kv_len - q_len);
}

namespace detail {

struct key_span {
    index_t begin, end;
};

/// Packed queries against packed keys, an interval of keys a row: keys(row, q_len, kv_len) within the document.
template <class F>
auto packed_rows(const packed_documents& queries, const packed_documents& keys, const char* argument, F f) {
    if (queries.count() != keys.count())
        fail(argument, "as many documents of keys as of queries, " + std::to_string(queries.count()),
             std::to_string(keys.count()));
    const auto bound = [&](bool end) {
        return [&, end](index_t i, index_t token) {
            const index_t kv_len = keys.end(i) - keys.begin(i);
            const key_span seen = f(token - queries.begin(i), queries.end(i) - queries.begin(i), kv_len);
            return keys.begin(i) + std::clamp<index_t>(end ? seen.end : seen.begin, 0, kv_len);
        };
    };
    return row_intervals(queries.by_token("begin", bound(false)), queries.by_token("end", bound(true)));
}

/// 0, and the end of each of these lengths.
template <IntegerList Range>
packed_documents from_lengths(const Range& lengths, const char* argument) {
    std::vector<index_t> stops{0};
    for (const auto& n : lengths) stops.push_back(stops.back() + at_least(0, static_cast<index_t>(n), argument));
    return packed_documents(stops);
}

}  // namespace detail

/// FlashAttention's variable-length call: queries packed by cu_seqlens_q, keys by cu_seqlens_k, `window_size` (left, right)
/// in each document as in flash_attention_window.
template <IntegerList Q, IntegerList K>
auto flash_attention_varlen(const Q& cu_seqlens_q, const K& cu_seqlens_k, bool causal_flag = false, index_t left = -1,
                            index_t right = -1) {
    detail::at_least(-1, left, "flash_attention_varlen: left");
    detail::at_least(-1, right, "flash_attention_varlen: right");
    if (causal_flag) right = 0;
    return detail::packed_rows(
        detail::packed_documents(cu_seqlens_q, "cu_seqlens_q"), detail::packed_documents(cu_seqlens_k, "cu_seqlens_k"),
        "cu_seqlens_k", [=](index_t row, index_t q_len, index_t kv_len) {
            const index_t self = row + kv_len - q_len;
            return detail::key_span{left < 0 ? 0 : self - left, right < 0 ? kv_len : self + right + 1};
        });
}

/// xformers' BlockDiagonalMask.from_seqlens: every query of a block sees every key of it.
template <IntegerList Q, IntegerList K>
auto xformers_block_diagonal(const Q& q_seqlen, const K& kv_seqlen) {
    return detail::packed_rows(detail::from_lengths(q_seqlen, "q_seqlen"), detail::from_lengths(kv_seqlen, "kv_seqlen"),
                               "kv_seqlen", [](index_t, index_t, index_t kv_len) {
                                   return detail::key_span{0, kv_len};
                               });
}

/// xformers' BlockDiagonalCausalMask, diagonals at the top left, or with a window of n keys (the query's own among them)
/// BlockDiagonalCausalLocalAttentionMask.
template <IntegerList Q, IntegerList K>
auto xformers_block_diagonal_causal(const Q& q_seqlen, const K& kv_seqlen, index_t window = unbounded) {
    detail::at_least(1, window, "xformers_block_diagonal_causal: window");
    return detail::packed_rows(detail::from_lengths(q_seqlen, "q_seqlen"), detail::from_lengths(kv_seqlen, "kv_seqlen"),
                               "kv_seqlen", [=](index_t row, index_t, index_t) {
                                   return detail::key_span{row - window + 1, row + 1};
                               });
}

/// The same with diagonals at the bottom right: BlockDiagonalCausalFromBottomRightMask,
/// BlockDiagonalCausalLocalAttentionFromBottomRightMask.
template <IntegerList Q, IntegerList K>
auto xformers_block_diagonal_causal_from_bottom_right(const Q& q_seqlen, const K& kv_seqlen,
                                                      index_t window = unbounded) {
    detail::at_least(1, window, "xformers_block_diagonal_causal_from_bottom_right: window");
    return detail::packed_rows(detail::from_lengths(q_seqlen, "q_seqlen"), detail::from_lengths(kv_seqlen, "kv_seqlen"),
                               "kv_seqlen", [=](index_t row, index_t q_len, index_t kv_len) {
                                   const index_t self = row + kv_len - q_len;
                                   return detail::key_span{self - window + 1, self + 1};
                               });
}

// ---- ONNX Runtime

/// `local_window_size` of GroupQueryAttention since September 2025: n keys with the query's own; -1 is causal.
constexpr auto onnxruntime_local_window_size(index_t n) {
    detail::at_least(-1, n, "onnxruntime_local_window_size(n)");
    return last_n(n < 0 ? unbounded : n);
}
/// The same before: n keys and the query's own.
constexpr auto onnxruntime_local_window_size_before_2025_09(index_t n) {
    detail::at_least(-1, n, "onnxruntime_local_window_size_before_2025_09(n)");
    return last_n(n < 0 ? unbounded : n + 1);
}

// ---- ggml

namespace detail {

constexpr std::uint16_t half_minus_infinity = 0xfc00;

/// f(bits) for each entry of a [batch, heads, q_len, kv_len] tensor of halves, in a table that owns its entries.
template <class T, class F>
auto from_halves(std::string name, const std::uint16_t* halves, const std::array<index_t, 4>& extents,
                 const std::array<index_t, 4>& strides, F f) {
    if (!halves && checked_size("ggml mask: extents", extents) > 0) fail("ggml mask", "a buffer", "null");
    // An axis of stride 0 is stored once.
    std::array<index_t, 4> stored = extents, own{};
    for (std::size_t i = 0; i < 4; ++i)
        if (strides[i] == 0) stored[i] = std::min<index_t>(extents[i], 1);
    const auto entries = tabulate<T>(
        name,
        [&](index_t b_, index_t h_, index_t q_, index_t kv_) {
            return f(halves[b_ * strides[0] + h_ * strides[1] + q_ * strides[2] + kv_ * strides[3]]);
        },
        stored[0], stored[1], stored[2], stored[3]);
    for (std::size_t i = 0; i < 4; ++i) own[i] = strides[i] == 0 ? 0 : entries.strides()[i];
    return table_view<T, 4>(entries.data(), extents, own, std::move(name), entries.owner());
}

}  // namespace detail

/// ggml's f16 mask (KQ_mask) as a mask: kept where the half is not -inf. Halves are raw bits, [batch, heads, q_len, kv_len]
/// with strides in entries, 0 for what is shared (usually heads); rows of padding after q_len are not looked at. Copied.
inline auto ggml_mask(const std::uint16_t* halves, std::array<index_t, 4> extents, std::array<index_t, 4> strides) {
    return dense(detail::from_halves<bool>("mask", halves, extents, strides,
                                           [](std::uint16_t half) { return half != detail::half_minus_infinity; }));
}

/// ggml's f16 mask as what is added to a score, slopes(h) * mask: with ALiBi the mask holds -|q - kv|. Slopes are
/// alibi_slopes_ggml(heads, max_bias). Use it with ggml_mask, which skips what is -inf.
inline auto ggml_bias(const std::uint16_t* halves, std::array<index_t, 4> extents, std::array<index_t, 4> strides,
                      const table_view<float, 1>& slopes) {
    const auto values = detail::from_halves<float>(
        "bias", halves, extents, strides, [](std::uint16_t bits) { return float{std::bit_cast<float16>(bits)}; });
    return score + slopes(h) * values(b, h, q, kv);
}

// ---- FlashInfer

/// FlashInfer's packed custom mask, little-endian bits of [q_len, kv_len] one after another; each batch entry begins a new
/// byte. Not copied.
inline auto flashinfer_packed_mask(const std::uint8_t* bytes, index_t batch, index_t q_len, index_t kv_len) {
    detail::at_least(0, batch, "flashinfer_packed_mask: batch");
    detail::at_least(0, q_len, "flashinfer_packed_mask: q_len");
    detail::at_least(0, kv_len, "flashinfer_packed_mask: kv_len");
    const index_t bits = detail::checked_product("flashinfer_packed_mask", {q_len, kv_len});
    const index_t entry_bits = detail::checked_product("flashinfer_packed_mask", {bits / 8 + (bits % 8 > 0), 8});
    return packed_bits(bytes, {batch, 1, q_len, kv_len}, {entry_bits, 0, kv_len, 1});
}

// ---- FlashMask (PaddlePaddle)

/// FlashMask's `startend_row_indices` [batch, mask_heads, kv_len, bounds] for a call with `heads` query heads, which
/// mask_heads divides. Key j is hidden from rows (LT: lower triangle, UT: upper, S: start, E: end, exclusive)
///   causal:      bounds 1 {LTS}: q >= LTS             2 {LTS, LTE}: LTS <= q < LTE          and from q < kv
///   not causal:  bounds 2 {LTS, UTE}: q >= LTS, q < UTE    4 {LTS, LTE, UTS, UTE}: LTS <= q < LTE, UTS <= q < UTE
/// Not copied.
inline auto flashmask(const std::int32_t* startend_row_indices, std::array<index_t, 4> extents, index_t heads,
                      bool causal_flag) {
    const auto [batch, mask_heads, kv_len, bounds] = extents;
    if (causal_flag ? bounds != 1 && bounds != 2 : bounds != 2 && bounds != 4)
        detail::fail("flashmask: bounds a key", causal_flag ? "1 or 2" : "2 or 4", std::to_string(bounds));
    detail::at_least(1, mask_heads, "flashmask: mask_heads");
    if (detail::at_least(1, heads, "flashmask: heads") % mask_heads != 0)
        detail::fail("flashmask: heads", "a multiple of the mask's " + std::to_string(mask_heads),
                     std::to_string(heads));
    const auto bound = [&](index_t i) {
        const index_t last = extents[3], keys = extents[2] * last;
        return table<std::int32_t, 3>(startend_row_indices + (i < last ? i : 0), {extents[0], extents[1], extents[2]},
                                      {extents[1] * keys, keys, last}, "bounds")(b, h / (heads / extents[1]), kv);
    };
    const bool to_the_end = bounds == (causal_flag ? 1 : 2), from_the_start = bounds == 2;
    const auto lower = q >= bound(0) && (to_the_end || q < bound(1));
    const auto upper = (from_the_start || q >= bound(2)) && q < bound(from_the_start ? 1 : 3);
    return piecewise((!causal_flag || causal) && !lower && (causal_flag || !upper), cut::nowhere{}, cut::every{});
}

}  // namespace domino::inline DOMINO_ARCH

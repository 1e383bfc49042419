// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks made of masks, beyond && || ! ^, where and offset.
#pragma once

#include <limits>

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// What the first keeps and the second does not: x && !y.
template <MaskMod X, MaskMod Y>
constexpr auto minus(const X& x, const Y& y) {
    return as_mask(x) && !as_mask(y);
}

namespace detail {
template <class Index, MaskMod First, MaskMod... Rest>
constexpr auto select_from(index_t number, const Index& index, const First& first, const Rest&... rest) {
    if constexpr (sizeof...(Rest) == 0) return as_mask(first);
    else return where(index <= number, as_mask(first), select_from(number + 1, index, rest...));
}
}  // namespace detail

/// The mask number `index`, an expression or a number: select(h % 2, x, y). The first one where it is negative, the last one
/// where it is larger.
template <Operand Index, MaskMod... Masks>
constexpr auto select(const Index& index, const Masks&... masks) {
    return detail::select_from(0, as_node(index), masks...);
}

/// A mask for each head, the last one for all further heads.   (SVG, MInference, DuoAttention)
template <MaskMod... Masks>
constexpr auto per_head(const Masks&... masks) {
    return select(h, masks...);
}

/// The mask of a layer, by a pattern that repeats: per_layer(layer, local, local, global).   (Gemma 2 and 3, Llama 4)
template <MaskMod... Masks>
constexpr auto per_layer(index_t layer, const Masks&... pattern) {
    constexpr auto n = static_cast<index_t>(sizeof...(Masks));
    return select(detail::at_least(0, layer, "per_layer(layer, ...): layer") % n, pattern...);
}

/// The mask in each of the stretches of n tokens by itself: q / n == kv / n && mask(q % n, kv % n); n >= 1.
/// (attention-gym batchify_mask_mod)
template <MaskMod M>
constexpr auto batchify(const M& mask_mod, index_t n) {
    detail::at_least(1, n, "batchify(mask, n): n");
    return piecewise(q / n == kv / n && with_indices(mask_mod, q % n, kv % n), cut::every{n});
}

/// Queries and keys change places: mask(b, h, kv, q).
template <MaskMod M>
constexpr auto swapped(const M& mask_mod) {
    return with_indices(mask_mod, kv, q);
}

/// The mask over the positions that a cache's slots hold: kv_positions(kv) >= 0 && mask(q, kv_positions(kv)); a negative
/// position is an empty slot. Tables are [slots] or [batch, slots].   (ring caches: ExecuTorch, penzai, ggml)
template <MaskMod M, class T, std::size_t R>
auto at_positions(const M& mask_mod, const table_view<T, R>& kv_positions) {
    const auto key = by_row(kv_positions, kv);
    return piecewise(key >= 0 && with_indices(mask_mod, q, key), cut::nowhere{}, cut::every{});
}
/// The same with the positions of the queries in a table, too.
template <MaskMod M, class T, std::size_t R, class U, std::size_t S>
auto at_positions(const M& mask_mod, const table_view<U, S>& q_positions, const table_view<T, R>& kv_positions) {
    const auto key = by_row(kv_positions, kv);
    return piecewise(key >= 0 && with_indices(mask_mod, by_row(q_positions, q), key), cut::nowhere{}, cut::every{});
}

/// What a score mod leaves visible: where it turns a score of 0 into more than `least`.
template <ScoreMod S>
constexpr auto kept_by_score(const S& score_mod, float least = -std::numeric_limits<float>::infinity()) {
    using zero = constant<float>;
    return evaluate(as_score_mod(score_mod), substitution<detail::b_t, detail::h_t, detail::q_t, detail::kv_t, zero>{
                                                 {}, {}, {}, {}, zero(0.f)}) > least;
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention functions that can stand for each other: float64 reference, materialized, tiled.   (attnax AttentionFn)
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "domino/attention.hpp"
#include "domino/info/materialize.hpp"
#include "domino/kernel/any_mask.hpp"
#include "domino/mask/builders.hpp"
#include "domino/score/masked.hpp"

namespace domino::inline DOMINO_ARCH {

/// Anything that is called as `attention` is, f(Q, K, V, O, mask_mod, score_mod, options), and means the same. A
/// boolean tensor is a mask mod by `boolean_mask`; options hold the dropout.   (attnax AttentionFn)
template <class F>
concept AttentionFn = requires(const F& f, const tensor_view<const float>& in, const tensor_view<float>& out,
                               const any_mask& mask_mod, const attention_options& options) {
    f(in, in, in, out);
    f(in, in, in, out, mask_mod, score, options);
};

/// mask_mod(b, h, q, kv) for every element, 0 or 1, [batch, heads, q_len, kv_len].   (attnax mask_mod_to_boolean_mask)
template <MaskMod M>
dense_mask<std::uint8_t> mask_mod_to_boolean_mask(const M& mask_mod, const mask_shape& shape) {
    return materialize(mask_mod, shape);
}

/// Domino's own: tile by tile, nothing materialized. See `attention`.
struct tiled_attention {
    template <MaskMod M = decltype(full), ScoreMod S = decltype(score)>
    void operator()(const tensor_view<const float>& Q, const tensor_view<const float>& K,
                    const tensor_view<const float>& V, const tensor_view<float>& O, const M& mask_mod = full,
                    const S& score_mod = score, const attention_options& options = {}) const {
        attention(Q, K, V, O, mask_mod, score_mod, options);
    }
};

namespace detail {

/// Turns a row's scores into weights in place, -inf being masked, and gives the log-sum-exp. Plain loops in Real.
template <class Real>
Real softmax_row(Real* row, index_t keys, const kernel::softmax_tail& tail, index_t b_, index_t h_, index_t query) {
    constexpr Real nothing = -std::numeric_limits<Real>::infinity();
    const Real sink = static_cast<Real>(tail.sink_of(h_));
    Real max = sink;
    for (index_t key = 0; key < keys; ++key)
        if (!(row[key] <= max)) max = row[key];  // NaN stays
    if (max == nothing) {
        if (tail.policy == empty_rows::error) fail_empty_row(b_, h_, query);
        const bool mean = tail.policy == empty_rows::uniform;
        std::fill_n(row, keys, mean ? Real(1) / static_cast<Real>(keys) : Real(0));
        return nothing;
    }
    Real sum = sink == nothing ? Real(0) : std::exp(sink - max);
    for (index_t key = 0; key < keys; ++key) sum += row[key] = std::exp(row[key] - max);
    for (index_t key = 0; key < keys; ++key) row[key] /= sum;
    return max + std::log(sum);
}

/// Attention in the steps of its definition: all scores of a head at once, or row by row, in Real.
template <class Real, bool whole_head, class M, class S>
void plain_attention(const tensor_view<const float>& Q, const tensor_view<const float>& K,
                     const tensor_view<const float>& V, const tensor_view<float>& O, const M& mask_mod,
                     const S& score_mod, const attention_options& options) {
    const auto& mask_expression = mask(mask_mod);
    const auto& score_expression = score_change(score_mod);
    kernel::problem p = checked_problem(facts("Q", Q), facts("K", K), facts("V", V), O, options);
    p.q = kernel::row_reader(Q);
    p.k = kernel::row_reader(K);
    const tile all{{0, Q.batch()}, {0, Q.heads()}, {p.q_offset, p.q_offset + Q.len()}, {0, K.len()}};
    inspect(mask_expression, all);
    inspect(score_expression, all);
    const index_t step = whole_head ? std::max<index_t>(Q.len(), 1) : 1;
    std::vector<Real> scores(static_cast<std::size_t>(step * K.len()));
    const auto for_each_pair = [&](index_t begin, index_t keys, auto&& f) {
        for (index_t row = begin; row < std::min(begin + step, Q.len()); ++row)
            for (index_t key = 0; key < keys; ++key)
                f(row, key, scores[static_cast<std::size_t>((row - begin) * K.len() + key)]);
    };
    for (index_t b_ = 0; b_ < Q.batch(); ++b_)
        for (index_t h_ = 0; h_ < Q.heads(); ++h_)
            for (index_t begin = 0; begin < Q.len(); begin += step) {
                const index_t group = h_ / p.group(), keys = p.kv_len(b_);
                for_each_pair(begin, keys, [&](index_t row, index_t key, Real& s) {
                    Real dot = 0;
                    for (index_t c = 0; c < Q.head_dim(); ++c)
                        dot += static_cast<Real>(Q.row(b_, h_, row)[c]) * static_cast<Real>(K.row(b_, group, key)[c]);
                    s = dot * static_cast<Real>(p.scale);
                });
                if constexpr (!std::same_as<std::remove_cvref_t<S>, placeholder<axes::score>>)
                    for_each_pair(begin, keys, [&](index_t row, index_t key, Real& s) {
                        const point at{b_, h_, row + p.q_offset, key, static_cast<float>(s)};
                        s = static_cast<Real>(evaluate(score_expression, at));
                    });
                for_each_pair(begin, keys, [&](index_t row, index_t key, Real& s) {
                    if (!evaluate(mask_expression, point{b_, h_, row + p.q_offset, key}))
                        s = -std::numeric_limits<Real>::infinity();
                });
                for (index_t row = begin; row < std::min(begin + step, Q.len()); ++row) {
                    Real* weights = scores.data() + (row - begin) * K.len();
                    const Real lse = softmax_row(weights, keys, p.tail, b_, h_, row);
                    if (p.lse.data)
                        p.lse.data[b_ * p.lse.strides[0] + h_ * p.lse.strides[1] + row * p.lse.strides[2]] =
                            static_cast<float>(lse);
                }
                if (options.dropout.active())
                    for_each_pair(begin, keys, [&](index_t row, index_t key, Real& weight) {
                        const bool kept = options.dropout.keeps(b_, h_, row + p.q_offset, key);
                        weight = kept ? weight * static_cast<Real>(options.dropout.kept_factor()) : Real(0);
                    });
                for (index_t row = begin; row < std::min(begin + step, Q.len()); ++row) {
                    const Real* weights = scores.data() + (row - begin) * K.len();
                    for (index_t c = 0; c < V.head_dim(); ++c) {
                        Real sum = 0;
                        for (index_t key = 0; key < keys; ++key)
                            if (weights[key] != 0 ||
                                evaluate(mask_expression, point{b_, h_, row + p.q_offset, key}))  // 0 * NaN
                                sum += weights[key] * static_cast<Real>(V.row(b_, group, key)[c]);
                        O.row(b_, h_, row)[c] = static_cast<float>(sum);
                    }
                }
            }
}

}  // namespace detail

/// In float64 (score mods in float32, as they are defined), row by row: slow, and near enough to the truth
/// to judge others.
struct reference_attention {
    template <MaskMod M = decltype(full), ScoreMod S = decltype(score)>
    void operator()(const tensor_view<const float>& Q, const tensor_view<const float>& K,
                    const tensor_view<const float>& V, const tensor_view<float>& O, const M& mask_mod = full,
                    const S& score_mod = score, const attention_options& options = {}) const {
        detail::plain_attention<double, false>(Q, K, V, O, mask_mod, score_mod, options);
    }
};

/// In float32, with all scores of a head in memory, q_len x kv_len: what attention is without tiles.
/// (attnax standard_attention)
struct materialized_attention {
    template <MaskMod M = decltype(full), ScoreMod S = decltype(score)>
    void operator()(const tensor_view<const float>& Q, const tensor_view<const float>& K,
                    const tensor_view<const float>& V, const tensor_view<float>& O, const M& mask_mod = full,
                    const S& score_mod = score, const attention_options& options = {}) const {
        detail::plain_attention<float, true>(Q, K, V, O, mask_mod, score_mod, options);
    }
};

}  // namespace domino::inline DOMINO_ARCH

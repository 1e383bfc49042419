// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention functions that can stand for each other: float64 reference, materialized, tiled.   (attnax AttentionFn)
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
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

/// Turns a row's scores into weights in place, -inf being masked, and gives the log-sum-exp, -inf of a row without any
/// weight. Plain loops in Real.
template <class Real>
Real softmax_row(Real* row, index_t keys, const kernel::softmax_options& softmax, index_t h_) {
    constexpr Real nothing = -std::numeric_limits<Real>::infinity();
    const Real sink = static_cast<Real>(softmax.sink_of(h_));
    Real max = sink;
    for (index_t key = 0; key < keys && max == max; ++key)  // a NaN makes the row NaN, whatever follows it
        if (!(row[key] <= max)) max = row[key];
    if (max == nothing) {
        const bool mean = softmax.policy == empty_rows::uniform;
        std::fill_n(row, keys, mean ? Real(1) / static_cast<Real>(keys) : Real(0));
        return nothing;
    }
    Real sum = sink == nothing ? Real(0) : std::exp(sink - max);
    for (index_t key = 0; key < keys; ++key) sum += row[key] = std::exp(row[key] - max);
    for (index_t key = 0; key < keys; ++key) row[key] /= sum;
    return max + std::log(sum);
}

/// The weights of a call's rows, in the steps of attention's definition, in Real.
template <class Real, class M, class S>
class definition {
public:
    /// `p` is a checked call of Q and K. Throws where its shape does not suit the mask or the score mod.
    definition(kernel::problem& p, const tensor_view<const float>& Q, const tensor_view<const float>& K,
               const M& mask_mod, const S& score_mod)
        : p_(p), Q_(Q), K_(K), mask_(as_mask(mask_mod)), score_mod_(as_score_mod(score_mod)) {
        p.q = kernel::row_reader(Q);
        p.k = kernel::row_reader(K);
        check_mods(mask_, score_mod_, p);
    }

    /// Whether a row of a head sees a key.
    bool sees(index_t b_, index_t h_, index_t row, index_t key) const {
        return key < p_.kv_len(b_) && evaluate(mask_, point{b_, h_, row + p_.q_offset, key});
    }
    /// Writes a row's weights, [kv_len of b_], and gives its log-sum-exp.
    Real weigh(index_t b_, index_t h_, index_t row, Real* weights) {
        const index_t keys = p_.kv_len(b_), kv_head = h_ / p_.group(), position = row + p_.q_offset;
        for (index_t key = 0; key < keys; ++key) {
            weights[key] = -std::numeric_limits<Real>::infinity();
            if (!sees(b_, h_, row, key)) continue;
            Real dot = 0;
            for (index_t c = 0; c < Q_.head_dim(); ++c)
                dot += static_cast<Real>(Q_.row(b_, h_, row)[c]) * static_cast<Real>(K_.row(b_, kv_head, key)[c]);
            weights[key] = dot * static_cast<Real>(p_.scale);
            if constexpr (!std::same_as<score_mod_t, placeholder<axes::score>>)
                weights[key] = static_cast<Real>(
                    evaluate(score_mod_, point{b_, h_, position, key, static_cast<float>(weights[key])}));
        }
        const Real lse = softmax_row(weights, keys, p_.softmax, h_);
        if (lse == -std::numeric_limits<Real>::infinity() && !first_empty_) first_empty_ = {b_, h_, row};
        const dropout_options& dropout = p_.softmax.dropout;
        for (index_t key = 0; key < keys && dropout.active(); ++key)
            weights[key] = dropout.keeps(b_, h_, position, key)
                             ? weights[key] * static_cast<Real>(dropout.kept_factor())
                             : Real(0);
        return lse;
    }

    /// To be called when all rows are done: throws where one had no weight and the call forbids it.
    void finish() const {
        if (first_empty_ && p_.softmax.policy == empty_rows::error) std::apply(fail_empty_row, *first_empty_);
    }

private:
    using score_mod_t = std::remove_cvref_t<decltype(as_score_mod(std::declval<const S&>()))>;
    const kernel::problem& p_;
    const tensor_view<const float>&Q_, &K_;
    const mask_t<M> mask_;
    const score_mod_t score_mod_;
    std::optional<std::array<index_t, 3>> first_empty_;
};

/// Attention by its definition: with the weights of all rows of a head at once, or row by row.
template <class Real, bool whole_head, class M, class S>
void plain_attention(const tensor_view<const float>& Q, const tensor_view<const float>& K,
                     const tensor_view<const float>& V, const tensor_view<float>& O, const M& mask_mod,
                     const S& score_mod, const attention_options& options) {
    kernel::problem p = checked_problem(facts("Q", Q), facts("K", K), facts("V", V), O, options);
    definition<Real, M, S> call(p, Q, K, mask_mod, score_mod);
    const index_t step = whole_head ? std::max<index_t>(Q.len(), 1) : 1;
    std::vector<Real> weights(static_cast<std::size_t>(step * K.len()));
    for (index_t b_ = 0; b_ < Q.batch(); ++b_)
        for (index_t h_ = 0; h_ < Q.heads(); ++h_)
            for (index_t begin = 0; begin < Q.len(); begin += step) {
                const index_t end = std::min(begin + step, Q.len()), kv_head = h_ / p.group();
                const auto of_row = [&](index_t row) { return weights.data() + (row - begin) * K.len(); };
                for (index_t row = begin; row < end; ++row) {
                    const Real lse = call.weigh(b_, h_, row, of_row(row));
                    if (p.lse.data)
                        p.lse.data[b_ * p.lse.strides[0] + h_ * p.lse.strides[1] + row * p.lse.strides[2]] =
                            static_cast<float>(lse);
                }
                for (index_t row = begin; row < end; ++row)
                    for (index_t c = 0; c < V.head_dim(); ++c) {
                        Real sum = 0;
                        for (index_t key = 0; key < p.kv_len(b_); ++key)
                            if (const Real w = of_row(row)[key]; w != 0 || call.sees(b_, h_, row, key))  // 0 * NaN
                                sum += w * static_cast<Real>(V.row(b_, kv_head, key)[c]);
                        O.row(b_, h_, row)[c] = static_cast<float>(sum);
                    }
            }
    call.finish();
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

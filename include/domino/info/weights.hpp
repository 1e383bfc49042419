// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention weights of one head, written out, for those who want to see them.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "domino/attention_fn.hpp"
#include "domino/info/visualize.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// The scores of (b, h) after scale, score mod and mask as float64 weights, [q_len, kv_len] in row-major order, and
/// whether a pair is hidden.
struct head_weights {
    std::vector<double> weights;
    std::vector<char> hidden;
};

template <class M, class S>
head_weights weights_of_head(const tensor_view<const float>& Q, const tensor_view<const float>& K, index_t b_,
                             index_t h_, const M& mask_expression, const S& score_expression,
                             attention_options options) {
    std::vector<float> no_values;
    options.lse = {};
    options.workspace = {};
    const tensor_view<const float> V{K.data, {K.batch(), K.heads(), K.len(), 1}, K.strides};
    check_tensor("Q", Q);
    no_values.resize(static_cast<std::size_t>(Q.batch() * Q.heads() * Q.len()));
    const tensor_view<float> O = bhsd(no_values.data(), Q.batch(), Q.heads(), Q.len(), 1);
    kernel::problem p = checked_problem(facts("Q", Q), facts("K", K), facts("V", V), O, options);
    p.q = kernel::row_reader(Q);
    p.k = kernel::row_reader(K);
    if (b_ < 0 || b_ >= Q.batch() || h_ < 0 || h_ >= Q.heads())
        fail("attention_weights", "b and h within Q's batch and heads",
             "(" + std::to_string(b_) + ", " + std::to_string(h_) + ")");
    const tile all{{0, Q.batch()}, {0, Q.heads()}, {p.q_offset, p.q_offset + Q.len()}, {0, K.len()}};
    inspect(mask_expression, all);
    inspect(score_expression, all);

    const index_t keys = p.kv_len(b_), group = h_ / p.group();
    const auto size = static_cast<std::size_t>(checked_product("attention_weights", {Q.len(), K.len()}));
    head_weights out{std::vector<double>(size), std::vector<char>(size, 1)};
    for (index_t row = 0; row < Q.len(); ++row) {
        double* weights = out.weights.data() + row * K.len();
        char* hidden = out.hidden.data() + row * K.len();
        for (index_t key = 0; key < keys; ++key) {
            point at{b_, h_, row + p.q_offset, key};
            hidden[key] = !evaluate(mask_expression, at);
            weights[key] = -std::numeric_limits<double>::infinity();
            if (hidden[key]) continue;
            double dot = 0;
            for (index_t c = 0; c < Q.head_dim(); ++c)
                dot += double(Q.row(b_, h_, row)[c]) * double(K.row(b_, group, key)[c]);
            weights[key] = dot * double(p.scale);
            if constexpr (!std::same_as<S, placeholder<axes::score>>) {
                at.score = static_cast<float>(weights[key]);
                weights[key] = static_cast<double>(evaluate(score_expression, at));
            }
        }
        softmax_row(weights, keys, p.tail, b_, h_, row);
        for (index_t key = 0; key < keys && options.dropout.active(); ++key)
            weights[key] *= options.dropout.keeps(b_, h_, row + p.q_offset, key)
                              ? static_cast<double>(options.dropout.kept_factor())
                              : 0.0;
    }
    return out;
}

}  // namespace detail

/// What one head's values are multiplied by: softmax(mask(score_mod(scale * Q K^T))) of batch entry b and query head h in
/// float64, [q_len, kv_len] in row-major order; score mods are float32, as they are defined. The tensors, the mask, the
/// score mod and the options mean what they mean to `attention`, and the same wrong calls throw: a row's weights sum to 1
/// without sinks and dropout, to 0 where the row sees nothing.
template <MaskMod M = decltype(full), ScoreMod S = decltype(score)>
std::vector<double> attention_weights(const tensor_view<const float>& Q, const tensor_view<const float>& K, index_t b_,
                                      index_t h_, const M& mask_mod = full, const S& score_mod = score,
                                      const attention_options& options = {}) {
    return detail::weights_of_head(Q, K, b_, h_, mask(mask_mod), score_change(score_mod), options).weights;
}

/// A head's weights as a heat map, from 0 to the largest; of larger matrices a block's mean over what is visible. Hidden
/// pairs are blank, unless options.empty_rows gives them weight. Batch entry and head are those of the picture's options.
template <MaskMod M = decltype(full), ScoreMod S = decltype(score)>
picture draw_weights(const tensor_view<const float>& Q, const tensor_view<const float>& K, const M& mask_mod = full,
                     const S& score_mod = score, const attention_options& options = {},
                     const picture_options& look = {}) {
    const auto& mask_expression = mask(mask_mod);
    const auto& score_expression = score_change(score_mod);
    const auto [weights, hidden] =
        detail::weights_of_head(Q, K, look.b, look.h, mask_expression, score_expression, options);
    const detail::picture_cells cells({Q.batch(), Q.heads(), Q.len(), K.len()}, look);
    const auto value = [&, &w = weights, &off = hidden](index_t row, index_t key) {
        const auto i = static_cast<std::size_t>(row * K.len() + key);
        return off[i] && w[i] == 0 ? std::numeric_limits<double>::quiet_NaN() : w[i];
    };
    return detail::picture_of_values("weights of " + to_string(score_expression) + " under " +
                                         to_string(mask_expression) + cells.note("the mean of "),
                                     cells.rows, cells.columns, cells.means(value), 0, "hidden, or NaN");
}

}  // namespace domino::inline DOMINO_ARCH

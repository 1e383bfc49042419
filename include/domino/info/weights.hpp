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

/// See attention_weights; calls visit(call, weights) with the call's definition as well.
template <class M, class S, class Visit>
auto with_weights_of_head(const tensor_view<const float>& Q, const tensor_view<const float>& K, index_t b_, index_t h_,
                          const M& mask_mod, const S& score_mod, attention_options options, Visit visit) {
    options.lse = {};
    options.workspace = {};
    check_tensor("Q", Q);
    // stand-ins that are checked and not touched
    const tensor_view<const float> V{K.data, {K.batch(), K.heads(), K.len(), 1}, K.strides};
    std::vector<float> no_output(static_cast<std::size_t>(Q.batch() * Q.heads() * Q.len()));
    const tensor_view<float> O = bhsd(no_output.data(), Q.batch(), Q.heads(), Q.len(), 1);
    kernel::problem p = checked_problem(facts("Q", Q), facts("K", K), facts("V", V), O, options);
    if (b_ < 0 || b_ >= Q.batch() || h_ < 0 || h_ >= Q.heads())
        fail("attention_weights", "b and h within Q's batch and heads",
             "(" + std::to_string(b_) + ", " + std::to_string(h_) + ")");
    definition<double, M, S> call(p, Q, K, mask_mod, score_mod);
    std::vector<double> weights(static_cast<std::size_t>(checked_product("attention_weights", {Q.len(), K.len()})));
    for (index_t row = 0; row < Q.len(); ++row) call.weigh(b_, h_, row, weights.data() + row * K.len());
    call.finish();
    return visit(call, std::move(weights));
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
    return detail::with_weights_of_head(Q, K, b_, h_, mask_mod, score_mod, options,
                                        [](const auto&, std::vector<double> weights) { return weights; });
}

/// A head's weights as a heat map, from 0 to the largest; of larger matrices a block's mean over what is visible. Hidden
/// pairs are blank, unless options.empty_rows gives them weight. Batch entry and head are those of the picture's options.
template <MaskMod M = decltype(full), ScoreMod S = decltype(score)>
picture draw_weights(const tensor_view<const float>& Q, const tensor_view<const float>& K, const M& mask_mod = full,
                     const S& score_mod = score, const attention_options& options = {},
                     const picture_options& look = {}) {
    const detail::picture_cells cells({Q.batch(), Q.heads(), Q.len(), K.len()}, look);
    return detail::with_weights_of_head(
        Q, K, look.b, look.h, mask_mod, score_mod, options, [&](const auto& call, const std::vector<double>& weights) {
            const auto value = [&](index_t row, index_t key) {
                const double weight = weights[static_cast<std::size_t>(row * K.len() + key)];
                return weight == 0 && !call.sees(look.b, look.h, row, key) ? std::numeric_limits<double>::quiet_NaN()
                                                                           : weight;
            };
            return detail::picture_of_values("weights of " + to_string(as_score_mod(score_mod)) + " under " +
                                                 to_string(as_mask(mask_mod)) + cells.note("the mean of "),
                                             cells.rows, cells.columns, cells.means(value), 0, "hidden, or NaN");
        });
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention layer of Llama and Gemma on Eigen, with a KV cache and without.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "domino/attention.hpp"
#include "domino/cache/linear.hpp"
#include "domino/kernel/any_mask.hpp"
#include "domino/layer/rope.hpp"
#include "domino/mask/window.hpp"
#include "domino/score/softcap.hpp"

namespace domino::inline DOMINO_ARCH {

/// Activations [tokens, width], and weights [out, in] as checkpoints store them; a layer only refers to its weights.
using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using matrix_ref = Eigen::Ref<const matrix>;
using weight_matrix = Eigen::Map<const matrix>;

/// x W^T + bias, x [tokens, in], W [out, in]. A few tokens go through each stretch of W while it lies in cache, for such a
/// product is as fast as W is read, and each gets the bits it would get alone; many are a matrix product.
/// Throws where the widths differ.
inline matrix linear(const matrix_ref& x, const weight_matrix& w, std::span<const float> bias = {}) {
    constexpr index_t few_tokens = 16, stretch = 16;
    if (x.cols() != w.cols()) detail::fail("linear: x", "width " + std::to_string(w.cols()), std::to_string(x.cols()));
    if (!bias.empty() && std::ssize(bias) != w.rows())
        detail::fail("linear: bias", std::to_string(w.rows()) + " numbers", std::to_string(bias.size()));
    matrix y(x.rows(), w.rows());
    if (x.rows() > few_tokens) y.noalias() = x * w.transpose();
    else
        for (index_t first = 0; first < w.rows(); first += stretch) {
            const index_t count = std::min(stretch, w.rows() - first);
            for (index_t i = 0; i < x.rows(); ++i)
                y.row(i).segment(first, count).transpose().noalias() =
                    w.middleRows(first, count) * x.row(i).transpose();
        }
    if (!bias.empty())
        y.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(bias.data(), static_cast<Eigen::Index>(bias.size()));
    return y;
}

/// What a layer does; see transformer_config for models.
struct attention_config {
    index_t width = 0, heads = 1, kv_heads = 1, head_dim = 0;
    std::optional<float> query_scale = {};  ///< of the dot products; 1 / sqrt(head_dim) where not given
    std::optional<rope> rotary = rope{};
    float norm_epsilon = 1e-6f;  ///< of the q and k norms, which a layer has where it has their weights
    float softcap = 0;           ///< scores become softcap * tanh(score / softcap); 0: they stay
    index_t window = 0;          ///< keys that a query sees, its own among them; 0: all before it
    bool is_causal = true;       ///< false: an encoder, whose every token sees every other
};

/// Its matrices and vectors, not owned.
struct layer_weights {
    weight_matrix q{nullptr, 0, 0}, k{nullptr, 0, 0}, v{nullptr, 0, 0};  ///< [heads * head_dim, width]
    weight_matrix o{nullptr, 0, 0};                                      ///< [width, heads * head_dim]
    std::span<const float> q_norm = {}, k_norm = {};                     ///< [head_dim], or none
    std::span<const float> q_bias = {}, k_bias = {}, v_bias = {}, o_bias = {};
};

/// One layer: projections, [q and k norm], RoPE, attention with [softcap and] a mask by positions, output projection.
/// Query head i uses KV head i / (heads / kv_heads). Tokens are rows [batch * len, width], in the order of the
/// positions [batch, len]; a token with a negative position is padding, which nothing sees and which sees nothing.
///
///     layer(x, batch, positions)                                    // every token sees the ones before it in x
///     cache.extend(positions);                                      // once for all layers
///     layer(x, positions, cache, i)                                 // and those in the cache
///
/// (penzai's llama-like builder: Gemma 1, 2, 3, Llama, Mistral; GemmaAttention)
class attention_layer {
public:
    /// Throws where the weights do not fit the configuration.
    attention_layer(const attention_config& config, const layer_weights& weights) : config_(config), weights_(weights) {
        const auto& c = config_;
        detail::at_least(1, c.width, "config.width");
        detail::at_least(1, c.head_dim, "config.head_dim");
        detail::at_least(1, c.kv_heads, "config.kv_heads");
        detail::at_least(0, c.window, "config.window");
        if (c.heads < 1 || c.heads % c.kv_heads != 0)
            detail::fail("config.heads", "a multiple of the " + std::to_string(c.kv_heads) + " KV heads",
                         std::to_string(c.heads));
        if (c.window > 0 && !c.is_causal)
            detail::fail("config.window", "0 where not causal (hand the layer a mask, such as within(n))",
                         std::to_string(c.window));
        if (!(c.softcap >= 0)) detail::fail("config.softcap", "0 or a positive number", std::to_string(c.softcap));
        if (c.softcap > 0) domino::softcap(c.softcap);  // throws where it is out of range
        if (c.query_scale && !std::isfinite(*c.query_scale))
            detail::fail("config.query_scale", "a finite factor", std::to_string(*c.query_scale));
        if (!(c.norm_epsilon >= 0 && std::isfinite(c.norm_epsilon)))
            detail::fail("config.norm_epsilon", "a finite number, not negative", std::to_string(c.norm_epsilon));
        if (c.rotary) rotation_.emplace(*c.rotary, c.head_dim);
        check("weights.q", weights.q, c.heads * c.head_dim, c.width);
        check("weights.k", weights.k, c.kv_heads * c.head_dim, c.width);
        check("weights.v", weights.v, c.kv_heads * c.head_dim, c.width);
        check("weights.o", weights.o, c.width, c.heads * c.head_dim);
        check("weights.q_norm", weights.q_norm, c.head_dim);
        check("weights.k_norm", weights.k_norm, c.head_dim);
        check("weights.q_bias", weights.q_bias, c.heads * c.head_dim);
        check("weights.k_bias", weights.k_bias, c.kv_heads * c.head_dim);
        check("weights.v_bias", weights.v_bias, c.kv_heads * c.head_dim);
        check("weights.o_bias", weights.o_bias, c.width);
    }

    const attention_config& config() const { return config_; }
    const layer_weights& weights() const { return weights_; }

    /// The layer's mask by positions: causal, in the window, and never an empty cell.
    any_mask mask(const table_view<position_t, 2>& q_pos, const table_view<position_t, 2>& kv_pos) const {
        if (!config_.is_causal) return q_pos(b, q) >= 0 && kv_pos(b, kv) >= 0;
        if (config_.window == 0) return causal_by_position(q_pos, kv_pos);
        return last_n_by_position(config_.window, q_pos, kv_pos);
    }

    /// Queries, keys and values [batch * len, heads * head_dim], normed and turned, as attention and a cache take them.
    struct projected {
        matrix q, k, v;
    };
    projected project(const matrix_ref& x, std::span<const position_t> positions) const {
        if (x.cols() != config_.width)
            detail::fail("x", "width " + std::to_string(config_.width), std::to_string(x.cols()));
        if (x.rows() != std::ssize(positions))
            detail::fail("positions", "one for each of the " + std::to_string(x.rows()) + " tokens",
                         std::to_string(positions.size()));
        projected p{linear(x, weights_.q, weights_.q_bias), linear(x, weights_.k, weights_.k_bias),
                    linear(x, weights_.v, weights_.v_bias)};
        place(p.q, config_.heads, weights_.q_norm, positions);
        place(p.k, config_.kv_heads, weights_.k_norm, positions);
        return p;
    }
    /// Attention of queries [batch * len, heads * head_dim] over keys and values.
    template <RowSource Keys, RowSource Values, MaskMod M>
    matrix attend(const matrix& queries, const Keys& keys, const Values& values, const M& mask_mod,
                  const attention_options& given = {}) const {
        check_width("queries", queries, config_.heads);
        const index_t batch = keys.batch(), len = tokens_each(batch, queries.rows());
        matrix out(queries.rows(), config_.heads * config_.head_dim);
        const auto Q = bshd(queries.data(), batch, config_.heads, len, config_.head_dim);
        const auto O = bshd(out.data(), batch, config_.heads, len, config_.head_dim);
        attention_options options = given;
        if (!options.scale) options.scale = config_.query_scale;
        if (config_.softcap > 0) attention(Q, keys, values, O, mask_mod, domino::softcap(config_.softcap), options);
        else attention(Q, keys, values, O, mask_mod, score, options);
        return out;
    }
    /// The output projection.
    matrix output(const matrix_ref& heads) const { return linear(heads, weights_.o, weights_.o_bias); }

    /// Without a cache: x [batch * len, width] and positions [batch, len] are all there is.
    matrix operator()(const matrix_ref& x, index_t batch, std::span<const position_t> positions) const {
        const auto table = table_of(positions, batch);
        return (*this)(x, batch, positions, mask(table, table));
    }
    /// The same with a mask of the caller's, over token numbers.
    template <MaskMod M>
    matrix operator()(const matrix_ref& x, index_t batch, std::span<const position_t> positions,
                      const M& mask_mod) const {
        const projected p = project(x, positions);
        const auto source = [&](const matrix& m) -> tensor_view<const float> {
            return bshd(m.data(), batch, config_.kv_heads, tokens_each(batch, m.rows()), config_.head_dim);
        };
        return output(attend(p.q, source(p.k), source(p.v), mask_mod));
    }

    /// With a cache, whose extend() has made room for these tokens: stores their keys and values as `layer`, and attends
    /// to all that the cache holds. (Makes the mask's tables each time: a model of many layers makes one mask() for all.)
    template <KvCache Cache>
    matrix operator()(const matrix_ref& x, std::span<const position_t> positions, Cache& cache, index_t layer) const {
        return (*this)(x, positions, cache, layer, mask(table_of(positions, cache.batch()), cache.positions()));
    }
    /// The same with a mask of the caller's, over token numbers and cells.
    template <KvCache Cache, MaskMod M>
    matrix operator()(const matrix_ref& x, std::span<const position_t> positions, Cache& cache, index_t layer,
                      const M& mask_mod) const {
        const projected p = project(x, positions);
        store(p, cache, layer);
        return output(attend(p.q, cache.keys(layer), cache.values(layer), mask_mod));
    }
    /// Stores what was projected of the tokens for which the cache was extended last.
    template <KvCache Cache>
    void store(const projected& p, Cache& cache, index_t layer) const {
        check_width("keys", p.k, config_.kv_heads);
        check_width("values", p.v, config_.kv_heads);
        if (p.v.rows() != p.k.rows())
            detail::fail("values", std::to_string(p.k.rows()) + " tokens", std::to_string(p.v.rows()));
        const index_t batch = cache.batch(), len = tokens_each(batch, p.k.rows());
        cache.store(layer, bshd(p.k.data(), batch, config_.kv_heads, len, config_.head_dim),
                    bshd(p.v.data(), batch, config_.kv_heads, len, config_.head_dim));
    }

    /// Positions [batch, len] as a table.
    static table_view<position_t, 2> table_of(std::span<const position_t> positions, index_t batch) {
        return table(positions.data(), batch, tokens_each(batch, std::ssize(positions)), "q_position");
    }
    /// The tokens of each of `batch` sequences. Throws where they are not equally many.
    static index_t tokens_each(index_t batch, index_t tokens) {
        if (batch < 0 || (batch == 0 ? tokens != 0 : tokens % batch != 0))
            detail::fail("batch", "a divisor of the " + std::to_string(tokens) + " tokens", std::to_string(batch));
        return batch == 0 ? 0 : tokens / batch;
    }

private:
    void check_width(const char* argument, const matrix& x, index_t heads) const {
        if (x.cols() != heads * config_.head_dim)
            detail::fail(argument, "width " + std::to_string(heads * config_.head_dim), std::to_string(x.cols()));
    }
    static void check(const char* argument, const weight_matrix& w, index_t rows, index_t columns) {
        if (w.rows() != rows || w.cols() != columns || !w.data())
            detail::fail(argument, std::to_string(rows) + " x " + std::to_string(columns),
                         std::to_string(w.rows()) + " x " + std::to_string(w.cols()));
    }
    static void check(const char* argument, std::span<const float> w, index_t size) {
        if (!w.empty() && std::ssize(w) != size)
            detail::fail(argument, std::to_string(size) + " numbers", std::to_string(w.size()));
    }
    /// Norms and turns the heads of each token.
    void place(matrix& x, index_t heads, std::span<const float> norm, std::span<const position_t> positions) const {
        std::optional<rotation> turn = rotation_;
        for (index_t row = 0; row < x.rows(); ++row) {
            float* token = x.row(row).data();
            for (index_t h_ = 0; h_ < heads && !norm.empty(); ++h_) {
                float* head = token + h_ * config_.head_dim;
                rms_norm(head, norm, config_.norm_epsilon, head);
            }
            if (turn) turn->apply(token, heads, config_.head_dim, positions[static_cast<std::size_t>(row)]);
        }
    }

    attention_config config_;
    layer_weights weights_;
    std::optional<rotation> rotation_;
};

/// A layer with a linear cache of its own.
///
///     auto cached = kv_caching_attention<float16>::from_uncached(layer, cache_len, batch);
///     cached(prompt, positions);  cached(next, next_positions);     // = layer on all tokens, the last rows
///
/// (penzai KVCachingAttention, GemmaKVCachingAttention. The end index advances by itself, positions tell the mask which
/// cells are filled, and a full cache is an error.)
template <Element T = float>
class kv_caching_attention {
public:
    /// The layer's configuration and weights, which are shared; cache_len tokens for each of `batch` entries, stored
    /// as T. (penzai's cached_axes {batch, num_kv_heads, head_dim} follow from these; its cache_dtype is T.)
    static kv_caching_attention from_uncached(const attention_layer& original, index_t cache_len, index_t batch = 1) {
        return {original, cache_len, batch};
    }

    /// x [batch * len, width] and positions [batch, len] of the next tokens; entry b has the first counts[b] (without
    /// counts: all).
    matrix operator()(const matrix_ref& x, std::span<const position_t> positions,
                      std::span<const index_t> counts = {}) {
        if (x.rows() != std::ssize(positions) || x.cols() != layer_.config().width)
            detail::fail("x",
                         std::to_string(positions.size()) + " tokens of width " + std::to_string(layer_.config().width),
                         std::to_string(x.rows()) + " x " + std::to_string(x.cols()));
        cache_.extend(positions, counts);
        return layer_(x, positions, cache_, 0);
    }

    linear_cache<T>& cache() { return cache_; }
    const attention_layer& uncached() const { return layer_; }

private:
    kv_caching_attention(const attention_layer& original, index_t cache_len, index_t batch)
        : layer_(original),
          cache_({.batch = batch,
                  .heads = original.config().kv_heads,
                  .cells = cache_len,
                  .head_dim = original.config().head_dim}) {}

    attention_layer layer_;
    linear_cache<T> cache_;
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An attention layer in float64, written from the formulas, and random small layers to hold against it. Of Domino only
// the configuration is read.
#pragma once

#include <domino/compiled_elsewhere.hpp>
#include <domino/layer/configurations.hpp>

#include <cmath>
#include <vector>

#include "inputs.hpp"

namespace layer_model {

using domino::index_t;
using domino::position_t;

inline std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Random weights for a configuration.
struct weights {
    std::vector<float> q, k, v, o, q_norm, k_norm, q_bias, k_bias, v_bias, o_bias;
    domino::attention_config config;

    weights(const domino::attention_config& c, bool norms, bool biases, inputs::random& r) : config(c) {
        const auto fill = [&](std::vector<float>& x, index_t n, double sigma, double mean = 0) {
            for (index_t i = 0; i < n; ++i) x.push_back(static_cast<float>(mean + sigma * r.normal()));
        };
        const double in = 1.5 / std::sqrt(double(c.width));
        fill(q, c.heads * c.head_dim * c.width, in), fill(k, c.kv_heads * c.head_dim * c.width, in);
        fill(v, c.kv_heads * c.head_dim * c.width, in), fill(o, c.heads * c.head_dim * c.width, in);
        if (norms) fill(q_norm, c.head_dim, 0.3, 1), fill(k_norm, c.head_dim, 0.3, 1);
        if (biases)
            fill(q_bias, c.heads * c.head_dim, 1), fill(k_bias, c.kv_heads * c.head_dim, 1),
                fill(v_bias, c.kv_heads * c.head_dim, 1), fill(o_bias, c.width, 1);
    }
    domino::layer_weights view() const {
        const index_t heads = config.heads * config.head_dim, kv_heads = config.kv_heads * config.head_dim;
        return {{q.data(), heads, config.width},
                {k.data(), kv_heads, config.width},
                {v.data(), kv_heads, config.width},
                {o.data(), config.width, heads},
                q_norm,
                k_norm,
                q_bias,
                k_bias,
                v_bias,
                o_bias};
    }
};

inline domino::matrix random_tokens(index_t tokens, index_t width, inputs::random& r) {
    domino::matrix x(tokens, width);
    for (index_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(r.normal());
    return x;
}

using numbers = std::vector<double>;

/// Projects one token, norms and turns each head.
inline numbers project(const float* x, const std::vector<float>& w, const std::vector<float>& bias,
                       const std::vector<float>& norm, bool turned, index_t heads, position_t position,
                       const domino::attention_config& c) {
    numbers y(at(heads * c.head_dim));
    for (index_t i = 0; i < heads * c.head_dim; ++i) {
        y[at(i)] = bias.empty() ? 0 : double(bias[at(i)]);
        for (index_t j = 0; j < c.width; ++j) y[at(i)] += double(w[at(i * c.width + j)]) * double(x[j]);
    }
    for (index_t h = 0; h < heads; ++h) {
        double* head = y.data() + h * c.head_dim;
        if (!norm.empty()) {
            double mean = 0;
            for (index_t i = 0; i < c.head_dim; ++i) mean += head[i] * head[i] / double(c.head_dim);
            for (index_t i = 0; i < c.head_dim; ++i)
                head[i] *= double(norm[at(i)]) / std::sqrt(mean + double(c.norm_epsilon));
        }
        if (turned && c.rotary) {
            const index_t dims = c.rotary->channels ? c.rotary->channels : c.head_dim;
            for (index_t i = 0; i < dims / 2; ++i) {
                const double angle = double(position) / double(c.rotary->scale) /
                                     std::pow(double(c.rotary->wavelength), 2.0 * double(i) / double(dims));
                const double a = head[i], d = head[i + dims / 2];
                head[i] = a * std::cos(angle) - d * std::sin(angle);
                head[i + dims / 2] = d * std::cos(angle) + a * std::sin(angle);
            }
        }
    }
    return y;
}

/// The uncached layer over one sequence: [tokens, width]. A row that sees nothing is the output's bias alone.
inline std::vector<numbers> run(const weights& w, const domino::matrix& x, const std::vector<position_t>& positions) {
    const domino::attention_config& c = w.config;
    const index_t n = x.rows();
    std::vector<numbers> q, k, v, out;
    for (index_t i = 0; i < n; ++i) {
        const float* token = x.row(i).data();
        const position_t p = positions[at(i)];
        q.push_back(project(token, w.q, w.q_bias, w.q_norm, true, c.heads, p, c));
        k.push_back(project(token, w.k, w.k_bias, w.k_norm, true, c.kv_heads, p, c));
        v.push_back(project(token, w.v, w.v_bias, {}, false, c.kv_heads, p, c));
    }
    for (index_t i = 0; i < n; ++i) {
        numbers heads(at(c.heads * c.head_dim)), y(at(c.width));
        for (index_t h = 0; h < c.heads; ++h) {
            const index_t group = h / (c.heads / c.kv_heads);
            numbers weight(at(n));
            double sum = 0;
            for (index_t j = 0; j < n; ++j) {
                const position_t qp = positions[at(i)], kp = positions[at(j)];
                const bool seen =
                    c.is_causal ? kp >= 0 && kp <= qp && (c.window == 0 || qp - kp < c.window) : kp >= 0 && qp >= 0;
                if (!seen) continue;
                double score = 0;
                for (index_t e = 0; e < c.head_dim; ++e)
                    score += q[at(i)][at(h * c.head_dim + e)] * k[at(j)][at(group * c.head_dim + e)];
                score *= c.query_scale ? double(*c.query_scale) : 1 / std::sqrt(double(c.head_dim));
                if (c.softcap > 0) score = double(c.softcap) * std::tanh(score / double(c.softcap));
                sum += weight[at(j)] = std::exp(score);
            }
            for (index_t j = 0; j < n && sum > 0; ++j)
                for (index_t e = 0; e < c.head_dim; ++e)
                    heads[at(h * c.head_dim + e)] += weight[at(j)] / sum * v[at(j)][at(group * c.head_dim + e)];
        }
        for (index_t r = 0; r < c.width; ++r) {
            y[at(r)] = w.o_bias.empty() ? 0 : double(w.o_bias[at(r)]);
            for (index_t e = 0; e < c.heads * c.head_dim; ++e)
                y[at(r)] += double(w.o[at(r * c.heads * c.head_dim + e)]) * heads[at(e)];
        }
        out.push_back(y);
    }
    return out;
}

/// Layers of every kind, small: Llama, Gemma 1, 2 and 3, an encoder, part of the channels turned.
inline std::vector<weights> layers(inputs::random& r) {
    const auto config = [](const domino::transformer_config& c, index_t layer, index_t heads, index_t kv_heads) {
        domino::attention_config a = c.attention(layer);
        a.width = 24, a.heads = heads, a.kv_heads = kv_heads, a.head_dim = 8;
        if (a.window) a.window = 5;
        return a;
    };
    const auto named = [](const char* name) { return domino::model_named(name); };
    domino::attention_config encoder{
        .width = 24, .heads = 4, .kv_heads = 4, .head_dim = 6, .rotary = {}, .is_causal = false};
    domino::attention_config partial{
        .width = 24, .heads = 2, .kv_heads = 1, .head_dim = 10, .rotary = domino::rope{50, 2, 4}};
    std::vector<weights> all;
    all.emplace_back(config(named("smollm2_135m"), 0, 9, 3), false, false, r);
    all.emplace_back(config(named("gemma_2b"), 0, 8, 1), false, false, r);
    all.emplace_back(config(named("gemma_7b"), 1, 4, 4), false, false, r);
    all.emplace_back(config(named("gemma2_27b"), 0, 6, 3), false, false, r);  // local
    all.emplace_back(config(named("gemma2_27b"), 1, 6, 3), false, false, r);  // global
    all.back().config.softcap = all[3].config.softcap = 3;                    // where it bends
    all.emplace_back(config(named("gemma3_270m"), 4, 4, 1), true, false, r);  // local
    all.emplace_back(config(named("gemma3_4b"), 5, 4, 2), true, false, r);    // global
    all.emplace_back(partial, false, true, r);
    all.emplace_back(encoder, false, true, r);
    return all;
}

}  // namespace layer_model

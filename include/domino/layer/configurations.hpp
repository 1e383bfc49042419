// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Models as data: Gemma 1, 2 and 3, and Llama.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "domino/layer/attention_layer.hpp"

namespace domino::inline DOMINO_ARCH {

/// What the gate of a gated feed-forward passes through: gelu_tanh(x) = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), and
/// silu(x) = x / (1 + e^-x).
enum class gate_activation { gelu_tanh, silu };

/// A decoder: what its layers have in common, and what alternates.
struct transformer_config {
    std::string_view name;
    index_t layers, width, heads, kv_heads, head_dim, hidden, vocabulary;
    float norm_epsilon = 1e-6f;
    gate_activation gate = gate_activation::gelu_tanh;
    bool has_post_norms = false;   ///< RMS norms after attention and after the feed-forward block as well
    bool has_qk_norm = false;      ///< RMS norms of queries and keys
    bool scales_embedding = true;  ///< embeddings times sqrt(width)
    float query_scale = 0;         ///< 0: 1 / sqrt(head_dim)
    float softcap = 0;             ///< of attention's scores
    float final_softcap = 0;       ///< of the logits
    /// Layer i is local unless (i + 1) % period == 0. 1: all are global.
    index_t period = 1;
    index_t window = 0;  ///< of local layers
    rope local_rope = {}, global_rope = {};

    constexpr bool is_local(index_t layer) const { return (layer + 1) % period != 0; }

    /// One layer's attention.
    attention_config attention(index_t layer) const {
        attention_config c{.width = width, .heads = heads, .kv_heads = kv_heads, .head_dim = head_dim};
        if (layer < 0 || layer >= layers)
            detail::fail("layer", "0 to " + std::to_string(layers - 1), std::to_string(layer));
        if (query_scale > 0) c.query_scale = query_scale;
        c.rotary = is_local(layer) ? local_rope : global_rope;
        c.norm_epsilon = norm_epsilon;
        c.softcap = softcap;
        c.window = is_local(layer) ? window : 0;
        return c;
    }
};

namespace detail {

constexpr transformer_config gemma1(std::string_view name, index_t layers, index_t width, index_t heads,
                                    index_t kv_heads, index_t hidden) {
    return {.name = name,
            .layers = layers,
            .width = width,
            .heads = heads,
            .kv_heads = kv_heads,
            .head_dim = 256,
            .hidden = hidden,
            .vocabulary = 256'000};
}
constexpr transformer_config gemma2(std::string_view name, index_t layers, index_t width, index_t heads,
                                    index_t kv_heads, index_t head_dim, index_t hidden, float query_scale = 0) {
    transformer_config c = gemma1(name, layers, width, heads, kv_heads, hidden);
    c.head_dim = head_dim;
    c.query_scale = query_scale;
    c.has_post_norms = true;
    c.softcap = 50, c.final_softcap = 30;
    c.period = 2, c.window = 4096;
    return c;
}
constexpr transformer_config gemma3(std::string_view name, index_t layers, index_t width, index_t heads,
                                    index_t kv_heads, index_t head_dim, index_t hidden, index_t window,
                                    float global_scale, float query_scale = 0) {
    transformer_config c = gemma1(name, layers, width, heads, kv_heads, hidden);
    c.head_dim = head_dim;
    c.query_scale = query_scale;
    c.has_post_norms = c.has_qk_norm = true;
    c.vocabulary = 262'144;
    c.period = 6, c.window = window;
    c.global_rope = {.wavelength = 1'000'000, .scale = global_scale};
    return c;
}
constexpr transformer_config llama(std::string_view name, index_t layers, index_t width, index_t heads,
                                   index_t kv_heads, index_t head_dim, index_t hidden, index_t vocabulary,
                                   float wavelength, float epsilon = 1e-5f) {
    return {.name = name,
            .layers = layers,
            .width = width,
            .heads = heads,
            .kv_heads = kv_heads,
            .head_dim = head_dim,
            .hidden = hidden,
            .vocabulary = vocabulary,
            .norm_epsilon = epsilon,
            .gate = gate_activation::silu,
            .scales_embedding = false,
            .global_rope = {.wavelength = wavelength}};
}

}  // namespace detail

/// layers, width, heads, KV heads, head_dim, hidden and so on as in each model's published configuration. Gemma 2 and 3
/// 27B scale queries by (width / heads)^-1/2, 1/12 and 168^-1/2.
inline constexpr std::array models{
    detail::gemma1("gemma_2b", 18, 2048, 8, 1, 16384),
    detail::gemma1("gemma_7b", 28, 3072, 16, 16, 24576),
    detail::gemma2("gemma2_2b", 26, 2304, 8, 4, 256, 9216),
    detail::gemma2("gemma2_9b", 42, 3584, 16, 8, 256, 14336),
    detail::gemma2("gemma2_27b", 46, 4608, 32, 16, 128, 36864, 1 / 12.f),
    detail::gemma3("gemma3_270m", 18, 640, 4, 1, 256, 2048, 512, 1),
    detail::gemma3("gemma3_1b", 26, 1152, 4, 1, 256, 6912, 512, 1),
    detail::gemma3("gemma3_4b", 34, 2560, 8, 4, 256, 10240, 1024, 8),
    detail::gemma3("gemma3_12b", 48, 3840, 16, 8, 256, 15360, 1024, 8),
    detail::gemma3("gemma3_27b", 62, 5376, 32, 16, 128, 21504, 1024, 8, 0.07715167498104596f),
    detail::llama("smollm2_135m", 30, 576, 9, 3, 64, 1536, 49152, 100'000),
    detail::llama("smollm2_360m", 32, 960, 15, 5, 64, 2560, 49152, 100'000),
    detail::llama("smollm2_1.7b", 24, 2048, 32, 32, 64, 8192, 49152, 130'000),
    detail::llama("tinyllama_1.1b", 22, 2048, 32, 4, 64, 5632, 32000, 10'000),
    detail::llama("llama2_7b", 32, 4096, 32, 32, 128, 11008, 32000, 10'000),
    detail::llama("llama3_8b", 32, 4096, 32, 8, 128, 14336, 128256, 500'000),
};

/// The model of that name. Throws where there is none.
inline const transformer_config& model_named(std::string_view name) {
    for (const transformer_config& c : models)
        if (c.name == name) return c;
    detail::fail("model", "a name in domino::models", std::string(name));
}

}  // namespace domino::inline DOMINO_ARCH

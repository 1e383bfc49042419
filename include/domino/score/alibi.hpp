// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ALiBi (Press et al., 2022): a penalty that grows with distance, steeper or flatter for each head.
#pragma once

#include <bit>
#include <vector>

#include "domino/error.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

// The compilers' __builtin_exp2 is std::exp2 without <cmath>, which alone would cost a fifth of all masks and scores.

/// The paper's slopes for any number of heads: m_i = 2^(-8 (i + 1) / n) where n is a power of two; otherwise those of the
/// next smaller power, then every other one of the next larger.   (attnax, Hugging Face)
inline std::vector<float> alibi_slopes(index_t num_heads) {
    detail::at_least(0, num_heads, "alibi_slopes(num_heads)");
    const auto n = static_cast<std::size_t>(num_heads);
    const std::size_t power = std::bit_floor(n);
    const auto geometric = [](std::size_t i, std::size_t of) {
        return static_cast<float>(__builtin_exp2(-8.0 * double(i + 1) / double(of)));
    };
    std::vector<float> slopes;
    for (std::size_t i = 0; i < power; ++i) slopes.push_back(geometric(i, power));
    for (std::size_t i = 0; slopes.size() < n; i += 2) slopes.push_back(geometric(i, 2 * power));
    return slopes;
}

/// Slopes in one geometric series for any number of heads: 2^(-8 (i + 1) / n).   (attention-gym; the same as alibi_slopes
/// where n is a power of two)
inline std::vector<float> alibi_slopes_geometric(index_t num_heads) {
    detail::at_least(0, num_heads, "alibi_slopes_geometric(num_heads)");
    std::vector<float> slopes;
    for (index_t i = 1; i <= num_heads; ++i)
        slopes.push_back(static_cast<float>(__builtin_exp2(-8.0 * double(i) / double(num_heads))));
    return slopes;
}

/// ggml's slopes: as alibi_slopes, with max_bias in the place of 8; all 1 where max_bias is 0, since ggml then adds its
/// mask as it is.   (ggml soft_max_ext, flash_attn_ext)
inline std::vector<float> alibi_slopes_ggml(index_t num_heads, float max_bias) {
    detail::at_least(0, num_heads, "alibi_slopes_ggml(num_heads, max_bias): num_heads");
    if (!(max_bias >= 0))
        detail::fail("alibi_slopes_ggml(num_heads, max_bias): max_bias", "0 or more", std::to_string(max_bias));
    const auto n = static_cast<std::size_t>(num_heads);
    const std::size_t power = std::bit_floor(n);
    std::vector<float> slopes;
    for (std::size_t i = 0; i < n; ++i) {
        const double steps = i < power ? double(i + 1) : double(2 * (i - power) + 1) / 2;
        slopes.push_back(static_cast<float>(__builtin_exp2(-double(max_bias) * steps / double(power))));
    }
    return slopes;
}

/// score - slopes(h) * |q - kv|: symmetric, for encoders too.   (attnax alibi_mod)
inline auto alibi(const table_view<float, 1>& slopes) { return score - slopes(h) * abs(q - kv); }

/// score + slopes(h) * (kv - q): signed; the same under a causal mask.   (attention-gym, vLLM, FlashInfer)
inline auto alibi_signed(const table_view<float, 1>& slopes) { return score + slopes(h) * (kv - q); }

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ALiBi (Press et al., 2022): a penalty that grows with distance, steeper or flatter for each head.
#pragma once

#include <bit>
#include <cmath>
#include <vector>

#include "domino/error.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// The paper's slopes for any number of heads: m_i = 2^(-8 (i + 1) / n) where n is a power of two; otherwise those of the
/// next smaller power, then every other one of the next larger.   (attnax, Hugging Face, ggml with max_bias 8)
inline std::vector<float> alibi_slopes(index_t num_heads) {
    detail::at_least(0, num_heads, "alibi_slopes(num_heads)");
    const auto n = static_cast<std::size_t>(num_heads);
    const std::size_t power = std::bit_floor(n);
    const auto geometric = [](std::size_t i, std::size_t of) {
        return static_cast<float>(std::exp2(-8.0 * double(i + 1) / double(of)));
    };
    std::vector<float> slopes;
    for (std::size_t i = 0; i < power; ++i) slopes.push_back(geometric(i, power));
    for (std::size_t i = 0; slopes.size() < n; i += 2) slopes.push_back(geometric(i, 2 * power));
    return slopes;
}

/// score - slopes(h) * |q - kv|: symmetric, for encoders too.   (attnax alibi_mod)
inline auto alibi(const table_view<float, 1>& slopes) { return score - slopes(h) * abs(q - kv); }

/// score + slopes(h) * (kv - q): signed; the same under a causal mask.   (attention-gym, vLLM, FlashInfer)
inline auto alibi_signed(const table_view<float, 1>& slopes) { return score + slopes(h) * (kv - q); }

}  // namespace domino::inline DOMINO_ARCH

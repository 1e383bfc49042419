// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A row of self-attention on one core, and the sizes it runs at.
#pragma once

#include "inputs.hpp"

namespace bench {

struct head_counts {
    index_t q = 1, kv = 1;
};

/// Self-attention; the row's arguments are head_dim and len.
template <class Mask, class Score = decltype(domino::score)>
void attention(benchmark::State& state, const Mask& mask_or_maker, const Score& score_mod = domino::score,
               head_counts heads = {}) {
    const index_t head_dim = state.range(0), len = state.range(1);
    const auto mask = mask_of(mask_or_maker, len);
    const auto q = random_floats(heads.q * len * head_dim), k = random_floats(heads.kv * len * head_dim),
               v = random_floats(heads.kv * len * head_dim);
    std::vector<float> o(q.size());
    const auto Q = domino::bhsd(q.data(), 1, heads.q, len, head_dim),
               K = domino::bhsd(k.data(), 1, heads.kv, len, head_dim),
               V = domino::bhsd(v.data(), 1, heads.kv, len, head_dim);
    const auto O = domino::bhsd(o.data(), 1, heads.q, len, head_dim);
    const index_t visible = domino::stats(mask, {1, heads.q, len, len}).visible;
    measure(state, {attention_flops(visible, head_dim)}, [&] { domino::attention(Q, K, V, O, mask, score_mod); });
}

// The lengths 2048 and 8192 run where a filter names them (main.cpp).
inline void sizes(auto* row, index_t longest_64, index_t longest_128) {
    row->ArgNames({"head_dim", "len"})->Unit(benchmark::kMillisecond);
    for (index_t len = 1024; len <= longest_64; len *= 2) row->Args({64, len});
    for (index_t len = 1024; len <= longest_128; len *= 2) row->Args({128, len});
}
inline constexpr auto sparse = [](auto* row) { sizes(row, 16384, 16384); };
inline constexpr auto dense = [](auto* row) { sizes(row, 16384, 8192); };
inline constexpr auto modified = [](auto* row) { sizes(row, 8192, 8192); };
inline constexpr auto one_size = [](auto* row) {
    row->ArgNames({"head_dim", "len"})->Unit(benchmark::kMillisecond)->Args({64, 4096});
};

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The second microkernel: a panel's output gains a tile of weighted values, O^T = O^T * shrink + V^T P^T.
#pragma once

#include "domino/kernel/shape.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Weights of -0: the mark of a masked key.
DOMINO_INLINE simd::bools is_masked(simd::floats weight) {
    return simd::to_bools(simd::bit_cast<std::int32_t>(weight) == simd::bit_cast<std::int32_t>(simd::floats(-0.f)));
}

/// The values of a tile's keys: value_dim contiguous floats a key.
struct value_rows {
    const float* first;
    index_t stride;
    index_t keys;
    index_t first_key = 0;  ///< its index, where chunks are cut
};

/// Adds the tile to `channels` channels: weights [keys, panel] times values, summed over the tile's keys apart from the
/// running output [channels, panel], which is then multiplied by `shrink` and joined. Where `skip_masked`, a weight of
/// -0 contributes nothing, whatever the value is (0 * NaN would be NaN).
template <int channels, bool skip_masked>
DOMINO_INLINE void add_channels(float* output, const float* weights, value_rows values,
                                const simd::floats (&shrink)[panel_registers]) {
    simd::floats sums[channels][panel_registers];
    simd::unroll<channels>([&](auto c) DOMINO_INLINE_LAMBDA {
        simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA { sums[c][r] = simd::floats(0.f); });
    });
    const float* value = values.first;
    DOMINO_UNROLL_LOOP
    for (index_t key = 0; key < values.keys; ++key, value += values.stride, weights += panel) {
        simd::floats rows[panel_registers];
        simd::unroll<panel_registers>(
            [&](auto r) DOMINO_INLINE_LAMBDA { rows[r] = simd::floats::load_aligned(weights + r * simd::width); });
        simd::unroll<channels>([&](auto c) DOMINO_INLINE_LAMBDA {
            const simd::floats channel(value[c]);
            simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA {
                const auto more = simd::fma(channel, rows[r], sums[c][r]);
                if constexpr (skip_masked) sums[c][r] = xsimd::select(is_masked(rows[r]), sums[c][r], more);
                else sums[c][r] = more;
            });
        });
    }
    simd::unroll<channels>([&](auto c) DOMINO_INLINE_LAMBDA {
        simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA {
            float* at = output + c * panel + r * simd::width;
            simd::fma(simd::floats::load_aligned(at), shrink[r], sums[c][r]).store_aligned(at);
        });
    });
}

/// All value_dim channels, `step` at a time, then 4, 2 and 1; over as many keys at a time as keep their values in L1.
/// Chunks are cut at multiples of values_chunk, so that a row's sums do not depend on where its tile was trimmed.
template <bool skip_masked>
inline void add_values(float* output, index_t value_dim, const float* weights, value_rows values,
                       const simd::floats (&tile_shrink)[panel_registers]) {
    simd::floats shrink[panel_registers];
    for (int r = 0; r < panel_registers; ++r) shrink[r] = tile_shrink[r];
    for (index_t key = 0, end = 0; key < values.keys; key = end) {
        end = std::min(key + values_chunk - (values.first_key + key) % values_chunk, values.keys);
        const value_rows chunk{values.first + key * values.stride, values.stride, end - key};
        index_t c = 0;
        const auto advance = [&]<int channels>(std::integral_constant<int, channels>) {
            add_channels<channels, skip_masked>(output + c * panel, weights + key * panel,
                                                {chunk.first + c, chunk.stride, chunk.keys}, shrink);
            c += channels;
        };
        while (c + step <= value_dim) advance(std::integral_constant<int, step>{});
        while (c + 4 <= value_dim) advance(std::integral_constant<int, 4>{});
        while (c + 2 <= value_dim) advance(std::integral_constant<int, 2>{});
        while (c < value_dim) advance(std::integral_constant<int, 1>{});
        for (auto& s : shrink) s = simd::floats(1.f);
    }
}

/// Whether every value is finite.
inline bool all_finite(value_rows values, index_t value_dim) {
    simd::floats poison(0.f);
    float rest = 0.f;
    for (index_t key = 0; key < values.keys; ++key) {
        const float* value = values.first + key * values.stride;
        index_t c = 0;
        for (; c + simd::width <= value_dim; c += simd::width)
            poison = simd::fma(simd::floats::load_unaligned(value + c), simd::floats(0.f), poison);
        for (; c < value_dim; ++c) rest += value[c] * 0.f;
    }
    return rest == 0.f && xsimd::all(poison == simd::floats(0.f));
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Online softmax of a register of a panel's rows, in base 2. The maximum is subtracted from the scores as they are and only the
// difference is multiplied by log2(e): large scores then lose nothing to rounding.
#pragma once

#include <algorithm>
#include <limits>

#include "domino/kernel/shape.hpp"
#include "domino/simd/exp2.hpp"
#include "domino/simd/sum.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

inline constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// What is kept of a register of rows from tile to tile: a score, within `slack` of the largest, and the sum of the weights
/// relative to it.
struct row_state {
    float* max;  ///< -inf where nothing was seen
    float* sum;
};

/// How far (in base 2) a tile's maximum may exceed `max` before it takes its place: weights stay below 2^slack, and sums are
/// rarely rescaled, which costs time and roundings.   (FlashAttention-4)
inline constexpr float slack = 4.f;

/// How a panel's scores [keys, panel] fill registers: with rows of one key, or where there are at most four rows with those of
/// several keys.
struct many_rows {
    static constexpr int keys_at_once = 1;
    static DOMINO_INLINE simd::floats load(const float* at) { return simd::floats::load_aligned(at); }
    static DOMINO_INLINE void store(simd::floats x, float* at) { x.store_aligned(at); }
    static DOMINO_INLINE simd::floats spread(simd::floats x) { return x; }
    static DOMINO_INLINE simd::floats sum(simd::floats x) { return x; }
};
struct four_rows {
    static constexpr int keys_at_once = simd::quads;
    static DOMINO_INLINE simd::floats load(const float* at) { return simd::load_quads(at, panel); }
    static DOMINO_INLINE void store(simd::floats x, float* at) { simd::store_quads(x, at, panel); }
    static DOMINO_INLINE simd::floats spread(simd::floats x) { return simd::repeat_quad(x); }
    static DOMINO_INLINE simd::floats sum(simd::floats x) { return simd::sum_quads(x); }
};

/// Turns a tile's scores [keys, panel] of a register of rows into weights 2^((score - max) * factor) in place, brings `state` up
/// to date with them, and gives the factor by which what was summed before must shrink. `tile_max` is the maximum over the
/// tile. A score of -inf gets weight 0; NaN gets NaN.
template <class Rows>
DOMINO_NOINLINE simd::floats exponentiate(float* scores, index_t keys, float log2_factor, simd::floats tile_max,
                                          row_state state) {
    const simd::floats nothing(minus_infinity), zero(0.f), factor(log2_factor);
    const simd::floats most_above(std::min(slack / log2_factor, std::numeric_limits<float>::max()));
    const auto before = simd::floats::load_aligned(state.max);
    const auto now = xsimd::select(before + most_above < tile_max, tile_max, before);
    now.store_aligned(state.max);
    // a row that has seen nothing keeps base 0: -inf - -inf would be NaN
    const auto base_of_row = xsimd::select(now == nothing, zero, now), base = Rows::spread(base_of_row);
    simd::floats shrink[1] = {(before - base_of_row) * factor};
    simd::exp2(shrink);
    shrink[0] = xsimd::select(before == nothing, simd::floats(1.f), shrink[0]);  // 0 is to stay as it is
    simd::floats sum = zero;
    const auto advance = [&]<int count>(index_t key, std::integral_constant<int, count>) DOMINO_INLINE_LAMBDA {
        const auto at = [&](auto i) { return scores + (key + i * Rows::keys_at_once) * panel; };
        simd::floats weight[count];
        simd::unroll<count>([&](auto i) DOMINO_INLINE_LAMBDA { weight[i] = (Rows::load(at(i)) - base) * factor; });
        simd::exp2(weight);
        simd::unroll<count>([&](auto i) DOMINO_INLINE_LAMBDA {
            sum = sum + weight[i];
            Rows::store(weight[i], at(i));
        });
    };
    for (index_t beyond = keys; beyond % Rows::keys_at_once != 0; ++beyond)
        std::fill_n(scores + beyond * panel, 4, minus_infinity);
    index_t key = 0;
    constexpr int together = 4, keys_together = together * Rows::keys_at_once;
    for (; key + keys_together <= keys; key += keys_together) advance(key, std::integral_constant<int, together>{});
    for (; key < keys; key += Rows::keys_at_once) advance(key, std::integral_constant<int, 1>{});
    simd::fma(simd::floats::load_aligned(state.sum), shrink[0], Rows::sum(sum)).store_aligned(state.sum);
    return shrink[0];
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

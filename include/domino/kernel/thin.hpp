// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two products for a panel of few rows (decoding, the last rows of a block): lanes run along head_dim, so that no
// lane is idle and a key is read once at the speed of memory. Scores and weights keep the layout [keys, panel].
#pragma once

#include <cmath>

#include "domino/kernel/shape.hpp"
#include "domino/kernel/source.hpp"
#include "domino/simd/transpose.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The first n lanes, 0 beyond.
DOMINO_INLINE simd::floats load_first(const float* from, index_t n) {
    alignas(64) float lanes[simd::width] = {};
    for (index_t i = 0; i < n; ++i) lanes[i] = from[i];
    return simd::floats::load_aligned(lanes);
}

/// Keys of a thin microkernel: with two rows its accumulators are 2 * thin_keys registers, beside one for a key and two
/// for the rows.
inline constexpr int thin_keys = 4;

/// Dot products of `rows` vectors with `count` keys: dots[key * panel + row].
template <int rows, int count>
DOMINO_INLINE void thin_dots_of(const float* q, index_t head_dim, float_rows k, float* dots) {
    simd::floats sums[count][rows];
    simd::unroll<count>([&](auto j) DOMINO_INLINE_LAMBDA {
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { sums[j][r] = simd::floats(0.f); });
    });
    const auto advance = [&](auto load, index_t d) DOMINO_INLINE_LAMBDA {
        simd::floats row[rows];
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { row[r] = load(q + r * head_dim + d); });
        simd::unroll<count>([&](auto j) DOMINO_INLINE_LAMBDA {
            const simd::floats key = load(k.first + j * k.stride + d);
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { sums[j][r] = simd::fma(key, row[r], sums[j][r]); });
        });
    };
    index_t d = 0;
    for (; d + simd::width <= head_dim; d += simd::width)
        advance([](const float* p) DOMINO_INLINE_LAMBDA { return simd::floats::load_unaligned(p); }, d);
    if (d < head_dim) advance([n = head_dim - d](const float* p) { return load_first(p, n); }, d);
    simd::unroll<count>([&](auto j) DOMINO_INLINE_LAMBDA {
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { dots[j * panel + r] = simd::sum(sums[j][r]); });
    });
}

/// Dot products of `rows` vectors [rows, head_dim] with `keys` keys: dots[key * panel + row].
inline void thin_dots(const float* q, index_t rows, index_t head_dim, float_rows k, index_t keys, float* dots) {
    for (index_t key = 0; key < keys;) {
        const bool four = key + thin_keys <= keys;
        const float_rows at = k.from(key);
        float* to = dots + key * panel;
        index_t row = 0;
        for (; row + 2 <= rows; row += 2)
            four ? thin_dots_of<2, thin_keys>(q + row * head_dim, head_dim, at, to + row)
                 : thin_dots_of<2, 1>(q + row * head_dim, head_dim, at, to + row);
        if (row < rows)
            four ? thin_dots_of<1, thin_keys>(q + row * head_dim, head_dim, at, to + row)
                 : thin_dots_of<1, 1>(q + row * head_dim, head_dim, at, to + row);
        key += four ? thin_keys : 1;
    }
}

/// output[row] * factor[row].
template <int R>
inline void thin_rescale(float* output, index_t rows, index_t value_dim, const simd::floats (&factor)[R]) {
    alignas(64) float factors[R * simd::width];
    for (int r = 0; r < R; ++r) factor[r].store_aligned(factors + r * simd::width);
    for (index_t row = 0; row < rows; ++row)
        if (factors[row] != 1.f)
            for (index_t c = 0; c < value_dim; ++c) output[row * value_dim + c] *= factors[row];
}

/// output[row * value_dim + c] gains the weighted values of `registers` registers of channels, summed over the keys apart.
/// Where `skip_masked`, a weight of -0 contributes nothing.
template <int rows, int registers, bool skip_masked>
DOMINO_INLINE void thin_add_channels(float* output, index_t value_dim, const float* weights, float_rows v,
                                     index_t keys) {
    simd::floats sums[rows][registers];
    simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
        simd::unroll<registers>([&](auto c) DOMINO_INLINE_LAMBDA { sums[r][c] = simd::floats(0.f); });
    });
    const float* value = v.first;
    for (index_t key = 0; key < keys; ++key, value += v.stride, weights += panel) {
        simd::floats channels[registers];
        simd::unroll<registers>(
            [&](auto c) DOMINO_INLINE_LAMBDA { channels[c] = simd::floats::load_unaligned(value + c * simd::width); });
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            if constexpr (skip_masked)
                if (weights[r] == 0.f && std::signbit(weights[r])) return;
            const simd::floats weight(weights[r]);
            simd::unroll<registers>(
                [&](auto c) DOMINO_INLINE_LAMBDA { sums[r][c] = simd::fma(weight, channels[c], sums[r][c]); });
        });
    }
    simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
        simd::unroll<registers>([&](auto c) DOMINO_INLINE_LAMBDA {
            float* at = output + r * value_dim + c * simd::width;
            (simd::floats::load_unaligned(at) + sums[r][c]).store_unaligned(at);
        });
    });
}

/// output [rows, value_dim] gains `keys` keys' values, weighted by weights[key * panel + row].
template <bool skip_masked>
inline void thin_add_values(float* output, index_t rows, index_t value_dim, const float* weights, float_rows v,
                            index_t keys) {
    const auto add_rows = [&]<int count>(index_t row, std::integral_constant<int, count>) {
        float* o = output + row * value_dim;
        index_t c = 0;
        const auto advance = [&]<int registers>(std::integral_constant<int, registers>) {
            thin_add_channels<count, registers, skip_masked>(o + c, value_dim, weights + row, {v.first + c, v.stride},
                                                             keys);
            c += registers * simd::width;
        };
        while (c + 4 * simd::width <= value_dim) advance(std::integral_constant<int, 4>{});
        while (c + simd::width <= value_dim) advance(std::integral_constant<int, 1>{});
        for (; c < value_dim; ++c)
            for (index_t r = 0; r < count; ++r) {
                float sum = 0.f;
                for (index_t key = 0; key < keys; ++key) {
                    const float weight = weights[key * panel + row + r];
                    if (!skip_masked || weight != 0.f || !std::signbit(weight))
                        sum += weight * v.first[key * v.stride + c];
                }
                o[r * value_dim + c] += sum;
            }
    };
    index_t row = 0;
    for (; row + 2 <= rows; row += 2) add_rows(row, std::integral_constant<int, 2>{});
    if (row < rows) add_rows(row, std::integral_constant<int, 1>{});
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two products for a panel of few rows (decoding, the last rows of a block): lanes run along head_dim, so that no
// lane is idle and a key is read once at the speed of memory. Scores and weights keep the layout [keys, panel].
#pragma once

#include <cmath>
#include <cstring>

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

/// Dot products of `rows` vectors with `keys` keys, of which `there` exist (the last stands in for the others):
/// dots[key * panel + row]. rows * keys is the number of a register's lanes, so that each is summed in the same order.
/// Meanwhile asks for `count` later keys, a line at a time: in a burst they would hold up the loads behind them.
template <int rows, int keys>
DOMINO_INLINE void thin_dots_of(const float* q, index_t head_dim, float_rows k, index_t there, float* dots,
                                float_rows later, index_t count) {
    static_assert(rows * keys == simd::width);
    const float* key_at[keys];
    key_at[0] = k.first;
    simd::unroll<keys - 1>([&](auto j)
                               DOMINO_INLINE_LAMBDA { key_at[j + 1] = key_at[j] + (j + 1 < there ? k.stride : 0); });
    simd::floats sums[keys * rows];
    for (auto& sum : sums) sum = simd::floats(0.f);
    const auto advance = [&](auto load, index_t d) DOMINO_INLINE_LAMBDA {
        simd::floats row[rows];
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            row[r] = load(q + r * head_dim + d);
            simd::keep(row[r]);
        });
        simd::unroll<keys>([&](auto j) DOMINO_INLINE_LAMBDA {
            const simd::floats key = load(key_at[j] + d);
            simd::unroll<rows>(
                [&](auto r) DOMINO_INLINE_LAMBDA { sums[j * rows + r] = simd::fma(key, row[r], sums[j * rows + r]); });
        });
    };
    index_t d = 0;
    for (; d + simd::width <= head_dim; d += simd::width) {
        if (d % simd::line == 0)
            for (index_t j = 0; j < count; ++j) simd::prefetch(later.first + j * later.stride + d);
        advance([](const float* p) DOMINO_INLINE_LAMBDA { return simd::floats::load_unaligned(p); }, d);
    }
    if (d < head_dim) advance([n = head_dim - d](const float* p) { return load_first(p, n); }, d);
    alignas(64) float lanes[simd::width];
    xsimd::haddp(sums).store_aligned(lanes);
    for (index_t j = 0; j < std::min<index_t>(keys, there); ++j)
        std::memcpy(dots + j * panel, lanes + j * rows, rows * sizeof(float));
}

/// Dot products of `rows` vectors [rows, head_dim] with `keys` keys: dots[key * panel + row]. Meanwhile asks for the keys
/// that follow, if `ahead`.
inline void thin_dots(const float* q, index_t rows, index_t head_dim, float_rows k, index_t keys, float* dots,
                      bool ahead) {
    const index_t distance = ahead ? thin_ahead / (head_dim * index_t{sizeof(float)}) + 1 : 0;
    const auto all_keys = [&]<int count>(index_t first, std::integral_constant<int, count>) {
        constexpr int at_once = simd::width / count;
        const index_t passes = (rows + count - 1) / count, pass = first / count;
        const index_t begin = at_once * pass / passes,
                      end = at_once * (pass + 1) / passes;  // a pass's share of prefetches
        const float* row = q + first * head_dim;
        for (index_t key = 0; key < keys; key += at_once)
            thin_dots_of<count, at_once>(row, head_dim, k.from(key), keys - key, dots + key * panel + first,
                                         k.from(key + begin + distance), ahead ? end - begin : 0);
    };
    index_t row = 0;
    for (; row + 2 <= rows; row += 2) all_keys(row, std::integral_constant<int, 2>{});
    if (row < rows) all_keys(row, std::integral_constant<int, 1>{});
}

/// output = output * factor[row].
template <int R>
inline void thin_rescale(float* output, index_t rows, index_t value_dim, const simd::floats (&factor)[R]) {
    alignas(64) float factors[R * simd::width];
    for (int r = 0; r < R; ++r) factor[r].store_aligned(factors + r * simd::width);
    for (index_t row = 0; row < rows; ++row)
        if (factors[row] != 1.f)
            for (index_t c = 0; c < value_dim; ++c) output[row * value_dim + c] *= factors[row];
}

/// sums[row * value_dim + c] gains the weighted values of `registers` registers of channels. Where `skip_masked`, a weight
/// of -0 contributes nothing.
template <int rows, int registers, bool skip_masked>
DOMINO_INLINE void thin_add_channels(float* sums, index_t value_dim, const float* weights, float_rows v, index_t keys,
                                     const float* later, int lines) {
    simd::floats sum[rows][registers];
    const auto each = [&](auto f) DOMINO_INLINE_LAMBDA {
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            simd::unroll<registers>([&](auto c)
                                        DOMINO_INLINE_LAMBDA { f(sum[r][c], sums + r * value_dim + c * simd::width); });
        });
    };
    each([](auto& x, const float* at) DOMINO_INLINE_LAMBDA { x = simd::floats::load_unaligned(at); });
    const float* value = v.first;
    for (index_t key = 0; key < keys; ++key, value += v.stride, weights += panel, later += v.stride) {
        for (int line = 0; line < lines; ++line) simd::prefetch(later + line * simd::line);
        simd::floats channels[registers];
        simd::unroll<registers>([&](auto c) DOMINO_INLINE_LAMBDA {
            channels[c] = simd::floats::load_unaligned(value + c * simd::width);
            if constexpr (rows > 1) simd::keep(channels[c]);
        });
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            if constexpr (skip_masked)
                if (weights[r] == 0.f && std::signbit(weights[r])) return;
            const simd::floats weight(weights[r]);
            simd::unroll<registers>(
                [&](auto c) DOMINO_INLINE_LAMBDA { sum[r][c] = simd::fma(weight, channels[c], sum[r][c]); });
        });
    }
    each([](auto x, float* at) DOMINO_INLINE_LAMBDA { x.store_unaligned(at); });
}

/// sums [rows, value_dim] gains `keys` keys' values, weighted by weights[key * panel + row]. Meanwhile asks for the values
/// that follow, if `ahead`.
template <bool skip_masked>
inline void thin_add_values(float* sums, index_t rows, index_t value_dim, const float* weights, float_rows v,
                            index_t keys, bool ahead) {
    for (index_t key = 0; key < keys; key += thin_values, weights += thin_values * panel, v = v.from(thin_values)) {
        const index_t count = std::min(thin_values, keys - key);
        index_t c = 0;
        const auto advance = [&]<int registers>(std::integral_constant<int, registers>) {
            constexpr int lines = (registers * simd::width + simd::line - 1) / simd::line;
            const auto add = [&]<int at_once>(index_t row, std::integral_constant<int, at_once>) {
                const int passes = static_cast<int>((rows + 1) / 2), pass = static_cast<int>(row / 2);
                const int begin = lines * pass / passes, end = lines * (pass + 1) / passes;
                thin_add_channels<at_once, registers, skip_masked>(
                    sums + row * value_dim + c, value_dim, weights + row, {v.first + c, v.stride}, count,
                    v.first + thin_values * v.stride + c + begin * simd::line, ahead ? end - begin : 0);
            };
            index_t row = 0;
            for (; row + 2 <= rows; row += 2) add(row, std::integral_constant<int, 2>{});
            if (row < rows) add(row, std::integral_constant<int, 1>{});
            c += registers * simd::width;
        };
        while (c + 4 * simd::width <= value_dim) advance(std::integral_constant<int, 4>{});
        while (c + simd::width <= value_dim) advance(std::integral_constant<int, 1>{});
        for (; c < value_dim; ++c)
            for (index_t row = 0; row < rows; ++row)
                for (index_t j = 0; j < count; ++j) {
                    const float weight = weights[j * panel + row];
                    if (skip_masked && weight == 0.f && std::signbit(weight)) continue;
                    float& sum = sums[row * value_dim + c];
                    sum = simd::fma(simd::floats(weight), simd::floats(v.first[j * v.stride + c]), simd::floats(sum))
                              .get(0);
                }
    }
}

/// output = output * factor[row] + sums.
template <int R>
inline void thin_join(float* output, index_t rows, index_t value_dim, const simd::floats (&factor)[R],
                      const float* sums) {
    thin_rescale(output, rows, value_dim, factor);
    for (index_t i = 0; i < rows * value_dim; ++i) output[i] += sums[i];
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

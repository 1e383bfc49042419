// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two products for a panel of few rows (decoding, the last rows of a block): lanes run along head_dim, so that no
// lane is idle, and elements are converted in registers, so that a key is read once at the speed of memory. Scores and
// weights keep the layout [keys, panel].
#pragma once

#include <cmath>
#include <cstring>

#include "domino/kernel/shape.hpp"
#include "domino/simd/convert.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Asks memory for n floats' worth of elements: of vectors that will be read soon, a few lines at a time between arithmetic,
/// for a burst would be dropped, or hold up the loads behind it. (Narrower elements ask for a line more than once.)
template <index_t n, class T>
DOMINO_INLINE void ask_for(const T* at) {
    simd::unroll<static_cast<int>((n * index_t{sizeof(T)} + simd::line_bytes - 1) / simd::line_bytes)>(
        [&](auto i) DOMINO_INLINE_LAMBDA { simd::prefetch(at + i * (simd::line_bytes / index_t{sizeof(T)})); });
}

/// The lines of vectors that will be read soon, in their order in memory, which hardware prefetchers follow.
class lines_ahead {
public:
    template <class T>
    lines_ahead(const T* first, index_t stride, index_t head_dim)
        : at_(reinterpret_cast<const char*>(first)),
          lines_((head_dim * index_t{sizeof(T)} + simd::line_bytes - 1) / simd::line_bytes),
          gap_(stride * index_t{sizeof(T)} - lines_ * simd::line_bytes) {}
    template <int n>
    DOMINO_INLINE void ask() {
        simd::unroll<n>([&](auto i) DOMINO_INLINE_LAMBDA { simd::prefetch(at_ + i * simd::line_bytes); });
        line_ += n;
        const bool next = line_ >= lines_;
        at_ += n * simd::line_bytes + (next ? gap_ : 0);
        line_ = next ? 0 : line_;
    }

private:
    const char* at_;
    index_t lines_, gap_, line_ = 0;
};

/// Channels whose elements share a scale; each register lies within such a block (see converts_in_registers).
template <class T>
constexpr index_t scale_block(const row_run<T>& run, index_t head_dim) {
    return std::same_as<T, std::int8_t> ? run.scale_block : head_dim;
}
template <class T>
constexpr bool converts_in_registers(const row_run<T>& run, index_t head_dim) {
    return scale_block(run, head_dim) == head_dim || scale_block(run, head_dim) % simd::width == 0;
}

template <class T>
DOMINO_INLINE simd::floats load_some(const T* at) {
    return simd::load(at);
}
template <class T>
DOMINO_INLINE simd::floats load_some(const T* at, index_t n) {
    return simd::load_first(at, n);
}

/// A vector, and the scale of one of its blocks.
template <class T>
struct scaled_vector {
    const T* at;
    simd::floats scale;
    scaled_vector() = default;
    DOMINO_INLINE scaled_vector(const row_run<T>& run, index_t i, index_t block) : at(run.first + i * run.stride) {
        if constexpr (std::same_as<T, std::int8_t>) scale = simd::floats(run.scales[i * run.scale_stride + block]);
    }
    DOMINO_INLINE simd::floats operator()(index_t c, auto... n) const {
        if constexpr (std::same_as<T, std::int8_t>) return load_some(at + c, n...) * scale;
        else return load_some(at + c, n...);
    }
};

/// Four dot products, of `rows` rows [rows, head_dim] with 4 / rows keys, their lanes not yet summed: sums[key][row].
/// Beyond the end the last key stands in. Each is summed in two chains, whatever `rows` is: eight chains hide the latency
/// of an addition. `in_pairs`: blocks are whole pairs of registers.
template <int rows, bool in_pairs, class T>
DOMINO_INLINE void thin_four_dots(const float* q, index_t head_dim, const row_run<T>& k, index_t first, const T* later,
                                  simd::floats* sums) {
    constexpr int keys = 4 / rows;
    simd::floats even[4], odd[4];
    simd::unroll<4>([&](auto i) DOMINO_INLINE_LAMBDA { even[i] = odd[i] = simd::floats(0.f); });
    const index_t block = scale_block(k, head_dim);
    for (index_t begin = 0; begin < head_dim; begin += block) {
        scaled_vector<T> key_at[keys];
        simd::unroll<keys>([&](auto j) DOMINO_INLINE_LAMBDA {
            key_at[j] = {k, std::min<index_t>(first + j, k.count - 1), begin / block};
        });
        const auto advance = [&](simd::floats(&sum)[4], index_t d, auto... n) DOMINO_INLINE_LAMBDA {
            simd::floats key[keys];
            simd::unroll<keys>([&](auto j) DOMINO_INLINE_LAMBDA { key[j] = key_at[j](d, n...); });
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
                const simd::floats row = load_some(q + r * head_dim + d, n...);
                simd::unroll<keys>([&](auto j) DOMINO_INLINE_LAMBDA {
                    sum[j * rows + r] = simd::fma(key[j], row, sum[j * rows + r]);
                });
            });
        };
        const index_t end = begin + block;
        index_t d = begin;
        for (; d + 2 * simd::width <= end; d += 2 * simd::width) {
            simd::unroll<keys>([&](auto j)
                                   DOMINO_INLINE_LAMBDA { ask_for<2 * simd::width>(later + j * k.stride + d); });
            advance(even, d);
            advance(odd, d + simd::width);
        }
        if constexpr (in_pairs) continue;
        if (d + simd::width <= end) {
            advance(even, d);
            d += simd::width;
        }
        if (d < end) advance(odd, d, end - d);
    }
    simd::unroll<4>([&](auto i) DOMINO_INLINE_LAMBDA { sums[i] = even[i] + odd[i]; });
}

/// Dot products of `rows` rows with all keys of a run.
template <int rows, bool in_pairs, class T>
inline void thin_dots_of(const float* q, index_t head_dim, const row_run<T>& k, const T* later, float* dots) {
    constexpr int at_once = simd::width / rows;
    for (index_t key = 0; key < k.count; key += at_once) {
        simd::floats sums[simd::width];
        simd::unroll<simd::width / 4>([&](auto i) DOMINO_INLINE_LAMBDA {
            const index_t first = key + i * (4 / rows);
            thin_four_dots<rows, in_pairs>(q, head_dim, k, first, later + first * k.stride, sums + i * 4);
        });
        alignas(64) float lanes[simd::width];
        xsimd::haddp(sums).store_aligned(lanes);
        for (index_t j = 0; j < std::min<index_t>(at_once, k.count - key); ++j)
            std::memcpy(dots + (key + j) * panel, lanes + j * rows, rows * sizeof(float));
    }
}

/// Calls f(row, count) for stretches of 4, 2 and 1 rows.
template <class F>
DOMINO_INLINE void for_each_thin_rows(index_t rows, F f) {
    index_t row = 0;
    for (; row + 4 <= rows; row += 4) f(row, std::integral_constant<int, 4>{});
    if (row + 2 <= rows) {
        f(row, std::integral_constant<int, 2>{});
        row += 2;
    }
    if (row < rows) f(row, std::integral_constant<int, 1>{});
}

/// Dot products of `rows` rows [rows, head_dim] with all keys of a run: dots[key * panel + row]. Meanwhile asks for as many
/// vectors from `later` on.
template <class T>
inline void thin_dots(const float* q, index_t rows, index_t head_dim, const row_run<T>& k, const T* later,
                      float* dots) {
    const bool in_pairs = scale_block(k, head_dim) % (2 * simd::width) == 0;
    for_each_thin_rows(rows, [&](index_t row, auto count) {
        const auto dots_of = in_pairs ? thin_dots_of<count, true, T> : thin_dots_of<count, false, T>;
        dots_of(q + row * head_dim, head_dim, k, later, dots + row);
    });
}

/// to = to * factor + from, for n floats.
inline void scale_and_add(float* to, float factor, const float* from, index_t n) {
    index_t c = 0;
    for (; c + simd::width <= n; c += simd::width)
        simd::fma(simd::load(to + c), simd::floats(factor), simd::load(from + c)).store_unaligned(to + c);
    for (; c < n; ++c) to[c] = std::fma(to[c], factor, from[c]);
}

/// sums[row * value_dim + c] gains the weighted values of `strip` registers of channels from c on. Where
/// `skip_masked`, a weight of -0 contributes nothing.
template <int rows, int strip, bool skip_masked, class T>
DOMINO_INLINE void thin_add_channels(float* sums, index_t value_dim, const float* weights, const row_run<T>& v,
                                     lines_ahead& later, index_t c) {
    simd::floats sum[rows][strip];
    const auto each = [&](auto f) DOMINO_INLINE_LAMBDA {
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            simd::unroll<strip>([&](auto i)
                                    DOMINO_INLINE_LAMBDA { f(sum[r][i], sums + r * value_dim + c + i * simd::width); });
        });
    };
    each([](auto& x, const float* at) DOMINO_INLINE_LAMBDA { x = simd::floats::load_unaligned(at); });
    index_t block[strip];
    simd::unroll<strip>([&](auto i)
                            DOMINO_INLINE_LAMBDA { block[i] = (c + i * simd::width) / scale_block(v, value_dim); });
    for (index_t key = 0; key < v.count; ++key, weights += panel) {
        later.ask<std::max(strip * static_cast<int>(simd::width) / (static_cast<int>(simd::line_bytes) / 4), 1)>();
        simd::floats channels[strip];
        simd::unroll<strip>([&](auto i) DOMINO_INLINE_LAMBDA {
            channels[i] = scaled_vector<T>(v, key, block[i])(c + i * simd::width);
            if constexpr (rows > 1) simd::keep(channels[i]);
        });
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            if constexpr (skip_masked)
                if (weights[r] == 0.f && std::signbit(weights[r])) return;
            const simd::floats weight(weights[r]);
            simd::unroll<strip>([&](auto i)
                                    DOMINO_INLINE_LAMBDA { sum[r][i] = simd::fma(weight, channels[i], sum[r][i]); });
        });
    }
    each([](auto x, float* at) DOMINO_INLINE_LAMBDA { x.store_unaligned(at); });
}

/// The same of one channel.
template <bool skip_masked, class T>
inline void thin_add_channel(float& sum, const float* weights, const row_run<T>& v, index_t c, index_t block) {
    for (index_t key = 0; key < v.count; ++key, weights += panel) {
        if (skip_masked && *weights == 0.f && std::signbit(*weights)) continue;
        const simd::floats value = scaled_vector<T>(v, key, block)(c, 1);
        sum = simd::fma(simd::floats(*weights), value, simd::floats(sum)).get(0);
    }
}

/// sums [rows, value_dim] gains the values of a run, weighted by weights[key * panel + row]. Meanwhile asks for
/// as many from `later` on.
template <bool skip_masked, class T>
inline void thin_add_values(float* sums, index_t rows, index_t value_dim, const float* weights, const row_run<T>& v,
                            const T* later_values) {
    lines_ahead later(later_values, v.stride, value_dim);
    for_each_thin_rows(rows, [&](index_t row, auto count) DOMINO_INLINE_LAMBDA {
        constexpr int strip = 8 / count;
        float* to = sums + row * value_dim;
        index_t c = 0;
        for (; c + strip * simd::width <= value_dim; c += strip * simd::width)
            thin_add_channels<count, strip, skip_masked>(to, value_dim, weights + row, v, later, c);
        for (; c + simd::width <= value_dim; c += simd::width)
            thin_add_channels<count, 1, skip_masked>(to, value_dim, weights + row, v, later, c);
        for (; c < value_dim; ++c)
            for (index_t r = 0; r < count; ++r)
                thin_add_channel<skip_masked>(to[r * value_dim + c], weights + row + r, v, c,
                                              c / scale_block(v, value_dim));
    });
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

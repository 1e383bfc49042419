// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The second microkernel: a panel's output gains a tile of weighted values, O^T = O^T * shrink + V^T P^T.
#pragma once

#include "domino/kernel/prefetch.hpp"
#include "domino/kernel/scores.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Where values may be poisoned, a masked key's weight is -0: it adds nothing to a sum, and its sign tells the value to be skipped,
/// for 0 * NaN is NaN.
DOMINO_INLINE simd::bools is_masked(simd::floats weight) {
    return simd::to_bools(simd::bit_cast<std::int32_t>(weight) == simd::bit_cast<std::int32_t>(simd::floats(-0.f)));
}
/// Gives the weights [keys, panel] of R registers of rows that mark where they do not see a key.
template <int R>
inline void mark_masked(float* weights, index_t keys, visible_bits visible) {
    for (index_t key = 0; key < keys; ++key)
        for (int r = 0; r < R; ++r) {
            float* at = weights + key * panel + r * simd::width;
            visible.of(simd::floats::load_aligned(at), key, r, -0.f).store_aligned(at);
        }
}

/// Keys [0, end) as a panel sees them: those before `left` its first register of rows alone, those from `right` on
/// its last.
struct seen_keys {
    index_t left, right, end;
    /// Those that register r of R may see.
    span of_register(int r, int R) const { return {r > 0 ? left : 0, r + 1 < R ? right : end}; }
};

/// Adds a tile of keys to `channels` channels of R registers of rows: weights [keys, panel] times values, summed over the
/// tile apart from the running output [channels, panel], which they join at the end. Where `skip_masked`, a weight of -0
/// contributes nothing, whatever the value is (0 * NaN would be NaN).
template <int channels, int R, bool skip_masked, class Prefetch>
DOMINO_INLINE void add_channels(float* output, const float* weights, float_rows v, seen_keys keys, Prefetch& prefetch) {
    simd::floats sums[channels][R];
    simd::unroll<channels>([&](auto c) DOMINO_INLINE_LAMBDA {
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { sums[c][r] = simd::floats(0.f); });
    });
    const float* value = v.first;
    index_t key = 0;
    const auto add_keys = [&]<int first, int count>(index_t end, std::integral_constant<int, first>,
                                                    std::integral_constant<int, count>) DOMINO_INLINE_LAMBDA {
        const auto advance = [&]() DOMINO_INLINE_LAMBDA {
            simd::floats rows[count];
            simd::unroll<count>([&](auto r) DOMINO_INLINE_LAMBDA {
                rows[r] = simd::floats::load_aligned(weights + (first + r) * simd::width);
            });
            simd::unroll<channels>([&](auto c) DOMINO_INLINE_LAMBDA {
                const simd::floats channel(value[c]);
                simd::unroll<count>([&](auto r) DOMINO_INLINE_LAMBDA {
                    simd::floats& sum = sums[c][first + r];
                    const auto more = simd::fma(channel, rows[r], sum);
                    if constexpr (skip_masked) sum = xsimd::select(is_masked(rows[r]), sum, more);
                    else sum = more;
                });
            });
            ++key;
            value += v.stride;
            weights += panel;
        };
        // each group of channels prefetches some lines: together as many as so many keys have
        if constexpr (!std::same_as<Prefetch, no_prefetch>)
            while (key + Prefetch::calls <= end) prefetch.interleave(advance);
        DOMINO_UNROLL_LOOP
        while (key < end) advance();
    };
    constexpr std::integral_constant<int, 0> begin;
    constexpr std::integral_constant<int, 1> one;
    constexpr std::integral_constant<int, R> all;
    constexpr std::integral_constant<int, R - 1> last;
    if constexpr (R > 1) add_keys(keys.left, begin, one);
    add_keys(keys.right, begin, all);
    if constexpr (R > 1) add_keys(keys.end, last, one);
    simd::unroll<channels>([&](auto c) DOMINO_INLINE_LAMBDA {
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA {
            float* at = output + c * panel + r * simd::width;
            (simd::floats::load_aligned(at) + sums[c][r]).store_aligned(at);
        });
    });
}

/// O^T * shrink in the panel's first R registers, where that is not O^T itself.
template <int R>
inline void rescale(float* output, index_t value_dim, const simd::floats (&shrink)[R]) {
    simd::bools unchanged = shrink[0] == simd::floats(1.f);
    for (int r = 1; r < R; ++r) unchanged = unchanged & (shrink[r] == simd::floats(1.f));
    if (xsimd::all(unchanged)) return;
    for (index_t c = 0; c < value_dim; ++c)
        for (int r = 0; r < R; ++r) {
            float* at = output + c * panel + r * simd::width;
            (simd::floats::load_aligned(at) * shrink[r]).store_aligned(at);
        }
}

/// O^T / sum, which may be infinite; what saw nothing is 0 already and stays. A product with the reciprocal in two parts is as
/// accurate as a division; neither is negative, so that infinity stays.
inline void divide(float* output, index_t value_dim, const float* sums) {
    const simd::floats one(1.f);
    simd::floats divisor[panel_registers], factor[panel_registers], rest[panel_registers];
    for (int r = 0; r < panel_registers; ++r) {
        const auto sum = simd::floats::load_aligned(sums + r * simd::width);
        divisor[r] = xsimd::select(sum == simd::floats(0.f), one, sum);
        const auto reciprocal = simd::divide(one, divisor[r]);
        factor[r] = reciprocal * simd::floats(1.f - 0x1p-22f);
        const auto error = simd::fma(-divisor[r], factor[r], one);
        rest[r] = xsimd::select(reciprocal == simd::floats(0.f), reciprocal, error * reciprocal);
    }
    for (index_t c = 0; c < value_dim; ++c)
        for (int r = 0; r < panel_registers; ++r) {
            float* at = output + c * panel + r * simd::width;
            const auto o = simd::floats::load_aligned(at);
            (simd::fuses ? simd::fma(o, factor[r], o * rest[r]) : simd::divide(o, divisor[r])).store_aligned(at);
        }
}

/// Adds a tile to all value_dim channels, `value_step` at a time, then 8, 4, 2 and 1; where masked ones are skipped, which is
/// rare and more code, 4 and 1 at a time.
template <int R, bool skip_masked, class Prefetch>
DOMINO_NOINLINE void add_values(float* output, index_t value_dim, const float* weights, float_rows v, seen_keys keys,
                                Prefetch prefetch) {
    index_t c = 0;
    const auto advance = [&]<int channels>(std::integral_constant<int, channels>) {
        add_channels<channels, R, skip_masked>(output + c * panel, weights, {v.first + c, v.stride}, keys, prefetch);
        c += channels;
    };
    constexpr index_t most = skip_masked ? 4 : value_step<R>;
    // two channels alone are too few chains to hide an addition's latency: better 4 + 4 than 6 + 2
    while (c + most <= value_dim && !(most == 6 && value_dim - c == 8)) advance(std::integral_constant<int, most>{});
    if constexpr (most > 8)
        while (c + 8 <= value_dim) advance(std::integral_constant<int, 8>{});
    if constexpr (most > 4) {
        while (c + 4 <= value_dim) advance(std::integral_constant<int, 4>{});
        while (c + 2 <= value_dim) advance(std::integral_constant<int, 2>{});
    }
    while (c < value_dim) advance(std::integral_constant<int, 1>{});
}

/// Whether all of a panel's output is finite.
inline bool all_finite(const float* output, index_t value_dim) {
    constexpr int chains = 4 * panel_registers;
    simd::floats poison[chains];  // sums of 0 * x, which are NaN where an x is not finite
    for (auto& x : poison) x = simd::floats(0.f);
    const float* const end = output + value_dim * panel;
    const auto advance = [&]<int count>(std::integral_constant<int, count>) DOMINO_INLINE_LAMBDA {
        simd::unroll<count>([&](auto i) DOMINO_INLINE_LAMBDA {
            poison[i] = simd::fma(simd::floats::load_aligned(output + i * simd::width), simd::floats(0.f), poison[i]);
        });
        output += count * simd::width;
    };
    while (end - output >= chains * simd::width) advance(std::integral_constant<int, chains>{});
    while (output < end) advance(std::integral_constant<int, panel_registers>{});
    for (int i = 1; i < chains; ++i) poison[0] += poison[i];
    return xsimd::all(poison[0] == simd::floats(0.f));
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The first microkernel: scores of a panel of rows against a few keys, S^T = K Q^T.
#pragma once

#include <algorithm>
#include <cstdint>

#include "domino/kernel/prefetch.hpp"
#include "domino/kernel/softmax.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Dot products of R registers of rows with `step` keys: each key's scalars are broadcast, the rows stand in lanes, and a dot
/// product is summed in the order of its channels. `q_panel` is [head_dim, panel], aligned; `keys` are the keys'
/// vectors, wherever they lie. Calls epilogue(key, register, dots) for each register of results.
template <int R, int step, class Prefetch, class Epilogue>
DOMINO_INLINE void dot_keys(const float* q_panel, index_t head_dim, const float* const (&keys)[step],
                            Prefetch& prefetch, Epilogue&& epilogue) {
    simd::floats dots[step][R];
    simd::unroll<step>([&](auto key) DOMINO_INLINE_LAMBDA {
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { dots[key][r] = simd::floats(0.f); });
    });
    index_t d = 0;
    const auto advance = [&]() DOMINO_INLINE_LAMBDA {
        simd::floats rows[R];
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA {
            rows[r] = simd::floats::load_aligned(q_panel + d * panel + r * simd::width);
        });
        simd::unroll<step>([&](auto key) DOMINO_INLINE_LAMBDA {
            const simd::floats channel(keys[key][d]);
            simd::unroll<R>([&](auto r)
                                DOMINO_INLINE_LAMBDA { dots[key][r] = simd::fma(channel, rows[r], dots[key][r]); });
        });
        ++d;
    };
    if constexpr (!std::same_as<Prefetch, no_prefetch>)
        while (d + Prefetch::calls <= head_dim) prefetch.interleave(advance);
    DOMINO_UNROLL_LOOP
    while (d < head_dim) advance();
    simd::unroll<step>([&](auto key) DOMINO_INLINE_LAMBDA {
        simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { epilogue(key, r, dots[key][r]); });
    });
}

/// The dot products of R registers of a panel [head_dim, panel] with `count` keys: each call gives the next step's. Beyond
/// the end the last key stands in: the maximum does not mind, nor do bits, which are 0 there.
template <int R, class Prefetch = no_prefetch, int keys = step<R>>
struct wide_dots {
    static constexpr int step = keys;
    const float* q_panel;
    index_t head_dim;
    float_rows k;
    index_t count;
    Prefetch prefetch = {};

    template <class Epilogue>
    DOMINO_INLINE void next(Epilogue&& epilogue) {
        const float* rows[step];
        rows[0] = k.first;
        simd::unroll<step - 1>([&](auto j)
                                   DOMINO_INLINE_LAMBDA { rows[j + 1] = rows[j] + (j + 1 < count ? k.stride : 0); });
        dot_keys<R, step>(q_panel, head_dim, rows, prefetch, epilogue);
        k = k.from(step);
        count -= step;
    }
};

/// Dot products [count, panel] that are there already, of a thin panel, likewise.
struct stored_dots {
    static constexpr int step = kernel::step<1>;
    const float* dots;
    index_t count;

    template <class Epilogue>
    DOMINO_INLINE void next(Epilogue&& epilogue) {
        simd::unroll<step>([&](auto j) DOMINO_INLINE_LAMBDA {
            const float* at = dots + std::min<index_t>(j, count - 1) * panel;
            epilogue(j, std::integral_constant<int, 0>{}, simd::floats::load_aligned(at));
        });
        dots += step * panel;
        count -= step;
    }
};

/// A panel's rows see all of a tile.
struct all_visible {
    DOMINO_INLINE simd::floats of(simd::floats s, index_t, int) const { return s; }
};
/// Row i sees key j where bit `first` + i of keys[j] is set.
struct visible_bits {
    const std::uint64_t* keys;
    index_t first = 0;

    /// What register r of rows has of a key, `hidden` where it is.
    DOMINO_INLINE simd::floats of(simd::floats x, index_t key, int r, float hidden = minus_infinity) const {
        const auto bits = static_cast<std::uint32_t>(keys[key] >> (first + r * simd::width));
        return xsimd::select(simd::from_bits(bits), x, simd::floats(hidden));
    }
};

/// Scores [keys, panel], in whole steps of keys: the dot products of what is visible; `tile_max` gains their maximum.
template <int R, class Dots, class Visible>
DOMINO_NOINLINE void score_panel(Dots dots, index_t keys, Visible visible, float* scores, simd::floats (&tile_max)[R]) {
    simd::floats most[R];  // a local copy: stores to `scores` might change what a reference names
    simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { most[r] = tile_max[r]; });
    for (index_t key = 0; key < keys; key += Dots::step, scores += Dots::step * panel)
        dots.next([&](auto j, auto r, simd::floats s) DOMINO_INLINE_LAMBDA {
            s = visible.of(s, key + j, r);
            most[r] = simd::max(s, most[r]);  // NaN is passed over
            s.store_aligned(scores + j * panel + r * simd::width);
        });
    simd::unroll<R>([&](auto r) DOMINO_INLINE_LAMBDA { tile_max[r] = most[r]; });
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

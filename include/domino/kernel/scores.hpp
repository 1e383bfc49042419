// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The first microkernel: scores of a panel of rows against a few keys, S^T = K Q^T.
#pragma once

#include <algorithm>

#include "domino/kernel/softmax.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Dot products of `panel` rows with `step` keys: each key's scalars are broadcast, the rows stand in lanes, and a dot
/// product is summed in the order of its channels. `q_panel` is [head_dim, panel], aligned; `keys` are the keys'
/// vectors, wherever they lie. Calls epilogue(key, register, dots) for each register of results.
template <class Epilogue>
DOMINO_INLINE void dot_keys(const float* q_panel, index_t head_dim, const float* const (&keys)[step],
                            Epilogue&& epilogue) {
    simd::floats dots[step][panel_registers];
    simd::unroll<step>([&](auto key) DOMINO_INLINE_LAMBDA {
        simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA { dots[key][r] = simd::floats(0.f); });
    });
    DOMINO_UNROLL_LOOP
    for (index_t d = 0; d < head_dim; ++d) {
        simd::floats rows[panel_registers];
        simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA {
            rows[r] = simd::floats::load_aligned(q_panel + d * panel + r * simd::width);
        });
        simd::unroll<step>([&](auto key) DOMINO_INLINE_LAMBDA {
            const simd::floats channel(keys[key][d]);
            simd::unroll<panel_registers>(
                [&](auto r) DOMINO_INLINE_LAMBDA { dots[key][r] = simd::fma(channel, rows[r], dots[key][r]); });
        });
    }
    simd::unroll<step>([&](auto key) DOMINO_INLINE_LAMBDA {
        simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA { epilogue(key, r, dots[key][r]); });
    });
}

/// The vectors of a tile's keys.
struct key_rows {
    const float* first;
    index_t stride;
    span keys;
};

/// Scores [keys, panel] of a panel, given to modify(register, key, dots) while they are in registers, and their maximum.
/// Where `masked`, `scores` holds the mask at first: 0 where visible, -inf where not, in whole steps of keys. In the
/// last step the last key stands in for those beyond the end; the maximum does not mind.
template <bool masked, class Modify>
DOMINO_INLINE void score_keys(const float* q_panel, index_t head_dim, key_rows k, float* scores,
                              simd::floats (&tile_max)[panel_registers], Modify modify) {
    const simd::floats nothing(minus_infinity);
    for (auto& m : tile_max) m = nothing;
    const float* rows[step];
    for (index_t j = 0; j < step; ++j) rows[j] = k.first + j * k.stride;
    for (index_t first = k.keys.begin; first < k.keys.end; first += step, scores += step * panel) {
        const index_t last = k.keys.end - 1 - first;
        for (index_t j = last + 1; j < step; ++j) rows[j] = rows[last];
        dot_keys(q_panel, head_dim, rows, [&](auto j, auto r, simd::floats dots) DOMINO_INLINE_LAMBDA {
            simd::floats s = modify(r, first + std::min<index_t>(j, last), dots);
            float* at = scores + j * panel + r * simd::width;
            if constexpr (masked) s = xsimd::select(simd::floats::load_aligned(at) == nothing, nothing, s);
            tile_max[r] = xsimd::max(s, tile_max[r]);  // in this order: NaN is passed over
            s.store_aligned(at);
        });
        for (auto& row : rows) row += step * k.stride;
    }
}

/// Scores of a panel without a score mod: the dot products.
template <bool masked>
inline void score_panel(const float* q_panel, index_t head_dim, key_rows keys, float* scores,
                        simd::floats (&tile_max)[panel_registers]) {
    score_keys<masked>(q_panel, head_dim, keys, scores, tile_max,
                       [](auto, index_t, simd::floats dots) DOMINO_INLINE_LAMBDA { return dots; });
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

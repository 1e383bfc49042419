// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The first microkernel: scores of a panel of rows against a few keys, S^T = K Q^T.
#pragma once

#include "domino/kernel/shape.hpp"

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

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

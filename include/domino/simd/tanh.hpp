// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The hyperbolic tangent, for scores that are capped.
#pragma once

#include "domino/simd/exp2.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// tanh of each lane within 1.7 ULP (tests/tanh.cpp); NaN stays NaN, and -0 stays -0. Below 3/4 tanh x = x (1 + x^2 p(x^2)), and
/// a register of such lanes, as scores far below their cap are, needs no more; beyond, tanh |x| = 1 - 2 / (e^(2 |x|) + 1).
DOMINO_INLINE floats tanh(floats x) {
    const floats squared = x * x, one(1.f);
    // minimax in relative error of tanh over [0, 3/4]: 3.2e-8
    floats p(-0x1.3892c2p-8f);
    for (const float c : {0x1.4230a0p-6f, -0x1.b55f7cp-5f, 0x1.10ed5ap-3f, -0x1.5554a4p-2f})
        p = fma(p, squared, floats(c));
    const floats near = x * fma(p, squared, one), sign = x & floats(-0.f), size = x ^ sign;
    const bools is_near = size < floats(0.75f);
    if (xsimd::all(is_near)) [[likely]]
        return near;
    floats power[1] = {min(floats(30.f), size * floats(0x1.715476p+1f))};  // NaN stays
    exp2(power);
    return xsimd::select(is_near, near, (one - divide(floats(2.f), power[0] + one)) | sign);
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

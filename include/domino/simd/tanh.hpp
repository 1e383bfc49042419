// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The hyperbolic tangent, for scores that are capped.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// tanh of each lane within 2.4 ULP (tests/tanh.cpp), without a branch; NaN stays NaN, and -0 stays -0.
///   tanh |x| = |t / (t + 2)|,  t = e^y - 1 = 2^n (e^g - 1) + (2^n - 1),  y = 2 |x| or -2 |x|,  y = n ln 2 + g
/// The sign of y is such that t + 2, which is rounded, is not just above a power of 2.
DOMINO_INLINE floats tanh(floats x) {
    const floats sign = x & floats(-0.f), magic(0x1.8p23f + 127.f);  // see exp2.hpp
    const floats m = xsimd::min(floats(10.f), x ^ sign);             // in this order: NaN stays
    const floats y = m * xsimd::select(m < floats(0.171875f), floats(-2.f), floats(2.f));
    const floats power = fma(y, floats(0x1.715476p+0f), magic), n = power - magic;
    // the first factor is short: its product is exact
    const floats g = fma(n, floats(-0x1.7f7d1cp-20f), fma(n, floats(-0x1.62e4p-1f), y));
    // e^g - 1 = g + g^2 p(g); minimax in relative error over |g| <= ln 2 / 2: 1.5e-8
    floats p = fma(floats(0x1.6d978ep-10f), g, floats(0x1.12271cp-7f));
    for (const float c : {0x1.55548ap-5f, 0x1.5554b2p-3f, 0x1p-1f}) p = fma(p, g, floats(c));
    const floats scale = bit_cast<float>(bit_cast<std::int32_t>(power) << 23);
    const floats t = fma(scale, fma(g * g, p, g), scale - floats(1.f));
    return xsimd::abs(t / (t + floats(2.f))) | sign;
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

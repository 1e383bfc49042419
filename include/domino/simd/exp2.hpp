// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 2^x for the softmax, whose exponents are never positive.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// 2^x for x <= 0, within 1 ULP (tests/exp2.cpp); exactly 1 at 0; 0 below 2^-126 (subnormal results are flushed) and at
/// -inf; NaN stays NaN.
DOMINO_INLINE floats exp2_nonpositive(floats x) {
    // Adding 1.5 * 2^23 rounds x to an integer in the low mantissa bits; shifting those by 23 makes them an exponent.
    const floats least(-126.f), magic(0x1.8p23f);
    const floats clamped = xsimd::select(x < least, least, x);
    const floats shifted = clamped + magic;
    const floats f = clamped - (shifted - magic);
    // Minimax in relative error over [-1/2, 1/2], constant term fixed to 1: 2e-9
    floats p(0x1.41fbbcp-13f);
    p = fma(p, f, floats(0x1.5f3e54p-10f));
    p = fma(p, f, floats(0x1.3b2d4cp-7f));
    p = fma(p, f, floats(0x1.c6aee8p-5f));
    p = fma(p, f, floats(0x1.ebfbdcp-3f));
    p = fma(p, f, floats(0x1.62e430p-1f));
    p = fma(p, f, floats(1.f));
    const floats scaled = bit_cast<float>(bit_cast<std::int32_t>(p) + (bit_cast<std::int32_t>(shifted) << 23));
    return xsimd::select(x < least, floats(0.f), scaled);
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

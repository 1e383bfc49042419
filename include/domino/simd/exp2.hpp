// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 2^x for the softmax, whose exponents are never positive.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// 2^x for x <= 0, within 1 ULP (tests/exp2.cpp); exactly 1 at 0, and 0 below 2^-126.5 and at -inf; NaN stays NaN.
DOMINO_INLINE floats exp2_nonpositive(floats x) {
    // x = n + f. Adding 1.5 * 2^23 + 127 leaves n + 127 in the low mantissa bits; shifted by 23 they are the float 2^n,
    // and 0 for n = -127.
    const floats least(-127.f), magic(0x1.8p23f + 127.f);
    const floats clamped = xsimd::max(least, x);  // in this order: NaN stays
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
    return p * bit_cast<float>(bit_cast<std::int32_t>(shifted) << 23);
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 2^x for the softmax, whose exponents are small or negative.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// Each x to 2^x, for x <= 16, within 1 ULP (tests/exp2.cpp); exactly 1 at 0, and 0 below 2^-126.5 and at -inf; NaN stays
/// NaN. Several registers at once, a step of all before the next step of any: in turn, their long chains of dependent
/// operations fill the scheduler before enough of them are in flight (11 cycles a register, and 8 so, on Cascade Lake).
template <int N>
DOMINO_INLINE void exp2(floats (&x)[N]) {
    // x = n + f. Adding 1.5 * 2^23 + 127 leaves n + 127 in the low mantissa bits; shifted by 23 they are the float 2^n,
    // and 0 for n = -127.
    const floats least(-127.f), magic(0x1.8p23f + 127.f);
    floats power[N], p[N];
    const auto each = [](auto step) DOMINO_INLINE_LAMBDA { unroll<N>(step); };
    each([&](auto i) DOMINO_INLINE_LAMBDA { x[i] = xsimd::max(least, x[i]); });  // in this order: NaN stays
    each([&](auto i) DOMINO_INLINE_LAMBDA { power[i] = x[i] + magic; });
    each([&](auto i) DOMINO_INLINE_LAMBDA { x[i] = x[i] - (power[i] - magic); });
    // Minimax in relative error over [-1/2, 1/2], constant term fixed to 1: 2e-9
    each([&](auto i) DOMINO_INLINE_LAMBDA { p[i] = fma(floats(0x1.41fbbcp-13f), x[i], floats(0x1.5f3e54p-10f)); });
    for (const float c : {0x1.3b2d4cp-7f, 0x1.c6aee8p-5f, 0x1.ebfbdcp-3f, 0x1.62e430p-1f, 1.f})
        each([&](auto i) DOMINO_INLINE_LAMBDA { p[i] = fma(p[i], x[i], floats(c)); });
    each([&](auto i) DOMINO_INLINE_LAMBDA { x[i] = p[i] * bit_cast<float>(bit_cast<std::int32_t>(power[i]) << 23); });
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

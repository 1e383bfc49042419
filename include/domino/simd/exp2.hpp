// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 2^x for the softmax, whose exponents are small or negative.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// x = n + f with the nearest integer n; and p * 2^n, which is 0 for n below -126.
#if defined(DOMINO_AVX512BW)
struct power_of_two {
    floats f, n;
    __mmask16 not_least;

    power_of_two() = default;
    DOMINO_INLINE explicit power_of_two(floats x)
        : f(_mm512_reduce_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)),
          n(x - f),
          not_least(_mm512_cmp_ps_mask(x, floats(-126.5f), _CMP_NLT_UQ)) {}
    DOMINO_INLINE floats times(floats p) const { return _mm512_maskz_scalef_ps(not_least, p, n); }
};
#else
struct power_of_two {
    // 1.5 * 2^23 + 127 more leaves n + 127 in the low mantissa bits; shifted by 23 they are the float 2^n, and 0 for n = -127
    static constexpr float magic = 0x1.8p23f + 127.f;
    floats f, shifted;

    power_of_two() = default;
    DOMINO_INLINE explicit power_of_two(floats x) {
        x = max(floats(-127.f), x);  // NaN stays
        shifted = x + floats(magic);
        f = x - (shifted - floats(magic));
    }
    DOMINO_INLINE floats times(floats p) const { return p * bit_cast<float>(bit_cast<std::int32_t>(shifted) << 23); }
};
#endif

/// Each x to 2^x, for x <= 16, within 1 ULP (tests/exp2.cpp); exactly 1 at 0, and 0 below 2^-126.5 and at -inf; NaN stays
/// NaN. Several registers at once, a step of all before the next step of any: in turn, their long chains of dependent
/// operations fill the scheduler before enough of them are in flight (11 cycles a register, and 8 so, on Cascade Lake).
template <int N>
DOMINO_INLINE void exp2(floats (&x)[N]) {
    const auto each = [](auto step) DOMINO_INLINE_LAMBDA { unroll<N>(step); };
    power_of_two power[N];
    each([&](auto i) DOMINO_INLINE_LAMBDA { power[i] = power_of_two(x[i]); });
    // Minimax in relative error over [-1/2, 1/2], constant term fixed to 1: 2e-9
    floats p[N];
    each([&](auto i)
             DOMINO_INLINE_LAMBDA { p[i] = fma(floats(0x1.41fbbcp-13f), power[i].f, floats(0x1.5f3e54p-10f)); });
    for (const float c : {0x1.3b2d4cp-7f, 0x1.c6aee8p-5f, 0x1.ebfbdcp-3f, 0x1.62e430p-1f, 1.f})
        each([&](auto i) DOMINO_INLINE_LAMBDA { p[i] = fma(p[i], power[i].f, floats(c)); });
    each([&](auto i) DOMINO_INLINE_LAMBDA { x[i] = power[i].times(p[i]); });
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

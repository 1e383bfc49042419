// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Floor division of integers by one divisor: no SIMD instruction set has it.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// Divisors that `floor_divide` takes.
constexpr bool divides_fast(index_t divisor) { return divisor >= 1 && divisor <= index_t{1} << 22; }

struct division {
    ints quotient, remainder;
};

/// x = quotient * divisor + remainder with 0 <= remainder < divisor, exactly, for every 32-bit x. An estimate in floats
/// leaves a remainder within 512 + 2 * divisor of 0, which floats hold exactly; a second one is then off by at most 1.
DOMINO_INLINE division floor_divide(ints x, std::int32_t divisor) {
    const floats reciprocal(1.f / static_cast<float>(divisor));
    const ints by(divisor), one(1), zero(0);
    const ints coarse = xsimd::to_int(xsimd::floor(to_floats(x) * reciprocal));
    ints remainder = x - coarse * by;
    const ints fine = xsimd::to_int(xsimd::floor(to_floats(remainder) * reciprocal));
    ints quotient = coarse + fine;
    remainder = remainder - fine * by;
    const bools below = to_bools(remainder < zero);
    quotient = select(below, quotient - one, quotient);
    remainder = select(below, remainder + by, remainder);
    const bools above = to_bools(remainder >= by);
    quotient = select(above, quotient + one, quotient);
    remainder = select(above, remainder - by, remainder);
    return {quotient, remainder};
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

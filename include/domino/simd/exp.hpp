// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The exponential in expressions, over all of float's range.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// e^x of each lane. xsimd's is infinite from 88.38 on, though e^88.72 is a float, and 0 where results are denormal; beyond 87 on
/// either side this is the square of exp(x / 2).
DOMINO_INLINE floats exp(floats x) {
    const bools is_far = !(xsimd::abs(x) < floats(87.f));
    const floats near = xsimd::exp(x);
    if (!xsimd::any(is_far)) [[likely]]
        return near;
    const floats root = xsimd::exp(x * floats(0.5f));
    return xsimd::select(is_far, root * root, near);
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

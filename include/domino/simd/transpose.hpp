// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small transposes: rows of a tensor into lanes of a panel, and back.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

// Registers of four floats, whose interleaving is one instruction everywhere.
#if defined(__SSE2__)
using quad_arch = xsimd::sse2;
#else
using quad_arch = arch;
#endif
using quad = xsimd::batch<float, quad_arch>;

/// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < columns.
inline void transpose(const float* from, index_t from_stride, index_t rows, index_t columns, float* to,
                      index_t to_stride) {
    index_t i = 0;
    if constexpr (quad::size == 4) {
        for (; i + 4 <= rows; i += 4) {
            index_t j = 0;
            for (; j + 4 <= columns; j += 4) {
                const float* at = from + i * from_stride + j;
                const quad a = quad::load_unaligned(at), b_ = quad::load_unaligned(at + from_stride),
                           c = quad::load_unaligned(at + 2 * from_stride),
                           d = quad::load_unaligned(at + 3 * from_stride);
                const quad ac_lo = xsimd::zip_lo(a, c), ac_hi = xsimd::zip_hi(a, c);
                const quad bd_lo = xsimd::zip_lo(b_, d), bd_hi = xsimd::zip_hi(b_, d);
                float* out = to + j * to_stride + i;
                xsimd::zip_lo(ac_lo, bd_lo).store_unaligned(out);
                xsimd::zip_hi(ac_lo, bd_lo).store_unaligned(out + to_stride);
                xsimd::zip_lo(ac_hi, bd_hi).store_unaligned(out + 2 * to_stride);
                xsimd::zip_hi(ac_hi, bd_hi).store_unaligned(out + 3 * to_stride);
            }
            for (; j < columns; ++j)
                for (index_t row = i; row < i + 4; ++row) to[j * to_stride + row] = from[row * from_stride + j];
        }
    }
    for (; i < rows; ++i)
        for (index_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

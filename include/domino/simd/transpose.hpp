// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small transposes: rows of a tensor into lanes of a panel, and back.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

#if defined(__AVX__)
/// The same of 8 rows and 8 columns: rows i and i + 4 share a register from the load on, so that no lane is crossed.
inline void transpose_8(const float* from, index_t from_stride, float* to, index_t to_stride) {
    __m256 left[4], right[4];  // columns 0 to 3 and 4 to 7
    unroll<4>([&](auto i) DOMINO_INLINE_LAMBDA {
        const float *low = from + i * from_stride, *high = low + 4 * from_stride;
        left[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
        right[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)), _mm_loadu_ps(high + 4), 1);
    });
    const auto write = [&](const __m256(&x)[4], float* out) DOMINO_INLINE_LAMBDA {
        const __m256 ab_lo = _mm256_unpacklo_ps(x[0], x[1]), ab_hi = _mm256_unpackhi_ps(x[0], x[1]);
        const __m256 cd_lo = _mm256_unpacklo_ps(x[2], x[3]), cd_hi = _mm256_unpackhi_ps(x[2], x[3]);
        _mm256_storeu_ps(out, _mm256_shuffle_ps(ab_lo, cd_lo, 0x44));
        _mm256_storeu_ps(out + to_stride, _mm256_shuffle_ps(ab_lo, cd_lo, 0xee));
        _mm256_storeu_ps(out + 2 * to_stride, _mm256_shuffle_ps(ab_hi, cd_hi, 0x44));
        _mm256_storeu_ps(out + 3 * to_stride, _mm256_shuffle_ps(ab_hi, cd_hi, 0xee));
    };
    write(left, to);
    write(right, to + 4 * to_stride);
}
#endif

/// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < columns.
inline void transpose(const float* from, index_t from_stride, index_t rows, index_t columns, float* to,
                      index_t to_stride) {
    index_t i = 0;
#if defined(__AVX__)
    if (columns % 8 == 0)
        for (; i + 8 <= rows; i += 8)
            for (index_t j = 0; j < columns; j += 8)
                transpose_8(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
#endif
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

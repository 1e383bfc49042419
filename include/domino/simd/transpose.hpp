// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small transposes: rows of a tensor into lanes of a panel, and back.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// to[j * to_stride + i] = from[i * from_stride + j] for i, j < size.
template <int size>
void transpose_square(const float* from, index_t from_stride, float* to, index_t to_stride);

#if defined(__AVX__)
// Rows i and i + 4 share a register from the load on, so that no lane is crossed.
template <>
inline void transpose_square<8>(const float* from, index_t from_stride, float* to, index_t to_stride) {
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

template <>
inline void transpose_square<4>(const float* from, index_t from_stride, float* to, index_t to_stride) {
    const quad a = quad::load_unaligned(from), b_ = quad::load_unaligned(from + from_stride),
               c = quad::load_unaligned(from + 2 * from_stride), d = quad::load_unaligned(from + 3 * from_stride);
    const quad ac_lo = xsimd::zip_lo(a, c), ac_hi = xsimd::zip_hi(a, c);
    const quad bd_lo = xsimd::zip_lo(b_, d), bd_hi = xsimd::zip_hi(b_, d);
    xsimd::zip_lo(ac_lo, bd_lo).store_unaligned(to);
    xsimd::zip_hi(ac_lo, bd_lo).store_unaligned(to + to_stride);
    xsimd::zip_lo(ac_hi, bd_hi).store_unaligned(to + 2 * to_stride);
    xsimd::zip_hi(ac_hi, bd_hi).store_unaligned(to + 3 * to_stride);
}

/// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < columns.
DOMINO_INLINE void transpose(const float* from, index_t from_stride, index_t rows, index_t columns, float* to,
                             index_t to_stride) {
    const auto squares = [&]<int size>(index_t i, index_t j,
                                       std::integral_constant<int, size>) {  // gives the next column
        for (; j + size <= columns; j += size)
            transpose_square<size>(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
        return j;
    };
    constexpr std::integral_constant<int, 4> four;
    [[maybe_unused]] constexpr std::integral_constant<int, 8> eight;
    index_t i = 0;
    const auto rest = [&](index_t end, index_t j) {
        for (; i < end; ++i)
            for (index_t column = j; column < columns; ++column)
                to[column * to_stride + i] = from[i * from_stride + column];
    };
#if defined(__AVX__)
    while (i + 8 <= rows) {
        const index_t j = squares(i, 0, eight);
        squares(i + 4, j, four);
        rest(i + 8, squares(i, j, four));
    }
#endif
    if constexpr (quad::size == 4)
        while (i + 4 <= rows) rest(i + 4, squares(i, 0, four));
    rest(rows, 0);
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small transposes: rows of a tensor into lanes of a panel, and back.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif
#include <cstdint>

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

/// Bit i of to[j] = bit j of from[i], for i < rows and j < 8 * eights.
template <int rows>
DOMINO_INLINE void transpose_bits(const std::uint64_t* from, index_t eights, std::uint64_t* to) {
#if defined(__SSE2__)
    if constexpr (rows % 16 == 0) {
        // bytes 2k and 2k + 1 of eight rows in register k
        const auto transpose_bytes = [](const std::uint64_t* words, __m128i(&bytes)[4]) DOMINO_INLINE_LAMBDA {
            __m128i pair[4];
            for (int k = 0; k < 4; ++k) {
                const auto load = [](const std::uint64_t* at) DOMINO_INLINE_LAMBDA {
                    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at));
                };
                pair[k] = _mm_unpacklo_epi8(load(words + 2 * k), load(words + 2 * k + 1));
            }
            const __m128i ab_lo = _mm_unpacklo_epi16(pair[0], pair[1]), ab_hi = _mm_unpackhi_epi16(pair[0], pair[1]);
            const __m128i cd_lo = _mm_unpacklo_epi16(pair[2], pair[3]), cd_hi = _mm_unpackhi_epi16(pair[2], pair[3]);
            bytes[0] = _mm_unpacklo_epi32(ab_lo, cd_lo);
            bytes[1] = _mm_unpackhi_epi32(ab_lo, cd_lo);
            bytes[2] = _mm_unpacklo_epi32(ab_hi, cd_hi);
            bytes[3] = _mm_unpackhi_epi32(ab_hi, cd_hi);
        };
        __m128i bytes[rows / 8][4];
        for (int i = 0; i < rows / 8; ++i) transpose_bytes(from + 8 * i, bytes[i]);
        for (index_t eight = 0; eight < eights; ++eight) {
            __m128i x[rows / 16];
            for (int i = 0; i < rows / 16; ++i) {
                const __m128i low = bytes[2 * i][eight / 2], high = bytes[2 * i + 1][eight / 2];
                x[i] = eight % 2 == 0 ? _mm_unpacklo_epi64(low, high) : _mm_unpackhi_epi64(low, high);
            }
            for (index_t j = 8; j-- > 0;) {  // each byte's highest bit
                std::uint64_t word = 0;
                for (int i = 0; i < rows / 16; ++i) {
                    word |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(x[i]))} << (16 * i);
                    x[i] = _mm_add_epi8(x[i], x[i]);
                }
                to[8 * eight + j] = word;
            }
        }
        return;
    }
#endif
    for (index_t j = 0; j < 8 * eights; ++j) {
        to[j] = 0;
        for (int i = 0; i < rows; ++i) to[j] |= (from[i] >> j & 1u) << i;
    }
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

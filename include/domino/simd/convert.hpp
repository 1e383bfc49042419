// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stored elements into floats, exactly. xsimd knows neither half precision nor bfloat16.
#pragma once

#if defined(__F16C__) || defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <cstring>

#include "domino/simd/batch.hpp"
#include "domino/tensor/element.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// to[i] = from[i] for i < n.
inline void convert(const float* from, index_t n, float* to) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
}

inline void convert(const float16* from, index_t n, float* to) {
    index_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i))));
#endif
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
#elif defined(__ARM_NEON) && defined(__aarch64__)
    for (; i + 4 <= n; i += 4)
        vst1q_f32(to + i,
                  vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(from + i)))));
#endif
    for (; i < n; ++i) to[i] = from[i];
}

inline void convert(const bfloat16* from, index_t n, float* to) {
    index_t i = 0;
#if defined(__AVX2__)
    for (; i + 8 <= n; i += 8) {
        const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
        _mm256_storeu_ps(to + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
#endif
    for (; i < n; ++i) to[i] = from[i];
}

/// to[i] = scale * from[i].
inline void convert(const std::int8_t* from, index_t n, float scale, float* to) {
    index_t i = 0;
#if defined(__AVX2__)
    const __m256 factor = _mm256_set1_ps(scale);
    for (; i + 8 <= n; i += 8) {
        const __m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i)));
        _mm256_storeu_ps(to + i, _mm256_mul_ps(_mm256_cvtepi32_ps(wide), factor));
    }
#endif
    for (; i < n; ++i) to[i] = static_cast<float>(from[i]) * scale;
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

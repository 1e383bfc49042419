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

/// The first n elements, 0 beyond.
template <class T>
DOMINO_INLINE floats load_first(const T* from, index_t n) {
    alignas(64) float lanes[width] = {};
    for (index_t i = 0; i < n; ++i) lanes[i] = static_cast<float>(from[i]);
    return floats::load_aligned(lanes);
}

/// A register of elements.
DOMINO_INLINE floats load(const float* from) { return floats::load_unaligned(from); }

DOMINO_INLINE floats load(const float16* from) {
#if defined(__AVX512F__)
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__F16C__)
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(__ARM_FEATURE_SVE)
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(from))));
#else
    return load_first(from, width);
#endif
}

DOMINO_INLINE floats load(const bfloat16* from) {
#if defined(__AVX512F__)
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
#elif defined(__AVX2__)
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
#else
    return load_first(from, width);
#endif
}

DOMINO_INLINE floats load(const std::int8_t* from) {
#if defined(__AVX512F__)
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
#elif defined(__AVX2__)
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
#else
    return load_first(from, width);
#endif
}

/// to[i] = from[i] for i < n.
template <class T>
inline void convert(const T* from, index_t n, float* to) {
    index_t i = 0;
    for (; i + width <= n; i += width) load(from + i).store_unaligned(to + i);
    for (; i < n; ++i) to[i] = static_cast<float>(from[i]);
}
inline void convert(const float* from, index_t n, float* to) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
}

/// to[i] = scale * from[i].
inline void convert(const std::int8_t* from, index_t n, float scale, float* to) {
    index_t i = 0;
    for (; i + width <= n; i += width) (load(from + i) * floats(scale)).store_unaligned(to + i);
    for (; i < n; ++i) to[i] = static_cast<float>(from[i]) * scale;
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

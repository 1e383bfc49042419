// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over the lanes of several registers at once, which share most of the work.
#pragma once

#include <cstring>

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

/// The sums of four registers' lanes.
DOMINO_INLINE quad sums_of_four(floats a, floats b_, floats c, floats d) {
#if defined(__AVX512F__)
    const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b_), _mm512_unpackhi_ps(a, b_));
    const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const __m512 abcd = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(abcd),
                                      _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(abcd), 1)));
#elif defined(__AVX__)
    const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b_), _mm256_unpackhi_ps(a, b_));
    const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    const __m256 half = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
#endif
#if defined(__AVX__)
    return quad(_mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
#else
    const quad rows[4] = {quad(a.data), quad(b_.data), quad(c.data), quad(d.data)};
    return xsimd::haddp(rows);
#endif
}

/// Quads in a register.
inline constexpr int quads = static_cast<int>(width) / 4;
/// A register of the quads that lie `stride` floats apart from an aligned address on; and back.
DOMINO_INLINE floats load_quads(const float* from, [[maybe_unused]] index_t stride) {
    static_assert(width % 4 == 0);
#if defined(__AVX512F__)
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_load_ps(from)), _mm_load_ps(from + stride), 1);
    const __m256 high =
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_load_ps(from + 2 * stride)), _mm_load_ps(from + 3 * stride), 1);
    return _mm512_castpd_ps(
        _mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high), 1));
#elif defined(__AVX__)
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_load_ps(from)), _mm_load_ps(from + stride), 1);
#else
    return floats::load_aligned(from);
#endif
}
DOMINO_INLINE void store_quads(floats x, float* to, [[maybe_unused]] index_t stride) {
#if defined(__AVX512F__)
    _mm_store_ps(to, _mm512_castps512_ps128(x));
    _mm_store_ps(to + stride, _mm512_extractf32x4_ps(x, 1));
    _mm_store_ps(to + 2 * stride, _mm512_extractf32x4_ps(x, 2));
    _mm_store_ps(to + 3 * stride, _mm512_extractf32x4_ps(x, 3));
#elif defined(__AVX__)
    _mm_store_ps(to, _mm256_castps256_ps128(x));
    _mm_store_ps(to + stride, _mm256_extractf128_ps(x, 1));
#else
    x.store_aligned(to);
#endif
}
/// The first quad in each.
DOMINO_INLINE floats repeat_quad(floats x) {
#if defined(__AVX512F__)
    return _mm512_broadcast_f32x4(_mm512_castps512_ps128(x));
#elif defined(__AVX__)
    return _mm256_permute2f128_ps(x, x, 0);
#else
    return x;
#endif
}
/// A register that begins with x, the rest 0.
DOMINO_INLINE floats widen(quad x) {
#if defined(__AVX512F__)
    return _mm512_insertf32x4(_mm512_setzero_ps(), x, 0);
#elif defined(__AVX__)
    return _mm256_insertf128_ps(_mm256_setzero_ps(), x, 0);
#else
    return floats(x.data);
#endif
}

/// The sum of its quads, in the first one; the rest 0.
DOMINO_INLINE floats sum_quads(floats x) {
#if defined(__AVX512F__)
    const __m128 two = _mm_add_ps(_mm512_castps512_ps128(x), _mm512_extractf32x4_ps(x, 1));
    return widen(quad(_mm_add_ps(_mm_add_ps(two, _mm512_extractf32x4_ps(x, 2)), _mm512_extractf32x4_ps(x, 3))));
#elif defined(__AVX__)
    return widen(quad(_mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1))));
#else
    return x;
#endif
}

/// Lanes `first` to `first` + n of x, again and again.
template <int first, int n>
DOMINO_INLINE quad repeat_lanes(quad x) {
    if constexpr (n == 4) return x;
#if defined(__SSE2__)
    else return _mm_shuffle_ps(x, x, first | (first + 1 % n) << 2 | (first + 2 % n) << 4 | (first + 3 % n) << 6);
#else
    else {
        alignas(16) float lanes[4], repeated[4];
        x.store_aligned(lanes);
        for (int i = 0; i < 4; ++i) repeated[i] = lanes[first + i % n];
        return quad::load_aligned(repeated);
    }
#endif
}

/// to[i] = x[i] for i < n.
template <int n>
DOMINO_INLINE void store_first(quad x, float* to) {
    alignas(16) float lanes[4];
    x.store_aligned(lanes);
    std::memcpy(to, lanes, n * sizeof(float));
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Version, and the name of the architecture that this translation unit is compiled for.
#pragma once

#include <cstdint>

#define DOMINO_VERSION_MAJOR 0
#define DOMINO_VERSION_MINOR 1
#define DOMINO_VERSION_PATCH 0

#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(__FAST_MATH__) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "Domino needs infinities, NaNs, -0 and the order of its operations: compile without -ffast-math and its parts."
#endif

// Everything in Domino lives in an inline namespace with this name. Two translation units whose -m flags differ in
// what it lists then share no inline function, so the linker cannot hand AVX-512 code to a machine without it
// (xsimd #1311, botan #5260, numpy #25274).
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define DOMINO_AVX512BW  // with all that comes with it
#define DOMINO_SIMD avx512bw
#elif defined(__AVX512F__)
#define DOMINO_SIMD avx512f
#elif defined(__AVX2__) && defined(__FMA__)
#define DOMINO_SIMD avx2_fma
#elif defined(__AVX2__)
#define DOMINO_SIMD avx2
#elif defined(__AVX__) && defined(__FMA__)
#define DOMINO_SIMD avx_fma
#elif defined(__AVX__)
#define DOMINO_SIMD avx
#elif defined(__SSE4_2__)
#define DOMINO_SIMD sse4_2
#elif defined(__SSE4_1__)
#define DOMINO_SIMD sse4_1
#elif defined(__SSSE3__)
#define DOMINO_SIMD ssse3
#elif defined(__SSE3__)
#define DOMINO_SIMD sse3
#elif defined(__SSE2__) || defined(_M_X64)
#define DOMINO_SIMD sse2
#elif defined(__ARM_FEATURE_SVE)
#define DOMINO_SIMD sve
#elif defined(__aarch64__) || defined(_M_ARM64)
#define DOMINO_SIMD neon64
#elif defined(__ARM_NEON)
#define DOMINO_SIMD neon
#else
#define DOMINO_SIMD no_simd
#endif

#if defined(__F16C__)
#define DOMINO_F16C _f16c
#else
#define DOMINO_F16C
#endif
#if defined(__cpp_exceptions)
#define DOMINO_EXCEPTIONS
#else
#define DOMINO_EXCEPTIONS _noexceptions
#endif
#define DOMINO_JOIN_(a, b, c) a##b##c
#define DOMINO_JOIN(a, b, c) DOMINO_JOIN_(a, b, c)
#define DOMINO_ARCH DOMINO_JOIN(DOMINO_SIMD, DOMINO_F16C, DOMINO_EXCEPTIONS)

#if defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)  // sanitized, functions of such a size take minutes to compile
#define DOMINO_INLINE inline __attribute__((always_inline))
#define DOMINO_NOINLINE __attribute__((noinline))  // has the registers for itself
#define DOMINO_INLINE_LAMBDA __attribute__((always_inline))
#else
#define DOMINO_INLINE inline
#define DOMINO_NOINLINE
#define DOMINO_INLINE_LAMBDA
#endif

namespace domino::inline DOMINO_ARCH {

/// An index or an extent: signed, 64 bits, so that strides and products of extents never wrap by accident.
using index_t = std::int64_t;

}  // namespace domino::inline DOMINO_ARCH

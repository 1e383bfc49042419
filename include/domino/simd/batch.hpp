// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The SIMD types of this translation unit's architecture, and what xsimd 8 and xsimd 14 spell differently or lack.
#pragma once

#include <array>
#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace simd {

using arch = xsimd::default_arch;
using floats = xsimd::batch<float, arch>;
using ints = xsimd::batch<std::int32_t, arch>;
using bools = xsimd::batch_bool<float, arch>;

/// Floats in a register.
inline constexpr index_t width = floats::size;

// Registers of four floats, whose interleaving is one instruction everywhere.
#if defined(__SSE2__)
using quad_arch = xsimd::sse2;
#else
using quad_arch = arch;
#endif
using quad = xsimd::batch<float, quad_arch>;

// Loops of a few fused multiply-adds: their counters take issue slots (and ports) of the arithmetic.
#if defined(__clang__)
#define DOMINO_UNROLL_LOOP _Pragma("unroll 8")
#elif defined(__GNUC__)
#define DOMINO_UNROLL_LOOP _Pragma("GCC unroll 8")
#else
#define DOMINO_UNROLL_LOOP
#endif

/// f(constant 0), ..., f(constant n - 1), unrolled: the index is usable as a template argument.
template <int N, class F>
DOMINO_INLINE void unroll(F&& f) {
    [&]<int... I>(std::integer_sequence<int, I...>)
        DOMINO_INLINE_LAMBDA { (f(std::integral_constant<int, I>{}), ...); }(std::make_integer_sequence<int, N>{});
}

/// Whether fma rounds once.
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
inline constexpr bool fuses = true;
#else
inline constexpr bool fuses = false;
#endif

/// x * y + z, fused where the architecture can. (xsimd 8.1 has no AVX-512 fma, and Clang does not contract its x * y + z.)
DOMINO_INLINE floats fma(floats x, floats y, floats z) {
#if defined(__AVX512F__) && XSIMD_VERSION_MAJOR < 10
    return _mm512_fmadd_ps(x, y, z);
#else
    return xsimd::fma(x, y, z);
#endif
}

/// x / y and the root of x, rounded once. (xsimd 8.1's of NEON are estimates, with which a mask would differ from lane to point.)
DOMINO_INLINE floats divide(floats x, floats y) {
#if defined(__aarch64__)
    return vdivq_f32(x, y);
#else
    return x / y;
#endif
}
DOMINO_INLINE floats sqrt(floats x) {
#if defined(__aarch64__)
    return vsqrtq_f32(x);
#else
    return xsimd::sqrt(x);
#endif
}

template <class To, class From>
DOMINO_INLINE xsimd::batch<To, arch> bit_cast(xsimd::batch<From, arch> x) {
    if constexpr (std::is_same_v<To, From>) return x;
#if XSIMD_VERSION_MAJOR < 10
    else return xsimd::bitwise_cast<xsimd::batch<To, arch>>(x);
#else
    else return xsimd::bitwise_cast<To>(x);
#endif
}

/// x where c holds, else y. Integers pass as the floats with their bits: xsimd 8.1's select of AVX-512 integers does not
/// compile without optimization.
template <class T>
DOMINO_INLINE xsimd::batch<T, arch> select(bools c, xsimd::batch<T, arch> x, xsimd::batch<T, arch> y) {
    return bit_cast<T>(xsimd::select(c, bit_cast<float>(x), bit_cast<float>(y)));
}

/// -x, also of 0. (xsimd 8.1's AVX-512 takes x from 0, and 0 - 0 is not -0.)
DOMINO_INLINE floats negate(floats x) { return bit_cast<float>(bit_cast<std::int32_t>(x) ^ ints(INT32_MIN)); }
DOMINO_INLINE ints negate(ints x) { return -x; }

/// The larger and the smaller; y where either is NaN. (Of xsimd's it is the second in 8.1 and the first in 14.)
DOMINO_INLINE floats max(floats x, floats y) {
#if defined(__AVX512F__)
    return _mm512_max_ps(x, y);
#elif defined(__AVX__)
    return _mm256_max_ps(x, y);
#elif defined(__SSE2__)
    return _mm_max_ps(x, y);
#else
    return xsimd::select(x > y, x, y);
#endif
}
DOMINO_INLINE floats min(floats x, floats y) { return negate(max(negate(x), negate(y))); }

DOMINO_INLINE floats to_floats(floats x) { return x; }
DOMINO_INLINE floats to_floats(ints x) { return xsimd::to_float(x); }

DOMINO_INLINE bools to_bools(bools x) { return x; }
template <class T>
DOMINO_INLINE bools to_bools(xsimd::batch_bool<T, arch> x) {
#if XSIMD_VERSION_MAJOR < 10
    if constexpr (requires { bools(x.data); }) return bools(x.data);
    else return bools(bit_cast<float>(xsimd::batch<T, arch>(x.data)).data);
#else
    return xsimd::batch_bool_cast<float>(x);
#endif
}

#if defined(__GNUC__) && defined(__AVX512F__)
#define DOMINO_REGISTER "v"
#elif defined(__GNUC__) && defined(__SSE2__)
#define DOMINO_REGISTER "x"
#elif defined(__GNUC__) && defined(__aarch64__)
#define DOMINO_REGISTER "w"
#endif

/// Keeps x in a register. GCC takes a load for free and repeats it at each use.
DOMINO_INLINE void keep([[maybe_unused]] floats& x) {
#if defined(DOMINO_REGISTER)
    __asm__("" : "+" DOMINO_REGISTER(x.data));
#endif
}

/// Bytes of a cache line.
inline constexpr index_t line_bytes = 64;

/// Prefetches the line of memory at an address, whatever that is: into L1, into L2, or to be written soon. (GCC takes a
/// function that only does this for one without effect and drops its calls; hence the empty asm.)
enum class prefetch_to { l1, l2, write };
template <prefetch_to where = prefetch_to::l1>
DOMINO_INLINE void prefetch([[maybe_unused]] const void* at) {
#if defined(__GNUC__)
    __builtin_prefetch(at, where == prefetch_to::write, where == prefetch_to::l2 ? 2 : 3);
    __asm__ volatile("");
#endif
}
/// The same of each line of n elements.
template <prefetch_to where = prefetch_to::l1, class T>
DOMINO_INLINE void prefetch(const T* at, index_t n) {
    const char *line = reinterpret_cast<const char*>(at), *end = reinterpret_cast<const char*>(at + n);
    for (; line < end; line += line_bytes) prefetch<where>(line);
}

/// Reads from each line of n elements, so that they are near when they are used. A read, and of a whole register: hardware
/// prefetchers follow neither prefetch instructions nor, as well, reads of a byte.
template <class T>
DOMINO_INLINE void touch(const T* at, index_t n) {
    const char *from = reinterpret_cast<const char*>(at), *end = reinterpret_cast<const char*>(at + n);
    for (; from + sizeof(floats) <= end; from += line_bytes) {
        [[maybe_unused]] const floats x = floats::load_unaligned(reinterpret_cast<const float*>(from));
#if defined(DOMINO_REGISTER)
        __asm__ volatile("" : : DOMINO_REGISTER(x.data));
#endif
    }
}

/// x != y of truth values. (xsimd 8's own compares them as floats with SSE, where true, whose bits are a NaN, is not itself.)
DOMINO_INLINE bools different(bools x, bools y) { return (x | y) & !(x & y); }

/// All lanes of a truth value.
DOMINO_INLINE bools broadcast(bool x) { return floats(x ? 1.f : 0.f) != floats(0.f); }

DOMINO_INLINE std::int32_t first_lane(ints x) {
#if defined(__AVX512F__)
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(x));
#elif defined(__AVX__)
    return _mm_cvtsi128_si32(_mm256_castsi256_si128(x));
#else
    alignas(64) std::array<std::int32_t, static_cast<std::size_t>(width)> lanes;
    x.store_aligned(lanes.data());
    return lanes[0];
#endif
}

/// Lane i holds from[offset i]; T is float or std::int32_t. (xsimd 8.1 gathers lane by lane with AVX-512.)
template <class T>
DOMINO_INLINE xsimd::batch<T, arch> gather(const T* from, ints offset) {
#if defined(__AVX512F__)
    return bit_cast<T>(floats(_mm512_i32gather_ps(offset, from, sizeof(T))));
#elif defined(__AVX2__)
    return bit_cast<T>(floats(_mm256_i32gather_ps(reinterpret_cast<const float*>(from), offset, sizeof(T))));
#else
    alignas(64) std::array<std::int32_t, static_cast<std::size_t>(width)> offsets;
    alignas(64) std::array<T, static_cast<std::size_t>(width)> lanes;
    offset.store_aligned(offsets.data());
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] = from[offsets[i]];
    return xsimd::batch<T, arch>::load_aligned(lanes.data());
#endif
}

/// A register of integers that are stored as T.
template <class T>
DOMINO_INLINE ints load_ints(const T* from) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 1) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return ints(std::is_signed_v<T> ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes));
    }
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 1) {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return ints(std::is_signed_v<T> ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes));
    }
#endif
    alignas(64) std::array<std::int32_t, static_cast<std::size_t>(width)> lanes;
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] = static_cast<std::int32_t>(from[i]);
    return ints::load_aligned(lanes.data());
}

/// Lane i holds bit i.
DOMINO_INLINE bools from_bits(std::uint32_t x) {
#if defined(__AVX512F__)
    return bools(static_cast<__mmask16>(x));
#else
    alignas(64) static constexpr auto bit_of_lane = [] {
        std::array<std::int32_t, static_cast<std::size_t>(width)> bits{};
        for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = std::int32_t{1} << i;
        return bits;
    }();
    const ints bit = ints::load_aligned(bit_of_lane.data());
    return to_bools((ints(static_cast<std::int32_t>(x)) & bit) == bit);
#endif
}
/// Bit i holds lane i.
DOMINO_INLINE std::uint32_t to_bits(bools x) {
#if defined(__AVX512F__)
    return static_cast<__mmask16>(x);
#elif defined(__AVX__)
    return static_cast<std::uint32_t>(_mm256_movemask_ps(x));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(_mm_movemask_ps(x));
#else
    bool lanes[width];
    x.store_unaligned(lanes);
    std::uint32_t bits = 0;
    for (index_t i = 0; i < width; ++i) bits |= std::uint32_t{lanes[i]} << i;
    return bits;
#endif
}

/// Bit i tells of the i-th of 64 bytes whether it is not 0.
DOMINO_INLINE std::uint64_t not_zero(const void* bytes) {
#if defined(DOMINO_AVX512BW)
    const __m512i x = _mm512_loadu_si512(bytes);
    return _mm512_test_epi8_mask(x, x);
#else
    std::uint64_t bits = 0;
    for (int i = 0; i < 64;) {
        const auto* at = static_cast<const std::uint8_t*>(bytes) + i;
#if defined(__SSE2__)
        const __m128i zero = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), _mm_setzero_si128());
        bits |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(zero)) ^ 0xffffu} << i;
        i += 16;
#else
        bits |= std::uint64_t{*at != 0} << i;
        ++i;
#endif
    }
    return bits;
#endif
}

/// A register of what was written lane by lane. (GCC 12 for a Zen 4 loses some of it where it vectorizes the writing loop and may
/// look through memory: tests/domain_lanes.cpp.)
template <class T, std::size_t n>
DOMINO_INLINE xsimd::batch<T, arch> load_lanes(std::array<T, n>& lanes) {
#if defined(__GNUC__)
    __asm__("" : "+m"(lanes));
#endif
    return xsimd::batch<T, arch>::load_aligned(lanes.data());
}

/// f of each of the first `count` lanes and 0 beyond, through memory: for what has no instruction.
template <class F, class... Xs>
DOMINO_INLINE auto per_lane(index_t count, F f, Xs... x) {
    using R = decltype(f(typename Xs::value_type{}...));
    using To = std::conditional_t<std::is_same_v<R, float>, floats, ints>;
    alignas(64) std::array<typename To::value_type, static_cast<std::size_t>(width)> result{};
    const auto each = [&](const auto*... lane) {
        for (index_t i = 0; i < count; ++i)
            result[static_cast<std::size_t>(i)] = static_cast<typename To::value_type>(f(lane[i]...));
    };
    const auto stored = [](auto batch) {
        alignas(64) std::array<typename decltype(batch)::value_type, static_cast<std::size_t>(width)> lanes;
        batch.store_aligned(lanes.data());
        return lanes;
    };
    each(stored(x).data()...);
    return load_lanes(result);
}

}  // namespace simd
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What keys and values may be stored as. Arithmetic is always float32: these types only hold bits.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// IEEE 754 binary16: 1 sign, 5 exponent and 10 mantissa bits; largest finite value 65,504. From float: rounded to the
/// nearest, ties to even, too large gives infinity; NaN stays NaN.
struct float16 {
    std::uint16_t bits = 0;

    constexpr float16() = default;
    explicit constexpr float16(float x) {
        const auto f = std::bit_cast<std::uint32_t>(x);
        const std::uint32_t sign = f >> 16 & 0x8000u, magnitude = f & 0x7fffffffu;
        std::uint32_t half = 0;
        if (magnitude > 0x7f800000u) half = 0x7e00u | (magnitude >> 13 & 0x3ffu);
        else if (magnitude >= 0x477ff000u) half = 0x7c00u;
        else if (magnitude >= 0x38800000u) half = ((magnitude - 0x38000000u) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
        else  // subnormal: adding 1/2 leaves the rounded multiple of 2^-24 in the low mantissa bits
            half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
        bits = static_cast<std::uint16_t>(sign | half);
    }
    constexpr operator float() const {
        const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
        if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
        if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | (magnitude + 0x1c000u) << 13);
        const float x = static_cast<float>(magnitude) * 0x1p-24f;
        return sign ? -x : x;
    }
};

/// The upper half of a float32: its range, and 8 bits of precision. From float: rounded to the nearest, ties to even;
/// NaN stays NaN.
struct bfloat16 {
    std::uint16_t bits = 0;

    constexpr bfloat16() = default;
    explicit constexpr bfloat16(float x) {
        const auto f = std::bit_cast<std::uint32_t>(x);
        const bool nan = (f & 0x7fffffffu) > 0x7f800000u;
        bits = static_cast<std::uint16_t>((nan ? f | 0x400000u : f + 0x7fffu + (f >> 16 & 1u)) >> 16);
    }
    constexpr operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

namespace detail {

/// The least finite T: of a number, float16 or bfloat16.
template <class T>
constexpr T lowest() {
    T least{};
    if constexpr (std::same_as<T, float16>) least.bits = 0xfbff;
    else if constexpr (std::same_as<T, bfloat16>) least.bits = 0xff7f;
    else {
        static_assert(std::numeric_limits<T>::is_specialized, "domino: the least value of this type is not known");
        least = std::numeric_limits<T>::lowest();
    }
    return least;
}

}  // namespace detail

/// An element type of keys and values: float, float16, bfloat16, or std::int8_t with scales.
template <class T>
concept Element =
    std::same_as<T, float> || std::same_as<T, float16> || std::same_as<T, bfloat16> || std::same_as<T, std::int8_t>;

}  // namespace domino::inline DOMINO_ARCH

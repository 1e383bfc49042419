// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic that all domains share.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// Python's floor division; 0 where the divisor is 0. (The least integer by -1 overflows: the largest stands in.)
constexpr index_t floor_divide(index_t x, index_t y) {
    if (y == 0) return 0;
    if (y == -1) return x == std::numeric_limits<index_t>::min() ? std::numeric_limits<index_t>::max() : -x;
    const index_t quotient = x / y;
    return quotient - ((x % y != 0 && (x < 0) != (y < 0)) ? 1 : 0);
}
/// Python's modulo, whose sign is the divisor's; 0 where the divisor is 0.
constexpr index_t floor_modulo(index_t x, index_t y) {
    if (y == 0 || y == -1) return 0;  // so does this
    const index_t rest = x % y;
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

/// The largest power of two that is at most n > 0.
constexpr index_t floor_power_of_two(index_t n) {
    return static_cast<index_t>(std::bit_floor(static_cast<std::uint64_t>(n)));
}

// std::min and std::max, for headers that need no more of <algorithm>.
template <class T>
constexpr T smaller(T x, T y) {
    return y < x ? y : x;
}
template <class T>
constexpr T larger(T x, T y) {
    return x < y ? y : x;
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

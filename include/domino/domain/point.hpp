// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The point domain: an index is an integer, a mask's value is a bool. The meaning that the others must agree with.
#pragma once

#include <cmath>
#include <type_traits>

#include "domino/domain/integer.hpp"
#include "domino/expression/op.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// Calls f with both operands in their common type: index_t, or float where either is one.
template <class X, class Y, class F>
constexpr auto in_common_type(X x, Y y, F f) {
    if constexpr (std::is_same_v<X, Y>) return f(x, y);
    else return f(static_cast<float>(x), static_cast<float>(y));
}

/// x * y, rounded: a compiler that fuses it with a sum would tell a mask apart from the same mask elsewhere.
constexpr index_t product(index_t x, index_t y) { return x * y; }
constexpr float product(float x, float y) {
    float xy = x * y;
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))
    if (!std::is_constant_evaluated()) {
#if defined(__x86_64__)
        __asm__("" : "+x"(xy));
#else
        __asm__("" : "+w"(xy));
#endif
    }
#endif
    return xy;
}

}  // namespace detail

/// One element of the score matrix. A default-constructed point serves to ask for a value's type.
struct point {
    index_t b = 0, h = 0, q = 0, kv = 0;
    float score = 0;

    static constexpr auto constant(auto value) { return value; }

    // clang-format off
    constexpr auto operator()(op::add, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s + t; }); }
    constexpr auto operator()(op::subtract, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s - t; }); }
    constexpr auto operator()(op::multiply, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return detail::product(s, t); }); }
    constexpr auto operator()(op::divide, index_t x, index_t y) const { return detail::floor_divide(x, y); }
    constexpr auto operator()(op::modulo, index_t x, index_t y) const { return detail::floor_modulo(x, y); }
    constexpr auto operator()(op::divide, auto x, auto y) const { return static_cast<float>(x) / static_cast<float>(y); }
    constexpr auto operator()(op::modulo, auto x, auto y) const {
        const float s = static_cast<float>(x), t = static_cast<float>(y);
        return s - detail::product(t, std::floor(s / t));
    }
    constexpr auto operator()(op::negate, auto x) const { return -x; }

    constexpr bool operator()(op::equal, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s == t; }); }
    constexpr bool operator()(op::not_equal, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s != t; }); }
    constexpr bool operator()(op::less, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s < t; }); }
    constexpr bool operator()(op::less_equal, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s <= t; }); }
    constexpr bool operator()(op::greater, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s > t; }); }
    constexpr bool operator()(op::greater_equal, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s >= t; }); }

    constexpr bool operator()(op::logical_and, bool x, bool y) const { return x && y; }
    constexpr bool operator()(op::logical_or, bool x, bool y) const { return x || y; }
    constexpr bool operator()(op::logical_xor, bool x, bool y) const { return x != y; }
    constexpr bool operator()(op::logical_not, bool x) const { return !x; }

    constexpr auto operator()(op::absolute, index_t x) const { return x < 0 ? -x : x; }
    constexpr auto operator()(op::absolute, float x) const { return __builtin_fabsf(x); }  // of -0 it is +0
    constexpr auto operator()(op::minimum, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return t < s ? t : s; }); }
    constexpr auto operator()(op::maximum, auto x, auto y) const { return detail::in_common_type(x, y, [](auto s, auto t) { return s < t ? t : s; }); }
    constexpr auto operator()(op::where, bool c, auto x, auto y) const { return detail::in_common_type(x, y, [c](auto s, auto t) { return c ? s : t; }); }
    constexpr float operator()(op::tanh, auto x) const { return std::tanh(static_cast<float>(x)); }
    constexpr float operator()(op::exp, auto x) const { return std::exp(static_cast<float>(x)); }
    constexpr float operator()(op::log, auto x) const { return std::log(static_cast<float>(x)); }
    constexpr float operator()(op::sqrt, auto x) const { return std::sqrt(static_cast<float>(x)); }
    // clang-format on

    /// A table's entry; each index is clamped into the table.
    constexpr auto lookup(const auto& table, auto... index) const { return table.at(index...); }
    /// A functor of plain integers.
    constexpr auto call(const auto& functor, auto... x) const { return functor.at(x...); }
    /// What was evaluated before.
    static constexpr auto known(auto value) { return value; }
};

}  // namespace domino::inline DOMINO_ARCH

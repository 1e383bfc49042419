// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The operators and functions of the language. Each is a tag with the symbol it prints; domain/ gives the meanings.
#pragma once

#include "domino/domain/interval.hpp"
#include "domino/error.hpp"
#include "domino/expression/node.hpp"
#include "domino/expression/op.hpp"

namespace domino::inline DOMINO_ARCH {

/// What may stand beside an expression as an operand: another expression, a number or a truth value.
template <class T>
concept Operand = Expression<T> || std::is_arithmetic_v<std::remove_cvref_t<T>>;

namespace detail {
/// Throws where an unsigned number would wrap.
template <std::integral T>
constexpr index_t as_index(T x) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(index_t))
        if (x > static_cast<T>(interval::most))
            fail("a number of an expression", "at most 2^63 - 1", std::to_string(x));
    return static_cast<index_t>(x);
}
}  // namespace detail

/// An operand as a node: integers become 64 bits wide, floating-point numbers become float.
template <Operand T>
constexpr auto as_node(const T& x) {
    if constexpr (Expression<T>) return x;
    else if constexpr (std::same_as<T, bool>) return constant<bool>(x);
    else if constexpr (std::integral<T>) return constant<index_t>(detail::as_index(x));
    else return constant<float>(static_cast<float>(x));
}

template <class E>
concept TruthExpression = Expression<E> && std::same_as<value_t<E>, bool>;
template <class E>
concept NumberExpression = Expression<E> && !std::same_as<value_t<E>, bool>;

namespace detail {

template <class Op, Operand... Xs>
constexpr auto arithmetic(const Xs&... x) {
    static_assert((NumberExpression<decltype(as_node(x))> && ...),
                  "domino: arithmetic and comparison need numbers, and one operand is a truth value: "
                  "turn it into a number with where(condition, 1, 0)");
    return operation<Op, decltype(as_node(x))...>(as_node(x)...);
}

template <class Op, Operand... Xs>
constexpr auto logic(const Xs&... x) {
    static_assert((TruthExpression<decltype(as_node(x))> && ...),
                  "domino: && || ! ^ join truth values, and one operand is a number: compare it first, as in kv <= q "
                  "(bits of integers are for functors of plain integers: domino::scalar(f))");
    return operation<Op, decltype(as_node(x))...>(as_node(x)...);
}

/// True where `x && y` is just `y` by its type: x holds no data and y already begins with it.
template <class X, class Y>
inline constexpr bool implied = std::is_empty_v<X> && std::same_as<X, Y>;
template <class X, class Y, class Z>
inline constexpr bool implied<X, operation<op::logical_and, Y, Z>> = implied<X, Y>;

template <class... Xs>
concept Operands = (Operand<Xs> && ...) && (Expression<Xs> || ...);

}  // namespace detail

// clang-format off
// Arithmetic: integers stay integers; an integer beside a float becomes a float. Integer / and % floor, as in
// Python; x / 0 and x % 0 are 0 for integers, as in NumPy.
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator+(const X& x, const Y& y) { return detail::arithmetic<op::add>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator-(const X& x, const Y& y) { return detail::arithmetic<op::subtract>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator*(const X& x, const Y& y) { return detail::arithmetic<op::multiply>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator/(const X& x, const Y& y) { return detail::arithmetic<op::divide>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator%(const X& x, const Y& y) { return detail::arithmetic<op::modulo>(x, y); }
template <Expression X>
constexpr auto operator-(const X& x) { return detail::arithmetic<op::negate>(x); }

template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator==(const X& x, const Y& y) { return detail::arithmetic<op::equal>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator!=(const X& x, const Y& y) { return detail::arithmetic<op::not_equal>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator<(const X& x, const Y& y) { return detail::arithmetic<op::less>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator<=(const X& x, const Y& y) { return detail::arithmetic<op::less_equal>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator>(const X& x, const Y& y) { return detail::arithmetic<op::greater>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator>=(const X& x, const Y& y) { return detail::arithmetic<op::greater_equal>(x, y); }

/// Both. `causal && last_n(n)` is just `last_n(n)`, which begins with the same `kv <= q`.
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator&&(const X& x, const Y& y) {
    if constexpr (detail::implied<X, Y>) return y;
    else return detail::logic<op::logical_and>(x, y);
}
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator||(const X& x, const Y& y) { return detail::logic<op::logical_or>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto operator^(const X& x, const Y& y) { return detail::logic<op::logical_xor>(x, y); }
template <Expression X>
constexpr auto operator!(const X& x) { return detail::logic<op::logical_not>(x); }

// Bits of integers are for functors of plain integers: domino::scalar(f). Truth values are joined by && and ||.
template <class X, class Y> requires detail::Operands<X, Y>
void operator&(const X&, const Y&) = delete;  // domino: no bits in the language: write && for "and", or scalar(f)
template <class X, class Y> requires detail::Operands<X, Y>
void operator|(const X&, const Y&) = delete;  // domino: no bits in the language: write || for "or", or scalar(f)

/// |x|; min(x, y) is y < x ? y : x, and max(x, y) is x < y ? y : x, of NaN as well.
template <Expression X>
constexpr auto abs(const X& x) { return detail::arithmetic<op::absolute>(x); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto min(const X& x, const Y& y) { return detail::arithmetic<op::minimum>(x, y); }
template <class X, class Y> requires detail::Operands<X, Y>
constexpr auto max(const X& x, const Y& y) { return detail::arithmetic<op::maximum>(x, y); }
/// `min(max(x, lo), hi)`
template <Expression X, Operand Lo, Operand Hi>
constexpr auto clamp(const X& x, const Lo& lo, const Hi& hi) { return min(max(x, lo), hi); }

/// Functions of a float; an integer operand becomes a float. By lanes tanh, exp and log may differ from the point domain's in the
/// last place; log and sqrt of less than 0 are NaN, log of 0 is -inf.
template <Expression X>
constexpr auto tanh(const X& x) { return detail::arithmetic<op::tanh>(x); }
template <Expression X>
constexpr auto exp(const X& x) { return detail::arithmetic<op::exp>(x); }
template <Expression X>
constexpr auto log(const X& x) { return detail::arithmetic<op::log>(x); }
template <Expression X>
constexpr auto sqrt(const X& x) { return detail::arithmetic<op::sqrt>(x); }

// clang-format on

/// `yes` where `condition` holds, else `no`; both are evaluated. Either two truth values or two numbers.
template <Operand C, Operand X, Operand Y>
requires detail::Operands<C, X, Y>
constexpr auto where(const C& condition, const X& yes, const Y& no) {
    static_assert(TruthExpression<decltype(as_node(condition))>,
                  "domino: the condition of where(condition, a, b) must be a truth value, as in kv <= q");
    static_assert(TruthExpression<decltype(as_node(yes))> == TruthExpression<decltype(as_node(no))>,
                  "domino: where(condition, a, b) needs two truth values or two numbers");
    return operation<op::where, decltype(as_node(condition)), decltype(as_node(yes)), decltype(as_node(no))>(
        as_node(condition), as_node(yes), as_node(no));
}

}  // namespace domino::inline DOMINO_ARCH

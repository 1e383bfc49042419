// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functors as expressions. A generic one, (auto b, auto h, auto q, auto kv), is called once with the placeholders and
// so writes its own expression; one of plain integers becomes a leaf that is called for every element.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "domino/domain/interval.hpp"
#include "domino/expression/operators.hpp"

namespace domino::inline DOMINO_ARCH {

/// A leaf that is called with plain indices: `functor.at(i...)` gives a value, `functor.over(intervals...)` its
/// range, `functor.words(texts...)` its text. Its arguments are expressions, so that substitution reaches them. One that
/// reads data by pair may give what it has of `count` keys from the last index on at once: `functor.row(count, i...)`
/// integers, not 0 where it is true (null where they do not lie side by side), or `functor.word(count, i...)` bits
/// (of at most 64).
template <class Functor, Expression... Arguments>
struct call : node {
    using value_type = decltype(std::declval<const Functor&>().at(value_t<Arguments>{}...));
    [[no_unique_address]] Functor functor;
    [[no_unique_address]] children<Arguments...> arguments;
    static constexpr bool by_pair = requires { &Functor::row; } || requires { &Functor::word; };
    static constexpr axes depends_on =
        (Arguments::depends_on | ... | axes::none) | (by_pair ? axes::pairs : axes::none);
    explicit constexpr call(Functor f, const Arguments&... x) : functor(std::move(f)), arguments(x...) {}
    template <class Domain>
    constexpr auto evaluate(const Domain& at) const {
        return arguments.apply([&](const Arguments&... x) { return ask(at, functor, domino::evaluate(x, at)...); });
    }
    template <class Domain>
    static constexpr auto ask(const Domain& at, const Functor& of, const auto&... x) {
        return at.call(of, x...);
    }
};

namespace detail {

template <class F>
concept IntegerMask = !Expression<F> && std::is_invocable_r_v<bool, const F&, int, int, int, int>;
template <class F>
concept IntegerScore = !Expression<F> && std::is_invocable_r_v<float, const F&, float, int, int, int, int>;

using b_t = placeholder<axes::b>;
using h_t = placeholder<axes::h>;
using q_t = placeholder<axes::q>;
using kv_t = placeholder<axes::kv>;
using score_t = placeholder<axes::score>;

/// No bound: nothing is known of a tile.
struct unbounded_functor {};

/// A mask of plain integers. `Bound`, if any, is called with four intervals and gives a `truth`.
template <class F, class Bound>
struct integer_mask {
    [[no_unique_address]] F f;
    [[no_unique_address]] Bound bound;
    constexpr bool at(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        return static_cast<bool>(
            f(static_cast<int>(b_), static_cast<int>(h_), static_cast<int>(q_), static_cast<int>(kv_)));
    }
    constexpr truth over(interval b_, interval h_, interval q_, interval kv_) const {
        if constexpr (std::is_same_v<Bound, unbounded_functor>) return truth::unknown();
        else return bound(b_, h_, q_, kv_);
    }
    static auto words(const auto&... x) { return call_text("scalar", x...); }
};

/// A score mod of plain numbers.
template <class F>
struct integer_score {
    [[no_unique_address]] F f;
    constexpr float at(float score_, index_t b_, index_t h_, index_t q_, index_t kv_) const {
        return static_cast<float>(
            f(score_, static_cast<int>(b_), static_cast<int>(h_), static_cast<int>(q_), static_cast<int>(kv_)));
    }
    static constexpr real_interval over(auto...) { return real_interval::anything(); }
    static auto words(const auto&... x) { return call_text("scalar", x...); }
};

/// Whether a functor gives an expression for placeholders; of a generic one declared to return bool or a number, whose body may not
/// compile for them, only calls with plain numbers are asked for.
template <class F, class... Placeholders>
consteval bool gives_expression() {
    if constexpr (!Expression<F> && std::invocable<const F&, Placeholders...>) {
        if constexpr (std::is_arithmetic_v<std::invoke_result_t<const F&, Placeholders...>>)
            return !IntegerMask<F> && !IntegerScore<F>;
        else return true;
    } else return false;
}
template <class F>
concept GenericMask = gives_expression<F, b_t, h_t, q_t, kv_t>();
template <class F>
concept GenericScore = gives_expression<F, score_t, b_t, h_t, q_t, kv_t>();

}  // namespace detail

/// A functor of plain integers as an expression: f(int b, int h, int q, int kv) -> bool is a mask mod,
/// f(float score, int b, int h, int q, int kv) -> float a score mod. It is called for every element of every tile
/// that is not decided otherwise, and with no row or key beyond the call's; its own tiles are all partial. May be called
/// from several threads at once.
template <class F>
constexpr auto scalar(F f) {
    using namespace detail;
    static_assert(IntegerMask<F> || IntegerScore<F>,
                  "domino: scalar(f) needs f(int b, int h, int q, int kv) -> bool "
                  "or f(float score, int b, int h, int q, int kv) -> float");
    if constexpr (IntegerMask<F>)
        return call<integer_mask<F, unbounded_functor>, b_t, h_t, q_t, kv_t>({std::move(f), {}}, {}, {}, {}, {});
    else return call<integer_score<F>, score_t, b_t, h_t, q_t, kv_t>({std::move(f)}, {}, {}, {}, {}, {});
}

/// The mask mod as an expression, whatever kind it is; an expression is itself, by reference.
template <class M>
constexpr decltype(auto) as_mask(const M& mask_mod) {
    using namespace detail;
    if constexpr (Expression<M>) return (mask_mod);
    else if constexpr (Operand<M>) return as_node(mask_mod);
    else if constexpr (GenericMask<M>) return as_node(mask_mod(b_t{}, h_t{}, q_t{}, kv_t{}));
    else if constexpr (IntegerMask<M>) return scalar(mask_mod);
    else
        static_assert(Operand<M>,
                      "domino: a mask mod is an expression of truth value, as in kv <= q, or a functor "
                      "(b, h, q, kv) that returns one, or bool from four ints");
}

/// The score mod as an expression of float value that may use `score`; an expression is itself, by reference.
template <class S>
constexpr decltype(auto) as_score_mod(const S& score_mod) {
    using namespace detail;
    if constexpr (Expression<S>) return (score_mod);
    else if constexpr (Operand<S>) return as_node(score_mod);
    else if constexpr (GenericScore<S>) return as_node(score_mod(score_t{}, b_t{}, h_t{}, q_t{}, kv_t{}));
    else if constexpr (IntegerScore<S>) return scalar(score_mod);
    else
        static_assert(Operand<S>,
                      "domino: a score mod is an expression of float value, as in score - slope * (q - kv), "
                      "or a functor (score, b, h, q, kv) that returns one");
}

/// The type of a mask mod's expression.
template <class M>
using mask_t = std::remove_cvref_t<decltype(as_mask(std::declval<const M&>()))>;

namespace detail {

template <class M>
concept MaskFunctor = GenericMask<M> || IntegerMask<M>;
template <class S>
concept ScoreFunctor = GenericScore<S> || IntegerScore<S>;

template <class M>
constexpr bool is_mask_mod() {
    if constexpr (Operand<M> || MaskFunctor<M>)
        return TruthExpression<mask_t<M>> && !depends_on<mask_t<M>>(axes::score);
    else return false;
}
template <class S>
constexpr bool is_score_mod() {
    if constexpr (std::is_arithmetic_v<S>) return false;  // whatever it was meant to be, all scores alike are of no use
    else if constexpr (Operand<S> || ScoreFunctor<S>)
        return NumberExpression<decltype(as_score_mod(std::declval<const S&>()))>;
    else return false;
}

/// `holds`, as part of a concept that is to fail with a sentence: compilers print the line.
consteval bool expected(bool holds, const char*) { return holds; }

}  // namespace detail

/// A mask mod (attnax, FlexAttention): truth value over (b, h, q, kv), true = attend. An expression, a bool, a generic
/// functor (auto b, auto h, auto q, auto kv), or a functor of four ints.
template <class M>
concept MaskMod = detail::expected(
    detail::is_mask_mod<M>(),
    "domino: a mask mod is a truth value over b, h, q, kv, as in kv <= q, or a functor (b, h, q, kv) that returns one");

/// A score mod (attnax, FlexAttention): the new score over (score, b, h, q, kv).
template <class S>
concept ScoreMod =
    detail::expected(detail::is_score_mod<S>(),
                     "domino: a score mod is a number over score, b, h, q, kv, as in score - 0.1f * q, or "
                     "a functor (score, b, h, q, kv) that returns one");

// Functors join expressions, and each other, by the same operators: causal && [](auto b, auto h, auto q, auto kv) { ... }.
namespace detail {
template <class... Xs>
concept WithFunctor =
    ((TruthExpression<Xs> || MaskFunctor<Xs> || std::same_as<Xs, bool>)&&...) && (MaskFunctor<Xs> || ...);
/// As std::function: !f asks whether there is one.
template <class F>
concept MayBeAbsent = std::is_constructible_v<bool, F> && !std::is_convertible_v<F, bool>;
}  // namespace detail
template <class X, class Y>
requires detail::WithFunctor<X, Y>
constexpr auto operator&&(const X& x, const Y& y) {
    return as_mask(x) && as_mask(y);
}
template <class X, class Y>
requires detail::WithFunctor<X, Y>
constexpr auto operator||(const X& x, const Y& y) {
    return as_mask(x) || as_mask(y);
}
template <class X, class Y>
requires detail::WithFunctor<X, Y>
constexpr auto operator^(const X& x, const Y& y) {
    return as_mask(x) ^ as_mask(y);
}
template <detail::MaskFunctor X>
requires(!detail::MayBeAbsent<X>)
constexpr auto operator!(const X& x) {
    return !as_mask(x);
}

}  // namespace domino::inline DOMINO_ARCH

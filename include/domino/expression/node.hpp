// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tree: placeholders, constants and operations. A node knows two things: which indices it depends on,
// and how to evaluate itself in a domain. What an operator *means* is the domain's business (domain/).
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "domino/expression/op.hpp"

namespace domino::inline DOMINO_ARCH {

/// A set of indices that an expression depends on; and whether it divides keys into `blocks`, as kv / 64 does, and whether it reads
/// data by `pairs`: with an entry for each q and kv, those of neighbouring keys side by side.
enum class axes : unsigned { none = 0, b = 1, h = 2, q = 4, kv = 8, score = 16, blocks = 32, pairs = 64 };

constexpr axes operator|(axes x, axes y) { return axes(unsigned(x) | unsigned(y)); }
constexpr axes operator&(axes x, axes y) { return axes(unsigned(x) & unsigned(y)); }

/// A node of an expression: `depends_on` says which indices it reads, `evaluate(domain)` gives its value, and `value_type`
/// is that value's type at a point: `bool`, `index_t` or `float`.
template <class T>
concept Expression = requires {
    typename std::remove_cvref_t<T>::value_type;
    { std::remove_cvref_t<T>::depends_on } -> std::same_as<const axes&>;
};

/// The type an expression has at a point.
template <Expression E>
using value_t = typename std::remove_cvref_t<E>::value_type;

/// The value of `expression` in `domain`, which holds a value for each placeholder and a meaning for each operator.
template <Expression E, class Domain>
DOMINO_INLINE constexpr auto evaluate(const E& expression, const Domain& domain) {
    return expression.evaluate(domain);
}

/// True where `expression` reads one of `which`: `depends_on<E>(axes::b | axes::h)`.
template <Expression E>
constexpr bool depends_on(axes which) {
    return (E::depends_on & which) != axes::none;
}

/// Base of every node. Its conversion to bool is there to fail: `if (mask)` and `mask ? a : b` stop with this sentence.
struct node {
    template <std::same_as<bool> T>
    explicit constexpr operator T() const {
        static_assert(!std::same_as<T, bool>,
                      "domino: a mask is an expression, not a bool yet: write where(condition, a, b) in place of "
                      "if or ?:, or wrap a functor that needs plain integers in domino::scalar(f)");
        return false;
    }
};

/// An index of the score matrix, or the score itself.
template <axes Axis>
struct placeholder : node {
    using value_type = std::conditional_t<Axis == axes::score, float, index_t>;
    static constexpr axes depends_on = Axis;
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        if constexpr (Axis == axes::b) return at.b;
        else if constexpr (Axis == axes::h) return at.h;
        else if constexpr (Axis == axes::q) return at.q;
        else if constexpr (Axis == axes::kv) return at.kv;
        else return at.score;
    }
};

template <class E>
inline constexpr bool is_placeholder = false;
template <axes Axis>
inline constexpr bool is_placeholder<placeholder<Axis>> = true;

inline constexpr placeholder<axes::b> b{};          ///< batch entry
inline constexpr placeholder<axes::h> h{};          ///< query head
inline constexpr placeholder<axes::q> q{};          ///< query position (row + `q_offset`)
inline constexpr placeholder<axes::kv> kv{};        ///< key position
inline constexpr placeholder<axes::score> score{};  ///< the score so far: scale * dot(q, k), then each score mod

/// A literal or a run-time scalar, held by value: `index_t`, `float` or `bool`.
template <class T>
struct constant : node {
    using value_type = T;
    T value;
    static constexpr axes depends_on = axes::none;
    explicit constexpr constant(T v) : value(v) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return at.constant(value);
    }
};

template <std::size_t Place, Expression X>
struct child {
    [[no_unique_address]] X expression;
    explicit constexpr child(const X& x) : expression(x) {}
};
template <class Places, Expression... Xs>
struct child_list;
template <std::size_t... Place, Expression... Xs>
struct child_list<std::index_sequence<Place...>, Xs...> : child<Place, Xs>... {
    explicit constexpr child_list(const Xs&... x) : child<Place, Xs>(x)... {}
    /// f(x...)
    DOMINO_INLINE constexpr auto apply(const auto& f) const { return f(child<Place, Xs>::expression...); }
    /// f(x, place) for each, in order.
    constexpr void visit(const auto& f) { (f(child<Place, Xs>::expression, Place), ...); }
};
/// The expressions below a node. A tree of std::tuples would compile ten times as long; and constructors, for g++ 12 folds
/// an aggregate in their place to zeros.
template <Expression... Xs>
using children = child_list<std::index_sequence_for<Xs...>, Xs...>;

/// An operator of `op::` over operands.
template <class Op, Expression... Operands>
struct operation : node {
    using value_type = typename Op::template value<value_t<Operands>...>;
    [[no_unique_address]] children<Operands...> operands;
    static constexpr axes operands_depend_on = (Operands::depends_on | ... | axes::none);
    static constexpr axes depends_on = std::is_same_v<Op, op::divide> && std::is_same_v<value_type, index_t> &&
                                               (operands_depend_on & axes::kv) != axes::none
                                         ? operands_depend_on | axes::blocks
                                         : operands_depend_on;
    explicit constexpr operation(const Operands&... x) : operands(x...) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return operands.apply([&](const auto& first, const auto&... rest) DOMINO_INLINE_LAMBDA {
            if constexpr (requires { at.settles(Op{}, domino::evaluate(first, at)); }) {
                const auto value = domino::evaluate(first, at);  // a range of && or || may need no more
                return at.settles(Op{}, value) ? value : at(Op{}, value, domino::evaluate(rest, at)...);
            } else {
                return at(Op{}, domino::evaluate(first, at), domino::evaluate(rest, at)...);
            }
        });
    }
};

}  // namespace domino::inline DOMINO_ARCH

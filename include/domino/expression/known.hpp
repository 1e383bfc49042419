// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Partial evaluation: the same expression, in which what some indices do not change is known already. A loop over these
// indices evaluates the rest alone.
#pragma once

#include <utility>

#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// Stands for an expression E; its value in a domain is f(domain).
template <Expression E, class F>
struct stand_in : node {
    using value_type = value_t<E>;
    F f;
    static constexpr axes depends_on = E::depends_on;
    explicit constexpr stand_in(F g) : f(std::move(g)) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return f(at);
    }
};
template <Expression E, class F>
DOMINO_INLINE constexpr auto stands_for(F f) {
    return stand_in<E, F>(std::move(f));
}

}  // namespace detail

/// The domain of expressions in which whatever reads none of `open` is evaluated by find(expression), once; a domain that
/// comes later makes its value of that: domain.known(found). Tables and functors are not copied.
template <axes open, class Find>
struct knowing : substitution<> {
    Find find;
    explicit constexpr knowing(Find f) : find(std::move(f)) {}

    template <class Op, Expression... Xs>
    DOMINO_INLINE constexpr auto operator()(Op, const Xs&... x) const {
        return known(operation<Op, Xs...>(x...));
    }
    template <class Table, Expression... Xs>
    DOMINO_INLINE constexpr auto lookup(const Table& table, const Xs&... x) const {
        return known(detail::stands_for<domino::lookup<Table, Xs...>>(
            [&table, x...](const auto& at) DOMINO_INLINE_LAMBDA { return at.lookup(table, evaluate(x, at)...); }));
    }
    template <class Functor, Expression... Xs>
    DOMINO_INLINE constexpr auto call(const Functor& functor, const Xs&... x) const {
        return known(detail::stands_for<domino::call<Functor, Xs...>>(
            [&functor, x...](const auto& at) DOMINO_INLINE_LAMBDA { return at.call(functor, evaluate(x, at)...); }));
    }
    /// Lanes do not listen.
    DOMINO_INLINE constexpr auto sharpened(const auto& e, const auto&...) const { return e; }

private:
    template <Expression E>
    DOMINO_INLINE constexpr auto known(const E& e) const {
        if constexpr (domino::depends_on<E>(open)) return e;
        else
            return detail::stands_for<E>([found = find(e)](const auto& at)
                                             DOMINO_INLINE_LAMBDA { return at.known(found); });
    }
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Partial evaluation: the same expression, in which what some indices do not change is known already. A loop over these
// indices evaluates the rest alone.
#pragma once

#include <utility>

#include "domino/expression/functor.hpp"
#include "domino/expression/substitute.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// Stands for an expression of T that reads `Axes` and was evaluated; a domain makes its value of what was found then:
/// domain.known(found).   (Only these facts of the expression: as a type it would be spelled out again at every level.)
template <class T, axes Axes, class Found>
struct known : node {
    using value_type = T;
    static constexpr axes depends_on = Axes;
    Found found;
    explicit constexpr known(const Found& f) : found(f) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return at.known(found);
    }
};

/// An expression, not copied.
template <Expression E>
struct borrowed : node {
    using value_type = value_t<E>;
    static constexpr axes depends_on = E::depends_on;
    const E& expression;
    explicit constexpr borrowed(const E& e) : expression(e) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return domino::evaluate(expression, at);
    }
};

/// A look-up in a table, or a call of a functor, that is not copied.
template <template <class, class...> class Node, class Held, Expression... Xs>
struct borrowing : node {
    using value_type = typename Node<Held, Xs...>::value_type;
    static constexpr axes depends_on = Node<Held, Xs...>::depends_on;
    const Held& held;
    [[no_unique_address]] children<Xs...> operands;
    explicit constexpr borrowing(const Held& h_, const Xs&... x) : held(h_), operands(x...) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return operands.apply([&](const auto&... x) DOMINO_INLINE_LAMBDA {
            return Node<Held, Xs...>::ask(at, held, domino::evaluate(x, at)...);
        });
    }
};

/// The domain of expressions in which whatever reads none of `open` is known: find(expression), evaluated once.
template <axes open, class Find>
struct knowing : substitution<> {
    Find find;
    explicit constexpr knowing(Find f) : find(std::move(f)) {}

    template <class Op, Expression... Xs>
    DOMINO_INLINE constexpr auto operator()(Op, const Xs&... x) const {
        return if_closed(operation<Op, Xs...>(x...));
    }
    template <class Table, Expression... Xs>
    DOMINO_INLINE constexpr auto lookup(const Table& table, const Xs&... x) const {
        return if_closed(borrowing<domino::lookup, Table, Xs...>(table, x...));
    }
    template <class Functor, Expression... Xs>
    DOMINO_INLINE constexpr auto call(const Functor& functor, const Xs&... x) const {
        return if_closed(borrowing<domino::call, Functor, Xs...>(functor, x...));
    }
    /// Sharpeners are dropped: only the range domain asks them.
    void sharpened(const auto&...) const = delete;

private:
    template <Expression E>
    DOMINO_INLINE constexpr auto if_closed(const E& e) const {
        if constexpr (depends_on<E>(open)) {
            return e;
        } else {
            const auto found = find(e);
            return known<value_t<E>, E::depends_on, std::remove_const_t<decltype(found)>>(found);
        }
    }
};

/// The expression in which whatever reads none of `open` is known.
template <axes open, Expression E, class Find>
DOMINO_INLINE constexpr auto knowing_all_but(const E& expression, Find find) {
    return evaluate(expression, knowing<open, Find>(std::move(find)));
}

}  // namespace domino::inline DOMINO_ARCH

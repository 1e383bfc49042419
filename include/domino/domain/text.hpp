// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text domain: an index is its name, a mask's value is its source text.
#pragma once

#include <charconv>
#include <string>

#include "domino/expression/functor.hpp"

namespace domino::inline DOMINO_ARCH {

/// Source text with the precedence of its outermost operator, so that only needed parentheses are printed.
struct text {
    std::string words;
    int precedence = 10;
};

namespace detail {
inline std::string in_parentheses(const text& x, int at_least) {
    return x.precedence < at_least ? "(" + x.words + ")" : x.words;
}
inline std::string comma_separated() { return {}; }
inline std::string comma_separated(const text& first, const auto&... rest) {
    std::string out = first.words;
    ((out += ", " + rest.words), ...);
    return out;
}
}  // namespace detail

/// The words of a leaf `name` with these arguments.
text call_text(const std::string& name, const auto&... x) { return {name + "(" + detail::comma_separated(x...) + ")"}; }

/// Names for the placeholders.
struct writer {
    text b{"b"}, h{"h"}, q{"q"}, kv{"kv"}, score{"score"};

    static text constant(bool x) { return {x ? "true" : "false"}; }
    static text constant(index_t x) { return {std::to_string(x), x < 0 ? 9 : 10}; }
    static text constant(float x) {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
        std::string words(digits, end);
        if (words.find_first_of(".en") == std::string::npos) words += ".0";
        return {words, x < 0 ? 9 : 10};
    }

    template <class Op>
    text operator()(Op, const auto&... x) const {
        if constexpr (!requires { Op::precedence; }) return call_text(Op::symbol, x...);
        else if constexpr (sizeof...(x) == 1)
            return {std::string(Op::symbol).append((detail::in_parentheses(x, Op::precedence + 1) + ...)),
                    Op::precedence};
        else return infix(Op::symbol, Op::precedence, x...);
    }

    text lookup(const auto& table, const auto&... index) const { return call_text(table.name(), index...); }
    text call(const auto& functor, const auto&... x) const { return functor.words(x...); }

private:
    static text infix(const std::string& symbol, int precedence, const text& x, const text& y) {
        // C++ operators group from the left; && and || need no parentheses on either side
        const bool associative = symbol == "&&" || symbol == "||" || symbol == "+";
        return {detail::in_parentheses(x, precedence) + " " + symbol + " " +
                    detail::in_parentheses(y, precedence + (associative ? 0 : 1)),
                precedence};
    }
};

/// The expression's source text: `to_string(causal && q - kv < 1024)` is "kv <= q && q - kv < 1024".
template <Expression E>
std::string to_string(const E& expression) {
    return evaluate(expression, writer{}).words;
}
/// The same of a functor, as the expression that it writes.
template <detail::MaskFunctor F>
std::string to_string(const F& mask_mod) {
    return to_string(as_mask(mask_mod));
}
template <detail::ScoreFunctor F>
std::string to_string(const F& score_mod) {
    return to_string(as_score_mod(score_mod));
}

}  // namespace domino::inline DOMINO_ARCH

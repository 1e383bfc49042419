// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One empty tag an operator, with the type of its value, the symbol it prints and how tightly it binds (as in C++).
#pragma once

#include <type_traits>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace op {

// What an operation's value is, by its operands' values: `bool`, `index_t` or `float`.
/// The operands' type; float where they differ.
struct of_operands {
    template <class X, class Y = X>
    using value = std::conditional_t<std::is_same_v<X, Y>, X, float>;
};
struct of_truth {
    template <class...>
    using value = bool;
};
struct of_float {
    template <class...>
    using value = float;
};
struct of_branches {
    template <class, class X, class Y>
    using value = of_operands::value<X, Y>;
};

// clang-format off
struct add           : of_operands { static constexpr auto symbol = "+";  static constexpr int precedence = 7; };
struct subtract      : of_operands { static constexpr auto symbol = "-";  static constexpr int precedence = 7; };
struct multiply      : of_operands { static constexpr auto symbol = "*";  static constexpr int precedence = 8; };
struct divide        : of_operands { static constexpr auto symbol = "/";  static constexpr int precedence = 8; };
struct modulo        : of_operands { static constexpr auto symbol = "%";  static constexpr int precedence = 8; };
struct negate        : of_operands { static constexpr auto symbol = "-";  static constexpr int precedence = 9; };
struct equal         : of_truth    { static constexpr auto symbol = "=="; static constexpr int precedence = 5; };
struct not_equal     : of_truth    { static constexpr auto symbol = "!="; static constexpr int precedence = 5; };
struct less          : of_truth    { static constexpr auto symbol = "<";  static constexpr int precedence = 6; };
struct less_equal    : of_truth    { static constexpr auto symbol = "<="; static constexpr int precedence = 6; };
struct greater       : of_truth    { static constexpr auto symbol = ">";  static constexpr int precedence = 6; };
struct greater_equal : of_truth    { static constexpr auto symbol = ">="; static constexpr int precedence = 6; };
struct logical_xor   : of_truth    { static constexpr auto symbol = "^";  static constexpr int precedence = 4; };
struct logical_and   : of_truth    { static constexpr auto symbol = "&&"; static constexpr int precedence = 3; };
struct logical_or    : of_truth    { static constexpr auto symbol = "||"; static constexpr int precedence = 2; };
struct logical_not   : of_truth    { static constexpr auto symbol = "!";  static constexpr int precedence = 9; };
// functions: printed as symbol(x, ...)
struct absolute      : of_operands { static constexpr auto symbol = "abs"; };
struct minimum       : of_operands { static constexpr auto symbol = "min"; };
struct maximum       : of_operands { static constexpr auto symbol = "max"; };
struct tanh          : of_float    { static constexpr auto symbol = "tanh"; };
struct exp           : of_float    { static constexpr auto symbol = "exp"; };
struct log           : of_float    { static constexpr auto symbol = "log"; };
struct sqrt          : of_float    { static constexpr auto symbol = "sqrt"; };
struct where         : of_branches { static constexpr auto symbol = "where"; };
// clang-format on

}  // namespace op
}  // namespace domino::inline DOMINO_ARCH

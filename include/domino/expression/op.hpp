// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One empty tag an operator, with the symbol it prints and how tightly it binds (as in C++).
#pragma once

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace op {

// clang-format off
struct add           { static constexpr auto symbol = "+";  static constexpr int precedence = 7; };
struct subtract      { static constexpr auto symbol = "-";  static constexpr int precedence = 7; };
struct multiply      { static constexpr auto symbol = "*";  static constexpr int precedence = 8; };
struct divide        { static constexpr auto symbol = "/";  static constexpr int precedence = 8; };
struct modulo        { static constexpr auto symbol = "%";  static constexpr int precedence = 8; };
struct negate        { static constexpr auto symbol = "-";  static constexpr int precedence = 9; };
struct equal         { static constexpr auto symbol = "=="; static constexpr int precedence = 5; };
struct not_equal     { static constexpr auto symbol = "!="; static constexpr int precedence = 5; };
struct less          { static constexpr auto symbol = "<";  static constexpr int precedence = 6; };
struct less_equal    { static constexpr auto symbol = "<="; static constexpr int precedence = 6; };
struct greater       { static constexpr auto symbol = ">";  static constexpr int precedence = 6; };
struct greater_equal { static constexpr auto symbol = ">="; static constexpr int precedence = 6; };
struct logical_xor   { static constexpr auto symbol = "^";  static constexpr int precedence = 4; };
struct logical_and   { static constexpr auto symbol = "&&"; static constexpr int precedence = 3; };
struct logical_or    { static constexpr auto symbol = "||"; static constexpr int precedence = 2; };
struct logical_not   { static constexpr auto symbol = "!";  static constexpr int precedence = 9; };
// functions: printed as symbol(x, ...)
struct absolute      { static constexpr auto symbol = "abs"; };
struct minimum       { static constexpr auto symbol = "min"; };
struct maximum       { static constexpr auto symbol = "max"; };
struct tanh          { static constexpr auto symbol = "tanh"; };
struct exp           { static constexpr auto symbol = "exp"; };
struct log           { static constexpr auto symbol = "log"; };
struct sqrt          { static constexpr auto symbol = "sqrt"; };
struct where         { static constexpr auto symbol = "where"; };
// clang-format on

}  // namespace op
}  // namespace domino::inline DOMINO_ARCH

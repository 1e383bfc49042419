// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a wrong call is told: an exception, or the user's handler where exceptions are off.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// A wrong call. `what()` names the argument, what was expected and what came; no memory was touched (but by
/// empty_rows::error, which tells when all rows are done).
struct invalid_argument : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

#if !defined(__cpp_exceptions)
/// Called with the message of a wrong call when exceptions are off; if it returns, the program aborts.
using error_handler = void (*)(const char* message);

namespace detail {
inline error_handler& handler() {
    static error_handler installed = nullptr;
    return installed;
}
}  // namespace detail

/// Installs the handler (none at start) and returns the one before. Call it before threads start.
inline error_handler set_error_handler(error_handler handler) { return std::exchange(detail::handler(), handler); }
#endif

namespace detail {

/// Throws `invalid_argument`: "domino: <argument>: expected <expected>, got <got>".
[[noreturn]] inline void fail(const std::string& argument, const std::string& expected, const std::string& got) {
    const std::string message = "domino: " + argument + ": expected " + expected + ", got " + got;
#if defined(__cpp_exceptions)
    throw invalid_argument(message);
#else
    if (handler()) handler()(message.c_str());
    std::abort();
#endif
}

/// Checks a parameter of a mask or a score mod: it must be at least `least`.
constexpr index_t at_least(index_t least, index_t value, const char* argument) {
    if (value < least) fail(argument, "at least " + std::to_string(least), std::to_string(value));
    return value;
}

/// The number of elements of extents that are not negative; it must fit 60 bits.
constexpr index_t checked_product(const char* argument, std::initializer_list<index_t> extents) {
    index_t product = 1;
    bool overflow = false;
    for (const index_t extent : extents) {
        if (extent == 0) return 0;
        overflow |= __builtin_mul_overflow(product, extent, &product) || product > index_t{1} << 60;
    }
    if (overflow) fail(argument, "a number of elements that fits 60 bits", "extents whose product overflows");
    return product;
}

/// The number of elements of a buffer of these extents, each at least 0. The product of those above 0, which strides are
/// made of, must fit 60 bits.
template <class Extents>
constexpr index_t checked_size(const char* argument, const Extents& extents) {
    index_t size = 1;
    bool empty = false;
    for (const index_t extent : extents) {
        empty |= at_least(0, extent, argument) == 0;
        size = checked_product(argument, {size, extent > 0 ? extent : 1});
    }
    return empty ? 0 : size;
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

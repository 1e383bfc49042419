// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asks an expression, before any work, whether a shape suits it: tables long enough, integers narrow enough for lanes.
#pragma once

#include <limits>
#include <string>

#include "domino/error.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// The range domain with two eyes open: bare look-ups outside a table throw, and the widest integer is remembered.
struct inspection : range {
    interval* widest;

    template <class Op>
    constexpr auto operator()(Op op, const auto&... x) const {
        return noted(static_cast<const range&>(*this)(op, x...));
    }
    static constexpr auto constant(auto x) { return range::constant(x); }
    constexpr auto lookup(const auto& table, auto... index) const { return noted(range::lookup(table, index...)); }
    /// An erased mask inspects itself.
    constexpr auto call(const auto& functor, auto... x) const {
        if constexpr (requires { functor.inspect(x...); }) *widest = join(*widest, functor.inspect(x...));
        return range::call(functor, x...);
    }
    constexpr void note_bare(const auto& table, auto... index) const {
        std::size_t dimension = 0;
        (check(table, dimension++, index), ...);
    }

private:
    constexpr interval noted(interval x) const { return *widest = join(*widest, x), x; }
    static constexpr auto noted(auto x) { return x; }
    static constexpr void check(const auto& table, std::size_t dimension, interval index) {
        if (index.lo < 0 || index.hi >= table.extent(dimension))
            fail("table '" + table.name() + "'",
                 "an entry for every index of the call, " + std::to_string(index.lo) + " to " +
                     std::to_string(index.hi) + ", in dimension " + std::to_string(dimension),
                 std::to_string(table.extent(dimension)) + " entries");
    }
};

/// All integers that evaluating the expression over `t` can produce. Throws where a bare look-up leaves its table or
/// where an integer may leave 64 bits.
template <Expression E>
constexpr interval inspect(const E& expression, const tile& t) {
    interval widest{0, 0};
    if (t.empty()) return widest;
    evaluate(expression, inspection{as_range(t), &widest});
    if (widest.lo == interval::least || widest.hi == interval::most)
        fail("mask", "integers within 64 bits over the call's shape", "an intermediate value that may overflow");
    return join(widest, join(join(closed(t.b), closed(t.h)), join(closed(t.q), closed(t.kv))));
}

/// Whether the lanes domain, whose integers have 32 bits, can evaluate what spans these integers.
constexpr bool fits_lanes(interval widest) {
    return widest.lo >= std::numeric_limits<std::int32_t>::min() && widest.hi <= std::numeric_limits<std::int32_t>::max();
}

template <Expression E>
constexpr void check_shape(const E& expression, const mask_shape& shape) {
    at_least(0, shape.batch, "shape.batch");
    at_least(0, shape.heads, "shape.heads");
    at_least(0, shape.q_len, "shape.q_len");
    at_least(0, shape.kv_len, "shape.kv_len");
    inspect(expression, shape.all());
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

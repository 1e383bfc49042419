// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asks an expression, before any work, whether a shape suits it: tables long enough, integers narrow enough for lanes.
#pragma once

#include <limits>
#include <string>

#include "domino/error.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// What an expression's integers may be over a shape.
struct integers {
    interval widest{0, 0};
    bool overflow = false;  ///< an operation may leave 64 bits
};

/// The range domain with its eyes open: bare look-ups outside a table throw, and every integer is remembered.
struct inspection : range {
    integers* seen;

    void settles() const = delete;    // every operand is looked at
    void sharpened() const = delete;  // and no tile is decided
    constexpr auto constant(auto x) const { return noted(range::constant(x)); }
    template <class Op>
    constexpr auto operator()(Op op, const auto&... x) const {
        const auto result = noted(static_cast<const range&>(*this)(op, x...));
        constexpr bool chooses =
            std::same_as<Op, op::where> || std::same_as<Op, op::minimum> || std::same_as<Op, op::maximum>;
        if constexpr (std::is_same_v<decltype(result), const interval> && !chooses)
            seen->overflow |= result.lo == interval::least || result.hi == interval::most;
        return result;
    }
    constexpr auto lookup(const auto& table, auto... index) const { return noted(range::lookup(table, index...)); }
    /// An erased mask inspects itself.
    constexpr auto call(const auto& functor, auto... x) const {
        if constexpr (requires { functor.inspect(x..., *seen); }) functor.inspect(x..., *seen);
        return range::call(functor, x...);
    }
    constexpr void note_bare(const auto& table, auto... index) const {
        std::size_t dimension = 0;
        (check(table, dimension++, index), ...);
    }

private:
    constexpr interval noted(interval x) const { return seen->widest = join(seen->widest, x), x; }
    static constexpr auto noted(auto x) { return x; }
    /// A mask that knows its shape has rows from 0 on.
    static std::string what(const auto& table) {
        if constexpr (requires { table.shape(); }) return table.name() + " (whose rows are those without a q_offset)";
        else return "table '" + table.name() + "'";
    }
    static constexpr void check(const auto& table, std::size_t dimension, interval index) {
        if (index.lo < 0 || index.hi >= table.extent(dimension))
            fail(what(table),
                 "an entry for every index of the call, " + std::to_string(index.lo) + " to " +
                     std::to_string(index.hi) + ", in dimension " + std::to_string(dimension),
                 std::to_string(table.extent(dimension)) + " entries");
    }
};

/// The widest integers of the expression and of the indices over `t`. Throws where a bare look-up leaves its table or
/// where an operation on integers may leave 64 bits; `argument` is the call's name for it.
template <Expression E>
constexpr interval inspect(const E& expression, const tile& t, const char* argument = "mask") {
    integers seen;
    if (t.empty()) return seen.widest;
    evaluate(expression, inspection{as_range(t), &seen});
    if (seen.overflow)
        fail(argument, "integers within 64 bits over the call's shape", "an intermediate value that may overflow");
    return join(seen.widest, join(join(closed(t.b), closed(t.h)), join(closed(t.q), closed(t.kv))));
}

/// Whether the lanes domain, whose integers have 32 bits, can evaluate what spans these integers.
constexpr bool fits_lanes(interval widest) {
    return widest.lo >= std::numeric_limits<std::int32_t>::min() &&
           widest.hi <= std::numeric_limits<std::int32_t>::max();
}

/// Throws where `shape` is none, or does not suit the expression.
template <Expression E>
constexpr void check_shape(const E& expression, const mask_shape& shape) {
    at_least(0, shape.batch, "shape.batch");
    at_least(0, shape.heads, "shape.heads");
    at_least(0, shape.q_len, "shape.q_len");
    at_least(0, shape.kv_len, "shape.kv_len");
    checked_product("shape", {shape.batch, shape.heads, shape.q_len, shape.kv_len});
    inspect(expression, shape.all());
}

/// Tiles of so few pairs are looked into pair by pair.
inline constexpr index_t few_pairs = 16;

/// Calls f(tile) for the slice [q_len, kv_len] of each (b, h) that E tells apart, as long as it gives true.
template <Expression E, class F>
constexpr void for_each_slice(const mask_shape& shape, F f) {
    const index_t batches = depends_on<E>(axes::b) ? shape.batch : smaller(shape.batch, index_t{1});
    const index_t heads = depends_on<E>(axes::h) ? shape.heads : smaller(shape.heads, index_t{1});
    for (index_t batch = 0; batch < batches; ++batch)
        for (index_t head = 0; head < heads; ++head)
            if (!f(tile{batch, head, {0, shape.q_len}, {0, shape.kv_len}})) return;
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

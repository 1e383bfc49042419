// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lanes domain: an index is a SIMD register of rows (or of keys), or one value where all lanes share it; a mask's value is
// a register of bools. What all lanes share is computed once, by the point domain.
#pragma once

#include <array>
#include <concepts>
#include <tuple>
#include <type_traits>

#include "domino/domain/point.hpp"
#include "domino/simd/batch.hpp"
#include "domino/simd/divide.hpp"
#include "domino/simd/exp.hpp"
#include "domino/simd/tanh.hpp"

namespace domino::inline DOMINO_ARCH {

/// Lane i holds start() + i. Turns into a register at the first operation that does not keep it so. What is added to it is
/// kept apart: a loop in which only that changes makes the rest of the register once.
struct consecutive {
    index_t origin, shift = 0;
    constexpr index_t start() const { return origin + shift; }
};

namespace detail {

template <class T>
concept Shared = std::is_arithmetic_v<T>;

DOMINO_INLINE simd::ints iota() {
    alignas(64) static constexpr auto lanes = [] {
        std::array<std::int32_t, static_cast<std::size_t>(simd::width)> a{};
        for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::int32_t>(i);
        return a;
    }();
    return simd::ints::load_aligned(lanes.data());
}

// Any value as a register.
DOMINO_INLINE simd::ints spread(index_t x) { return simd::ints(static_cast<std::int32_t>(x)); }
DOMINO_INLINE simd::floats spread(float x) { return simd::floats(x); }
DOMINO_INLINE simd::bools spread(bool x) { return simd::broadcast(x); }
DOMINO_INLINE simd::ints spread(consecutive x) { return (spread(x.origin) + iota()) + spread(x.shift); }
DOMINO_INLINE auto spread(auto x) { return x; }

/// Calls f with both operands as registers of their common type.
template <class X, class Y, class F>
DOMINO_INLINE auto in_common_register(X x, Y y, F f) {
    const auto s = spread(x);
    const auto t = spread(y);
    if constexpr (std::is_same_v<decltype(s), decltype(t)>) return f(s, t);
    else return f(simd::to_floats(s), simd::to_floats(t));
}

/// Not the same bits from a register and from the standard library.
template <class Op>
inline constexpr bool approximate =
    std::same_as<Op, op::exp> || std::same_as<Op, op::log> || std::same_as<Op, op::tanh>;

/// Only the last index differs by lane, and lanes are neighbours.
template <class... Index>
inline constexpr bool by_last_index =
    std::same_as<std::tuple_element_t<sizeof...(Index) - 1, std::tuple<Index...>>, consecutive> &&
    ((Shared<Index> ? 0 : 1) + ...) == 1;
constexpr index_t first_of(index_t x) { return x; }
constexpr index_t first_of(consecutive x) { return x.start(); }

}  // namespace detail

/// Rows in lanes: `h`, `q` and `score` may differ by lane, `b` and `kv` are shared. Or keys in lanes: `kv` alone differs.
template <class H, class Q, class Score = float, class KV = index_t>
struct lanes {
    index_t b;
    H h;
    Q q;
    KV kv;
    Score score = {};
    index_t live = simd::width;  ///< lanes from here on are of no row there is: functors are not asked for them

    static constexpr auto constant(auto value) { return value; }

    template <class Op, class... Xs>
    DOMINO_INLINE auto operator()(Op op, Xs... x) const {
        if constexpr (!(detail::Shared<Xs> && ...)) return apply(op, x...);
        else if constexpr (detail::approximate<Op>)
            return apply(op, x...).get(0);  // as the others': it may be compared
        else return point{}(op, x...);
    }

    /// A table's entry: one load where the lanes are neighbours, otherwise lane by lane.
    template <class Table, class... Index>
    DOMINO_INLINE auto lookup(const Table& table, Index... index) const {
        if constexpr ((detail::Shared<Index> && ...)) return table.at(index...);
        else return gather(table, index...);
    }
    /// Where the entries of `count` lanes lie side by side in a table; null where they do not.
    template <class Table, class... Index>
    DOMINO_INLINE const typename Table::value_type* row(const Table& table, index_t count, Index... index) const {
        if constexpr (detail::by_last_index<Index...>) return table.row(count, detail::first_of(index)...);
        else return nullptr;
    }
    /// What partial evaluation found.
    DOMINO_INLINE auto known(const auto& found) const { return found; }
    /// A functor of plain numbers, lane by lane; bits of neighbouring keys at once, and an erased mask.
    DOMINO_INLINE auto call(const auto& functor, auto... x) const {
        if constexpr (requires { functor.in_lanes(live, x...); }) return functor.in_lanes(live, x...);
        else return call_by_lane(functor, x...);
    }

private:
    DOMINO_INLINE auto call_by_lane(const auto& functor, auto... x) const {
        if constexpr (requires { functor.word(simd::width, detail::first_of(x)...); })
            if constexpr (detail::by_last_index<decltype(x)...>)
                return simd::from_bits(static_cast<std::uint32_t>(functor.word(simd::width, detail::first_of(x)...)));
        if constexpr (requires { functor.row(simd::width, detail::first_of(x)...); })
            if constexpr (detail::by_last_index<decltype(x)...>)
                if (const auto* row = functor.row(simd::width, detail::first_of(x)...))
                    return simd::to_bools(simd::load_ints(row) != simd::ints(0));
        const auto at = [&](auto... lane) { return functor.at(widened(lane)...); };
        using entry = decltype(at(typename decltype(detail::spread(x))::value_type{}...));
        return finish<entry>(simd::per_lane(live, at, detail::spread(x)...));
    }

    static constexpr index_t widened(std::int32_t x) { return x; }
    static constexpr float widened(float x) { return x; }

    // clang-format off
    static DOMINO_INLINE consecutive apply(op::add, consecutive x, index_t y) { return {x.origin, x.shift + y}; }
    static DOMINO_INLINE consecutive apply(op::add, index_t x, consecutive y) { return {y.origin, x + y.shift}; }
    static DOMINO_INLINE consecutive apply(op::subtract, consecutive x, index_t y) { return {x.origin, x.shift - y}; }
    static DOMINO_INLINE auto apply(op::add, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return s + t; }); }
    static DOMINO_INLINE auto apply(op::subtract, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return s - t; }); }
    static DOMINO_INLINE auto apply(op::multiply, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return product(s, t); }); }
    static DOMINO_INLINE auto apply(op::divide, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return divide(s, t); }); }
    static DOMINO_INLINE auto apply(op::modulo, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return modulo(s, t); }); }
    static DOMINO_INLINE simd::ints apply(op::divide op, consecutive x, index_t y) { return apply(op, detail::spread(x), y); }
    static DOMINO_INLINE simd::ints apply(op::modulo op, consecutive x, index_t y) { return apply(op, detail::spread(x), y); }
    static DOMINO_INLINE simd::ints apply(op::divide, simd::ints x, index_t y) {
        return simd::divides_fast(y) ? simd::floor_divide(x, static_cast<std::int32_t>(y)).quotient : divide(x, detail::spread(y));
    }
    static DOMINO_INLINE simd::ints apply(op::modulo, simd::ints x, index_t y) {
        return simd::divides_fast(y) ? simd::floor_divide(x, static_cast<std::int32_t>(y)).remainder : modulo(x, detail::spread(y));
    }
    static DOMINO_INLINE auto apply(op::negate, auto x) { return simd::negate(detail::spread(x)); }

    static DOMINO_INLINE auto apply(op::equal, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::to_bools(s == t); }); }
    static DOMINO_INLINE auto apply(op::not_equal, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return !simd::to_bools(s == t); }); }
    static DOMINO_INLINE auto apply(op::less, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::to_bools(s < t); }); }
    static DOMINO_INLINE auto apply(op::less_equal, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::to_bools(s <= t); }); }
    static DOMINO_INLINE auto apply(op::greater, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::to_bools(s > t); }); }
    static DOMINO_INLINE auto apply(op::greater_equal, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::to_bools(s >= t); }); }

    static DOMINO_INLINE simd::bools apply(op::logical_and, auto x, auto y) { return detail::spread(x) & detail::spread(y); }
    static DOMINO_INLINE simd::bools apply(op::logical_or, auto x, auto y) { return detail::spread(x) | detail::spread(y); }
    static DOMINO_INLINE simd::bools apply(op::logical_xor, auto x, auto y) { return simd::different(detail::spread(x), detail::spread(y)); }
    static DOMINO_INLINE simd::bools apply(op::logical_not, auto x) { return !detail::spread(x); }

    static DOMINO_INLINE auto apply(op::absolute, auto x) { return xsimd::abs(detail::spread(x)); }
    static DOMINO_INLINE auto apply(op::minimum, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::select(simd::to_bools(t < s), t, s); }); }
    static DOMINO_INLINE auto apply(op::maximum, auto x, auto y) { return detail::in_common_register(x, y, [](auto s, auto t) { return simd::select(simd::to_bools(s < t), t, s); }); }
    static DOMINO_INLINE auto apply(op::tanh, auto x) { return simd::tanh(simd::to_floats(detail::spread(x))); }
    static DOMINO_INLINE auto apply(op::exp, auto x) { return simd::exp(simd::to_floats(detail::spread(x))); }
    static DOMINO_INLINE auto apply(op::log, auto x) { return xsimd::log(simd::to_floats(detail::spread(x))); }
    static DOMINO_INLINE auto apply(op::sqrt, auto x) { return simd::sqrt(simd::to_floats(detail::spread(x))); }
    // clang-format on
    template <class C, class X, class Y>
    static DOMINO_INLINE auto apply(op::where, C condition, X x, Y y) {
        const simd::bools c = detail::spread(condition);
        if constexpr (std::is_same_v<decltype(detail::spread(x)), simd::bools>) {
            return (c & detail::spread(x)) | (!c & detail::spread(y));
        } else {
            return detail::in_common_register(x, y, [c](auto s, auto t) { return simd::select(c, s, t); });
        }
    }

    static DOMINO_INLINE simd::ints product(simd::ints x, simd::ints y) { return x * y; }
    /// A mask's is rounded, as elsewhere; a score mod's may fuse with a sum.
    static DOMINO_INLINE simd::floats product(simd::floats x, simd::floats y) {
        simd::floats xy = x * y;
        if constexpr (detail::Shared<Score>) simd::keep(xy);
        return xy;
    }
    static DOMINO_INLINE simd::ints divide(simd::ints x, simd::ints y) {
        return simd::per_lane(
            simd::width, [](std::int32_t s, std::int32_t t) { return detail::floor_divide(s, t); }, x, y);
    }
    static DOMINO_INLINE simd::ints modulo(simd::ints x, simd::ints y) {
        return simd::per_lane(
            simd::width, [](std::int32_t s, std::int32_t t) { return detail::floor_modulo(s, t); }, x, y);
    }
    static DOMINO_INLINE simd::floats divide(simd::floats x, simd::floats y) { return simd::divide(x, y); }
    static DOMINO_INLINE simd::floats modulo(simd::floats x, simd::floats y) {
        return x - product(y, xsimd::floor(divide(x, y)));
    }

    template <class Table, class... Index>
    static DOMINO_INLINE auto gather(const Table& table, Index... index) {
        using entry = typename Table::entry;
        using register_type = decltype(detail::spread(std::conditional_t<std::same_as<entry, bool>, index_t, entry>{}));
        using stored = typename register_type::value_type;
        const auto at_lane = [&](auto... i) { return static_cast<stored>(table.at(i...)); };
        if constexpr (detail::by_last_index<Index...>) {
            // neighbours in a row that lie inside the table
            if (const auto* row = table.row(simd::width, detail::first_of(index)...)) {
                if constexpr (std::same_as<typename Table::value_type, stored>)
                    return register_type::load_unaligned(row);
                else return finish<entry>(simd::load_ints(row));
            }
            if (table.is_beyond(simd::width, detail::first_of(index)...))
                return finish<entry>(register_type(at_lane(detail::first_of(index)...)));
        }
        alignas(64) std::array<stored, static_cast<std::size_t>(simd::width)> lanes;
        if (table.has_narrow_offsets()) {
            const auto at_offset = [&](index_t i) { return static_cast<stored>(table.data()[i]); };
            const simd::ints offset = offsets(table, std::index_sequence_for<Index...>{}, index...);
            const std::int32_t first_offset = simd::first_lane(offset);
            // all lanes alike, as in a block or a bucket of distances, are read once
            if (xsimd::all(offset == simd::ints(first_offset)))
                return finish<entry>(register_type(at_offset(first_offset)));
            if constexpr (std::same_as<typename Table::value_type, stored>) return simd::gather(table.data(), offset);
            else each_lane(lanes, at_offset, offset);
        } else {
            each_lane(lanes, at_lane, index...);
        }
        return finish<entry>(simd::load_lanes(lanes));
    }
    /// Where a table's entries are, from its data on; each index is clamped into the table.
    template <std::size_t... Dimension>
    static DOMINO_INLINE simd::ints offsets(const auto& table, std::index_sequence<Dimension...>, auto... index) {
        const auto along = [&](std::size_t dimension, auto i) {
            const simd::ints last(static_cast<std::int32_t>(table.extent(dimension) - 1));
            const simd::ints stride(static_cast<std::int32_t>(table.strides()[dimension]));
            return xsimd::min(xsimd::max(detail::spread(i), simd::ints(0)), last) * stride;
        };
        return (along(Dimension, index) + ...);
    }
    template <class Entry>
    static DOMINO_INLINE auto finish(auto x) {
        if constexpr (std::same_as<Entry, bool>) return simd::to_bools(x != decltype(x)(0));
        else return x;
    }
    template <class Lanes, class At, class... Index>
    static DOMINO_INLINE void each_lane(Lanes& lanes, At at, Index... index) {
        const auto indices = std::tuple(lane_access(index)...);
        for (std::size_t i = 0; i < lanes.size(); ++i)
            lanes[i] = std::apply([&](const auto&... access) { return at(access(i)...); }, indices);
    }
    static DOMINO_INLINE auto lane_access(index_t x) {
        return [x](std::size_t) { return x; };
    }
    static DOMINO_INLINE auto lane_access(consecutive x) {
        return [x](std::size_t i) { return x.start() + static_cast<index_t>(i); };
    }
    static DOMINO_INLINE auto lane_access(simd::ints x) {
        alignas(64) std::array<std::int32_t, static_cast<std::size_t>(simd::width)> stored;
        x.store_aligned(stored.data());
        return [stored](std::size_t i) { return index_t{stored[i]}; };
    }
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The range domain: an index is an interval, a mask's value says whether it may and whether it must be true. Every
// rule is sound (no point of the tile has a value outside the result); some are pessimistic, which costs time only.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "domino/domain/interval.hpp"
#include "domino/domain/point.hpp"
#include "domino/expression/op.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

constexpr index_t saturating_add(index_t x, index_t y) {
    index_t sum = 0;
    if (!__builtin_add_overflow(x, y, &sum)) return sum;
    return x < 0 ? interval::least : interval::most;
}
constexpr index_t saturating_subtract(index_t x, index_t y) {
    index_t difference = 0;
    if (!__builtin_sub_overflow(x, y, &difference)) return difference;
    return x < 0 ? interval::least : interval::most;
}
constexpr index_t saturating_multiply(index_t x, index_t y) {
    index_t product = 0;
    if (!__builtin_mul_overflow(x, y, &product)) return product;
    return (x < 0) == (y < 0) ? interval::most : interval::least;
}

/// A few units in the last place outward: where a product fuses with a sum, as in score mods, one rounding is left out.
constexpr real_interval widened(float lo, float hi, bool nan) {
    if (lo != lo || hi != hi) return real_interval::anything();
    constexpr float relative = 0x1p-21f, smallest = 0x1p-126f;
    const auto slack = [](float x) { return (x < 0 ? -x : x) * relative + smallest; };
    return {lo == -real_interval::infinity || lo == real_interval::infinity ? lo : lo - slack(lo),
            hi == -real_interval::infinity || hi == real_interval::infinity ? hi : hi + slack(hi), nan};
}

constexpr real_interval to_real(interval x) { return {static_cast<float>(x.lo), static_cast<float>(x.hi)}; }
constexpr real_interval to_real(real_interval x) { return x; }

template <class T>
concept IntervalValue = std::is_same_v<T, interval> || std::is_same_v<T, real_interval>;

/// The hull of f at the four corners: exact for operations monotone in each operand.
template <class T, class F>
constexpr auto corners(T x, T y, F f) {
    const auto [lo, hi] = std::minmax({f(x.lo, y.lo), f(x.lo, y.hi), f(x.hi, y.lo), f(x.hi, y.hi)});
    return std::pair(lo, hi);
}

constexpr bool finite(real_interval x) { return x.lo > -real_interval::infinity && x.hi < real_interval::infinity; }
constexpr bool contains_zero(real_interval x) { return x.lo <= 0 && x.hi >= 0; }

}  // namespace detail

/// A tile of the score matrix as intervals; see `classify` in tile/tile.hpp for the usual way in.
struct range {
    interval b{0, 0}, h{0, 0}, q{0, 0}, kv{0, 0};
    real_interval score = real_interval::anything();

    static constexpr interval constant(index_t x) { return {x, x}; }
    static constexpr real_interval constant(float x) {
        return x != x ? real_interval::anything() : real_interval{x, x};
    }
    static constexpr truth constant(bool x) { return {x, x}; }

    // ---- integers
    constexpr interval operator()(op::add, interval x, interval y) const {
        return {detail::saturating_add(x.lo, y.lo), detail::saturating_add(x.hi, y.hi)};
    }
    constexpr interval operator()(op::subtract, interval x, interval y) const {
        return {detail::saturating_subtract(x.lo, y.hi), detail::saturating_subtract(x.hi, y.lo)};
    }
    constexpr interval operator()(op::multiply, interval x, interval y) const {
        const auto [lo, hi] = detail::corners(x, y, detail::saturating_multiply);
        return {lo, hi};
    }
    constexpr interval operator()(op::divide, interval x, interval y) const {
        if (y.contains(0) || x.lo == interval::least) {  // |x / y| <= |x|
            const index_t bound = std::max(detail::saturating_subtract(0, x.lo), detail::saturating_subtract(x.hi, 0));
            return {x.lo == interval::least ? x.lo : -std::max<index_t>(bound, 0), std::max<index_t>(bound, 0)};
        }
        const auto [lo, hi] = detail::corners(x, y, detail::floor_divide);
        return {lo, hi};
    }
    constexpr interval operator()(op::modulo, interval x, interval y) const {
        if (y.is_point() && y.lo != 0 && x.lo != interval::least &&
            detail::floor_divide(x.lo, y.lo) == detail::floor_divide(x.hi, y.lo))
            return {detail::floor_modulo(x.lo, y.lo), detail::floor_modulo(x.hi, y.lo)};
        index_t hi = std::max<index_t>(detail::saturating_subtract(y.hi, 1), 0);
        if (x.lo >= 0) hi = std::min(hi, x.hi);
        return {std::min<index_t>(detail::saturating_add(y.lo, 1), 0), hi};
    }
    constexpr interval operator()(op::negate, interval x) const { return (*this)(op::subtract{}, interval{0, 0}, x); }
    constexpr interval operator()(op::absolute, interval x) const {
        const interval minus = (*this)(op::negate{}, x);
        if (x.lo >= 0) return x;
        if (x.hi <= 0) return minus;
        return {0, std::max(x.hi, minus.hi)};
    }

    // ---- floats: NaN is tracked, and bounds are widened where rounding may differ between domains
    constexpr real_interval operator()(op::add, real_interval x, real_interval y) const {
        const bool nan = x.nan || y.nan || !(detail::finite(x) || detail::finite(y));
        return detail::widened(x.lo + y.lo, x.hi + y.hi, nan);
    }
    constexpr real_interval operator()(op::subtract, real_interval x, real_interval y) const {
        return (*this)(op::add{}, x, (*this)(op::negate{}, y));
    }
    constexpr real_interval operator()(op::multiply, real_interval x, real_interval y) const {
        if (!detail::finite(x) || !detail::finite(y)) return real_interval::anything();
        const auto [lo, hi] = detail::corners(x, y, [](float s, float t) { return s * t; });
        return detail::widened(lo, hi, x.nan || y.nan);
    }
    constexpr real_interval operator()(op::divide, real_interval x, real_interval y) const {
        if (!detail::finite(x) || !detail::finite(y) || detail::contains_zero(y)) return real_interval::anything();
        const auto [lo, hi] = detail::corners(x, y, [](float s, float t) { return s / t; });
        return detail::widened(lo, hi, x.nan || y.nan);
    }
    constexpr real_interval operator()(op::modulo, real_interval, real_interval) const {
        return real_interval::anything();
    }
    constexpr real_interval operator()(op::negate, real_interval x) const { return {-x.hi, -x.lo, x.nan}; }
    constexpr real_interval operator()(op::absolute, real_interval x) const {
        if (x.lo >= 0) return x;
        if (x.hi <= 0) return {-x.hi, -x.lo, x.nan};
        return {0, std::max(x.hi, -x.lo), x.nan};
    }
    real_interval operator()(op::tanh, detail::IntervalValue auto x) const {
        const auto r = detail::to_real(x);
        return {std::max(-1.f, std::tanh(r.lo) - 1e-6f), std::min(1.f, std::tanh(r.hi) + 1e-6f), r.nan};
    }
    real_interval operator()(op::exp, detail::IntervalValue auto x) const {
        const auto r = detail::to_real(x);
        return detail::widened(std::max(0.f, std::exp(r.lo)), std::exp(r.hi), r.nan);
    }
    real_interval operator()(op::log, detail::IntervalValue auto x) const {
        const auto r = detail::to_real(x);
        if (r.lo <= 0) return real_interval::anything();
        const auto [lo, hi, nan] = detail::widened(std::log(r.lo), std::log(r.hi), r.nan);
        return {lo - 1e-6f, hi + 1e-6f, nan};
    }
    real_interval operator()(op::sqrt, detail::IntervalValue auto x) const {
        const auto r = detail::to_real(x);
        if (r.lo < 0) return real_interval::anything();
        return detail::widened(std::sqrt(r.lo), std::sqrt(r.hi), r.nan);
    }

    // ---- comparisons: a NaN makes every one of them false, but != true
    template <class T>
    constexpr truth operator()(op::equal, T x, T y) const {
        return {x.lo <= y.hi && y.lo <= x.hi, x.is_point() && y.is_point() && x.lo == y.lo};
    }
    template <class T>
    constexpr truth operator()(op::less, T x, T y) const {
        return {x.lo < y.hi, x.hi < y.lo && !may_be_nan(x) && !may_be_nan(y)};
    }
    template <class T>
    constexpr truth operator()(op::less_equal, T x, T y) const {
        return {x.lo <= y.hi, x.hi <= y.lo && !may_be_nan(x) && !may_be_nan(y)};
    }
    template <class T>
    constexpr truth operator()(op::not_equal, T x, T y) const {
        return (*this)(op::logical_not{}, (*this)(op::equal{}, x, y));
    }
    template <class T>
    constexpr truth operator()(op::greater, T x, T y) const {
        return (*this)(op::less{}, y, x);
    }
    template <class T>
    constexpr truth operator()(op::greater_equal, T x, T y) const {
        return (*this)(op::less_equal{}, y, x);
    }

    // ---- truth, three-valued
    constexpr truth operator()(op::logical_and, truth x, truth y) const { return {x.may && y.may, x.must && y.must}; }
    constexpr truth operator()(op::logical_or, truth x, truth y) const { return {x.may || y.may, x.must || y.must}; }
    /// Whether the first operand decides alone, so that the second is not asked.
    static constexpr bool settles(op::logical_and, truth x) { return !x.may; }
    static constexpr bool settles(op::logical_or, truth x) { return x.must; }
    constexpr truth operator()(op::logical_xor, truth x, truth y) const {
        return {(x.may && !y.must) || (y.may && !x.must), (x.must && !y.may) || (y.must && !x.may)};
    }
    constexpr truth operator()(op::logical_not, truth x) const { return {!x.must, !x.may}; }

    // ---- choices
    template <class T>
    constexpr T operator()(op::minimum, T x, T y) const {
        T smallest = join(x, y);
        if (!may_be_nan(smallest)) smallest.hi = std::min(x.hi, y.hi);
        return smallest;
    }
    template <class T>
    constexpr T operator()(op::maximum, T x, T y) const {
        T largest = join(x, y);
        if (!may_be_nan(largest)) largest.lo = std::max(x.lo, y.lo);
        return largest;
    }
    template <class T>
    constexpr T operator()(op::where, truth c, T x, T y) const {
        return c.must ? x : !c.may ? y : join(x, y);
    }

    // ---- an integer beside a float becomes a float
    template <class Op>
    constexpr auto operator()(Op op, interval x, real_interval y) const {
        return (*this)(op, detail::to_real(x), y);
    }
    template <class Op>
    constexpr auto operator()(Op op, real_interval x, interval y) const {
        return (*this)(op, x, detail::to_real(y));
    }
    constexpr auto operator()(op::where op, truth c, interval x, real_interval y) const {
        return (*this)(op, c, detail::to_real(x), y);
    }
    constexpr auto operator()(op::where op, truth c, real_interval x, interval y) const {
        return (*this)(op, c, x, detail::to_real(y));
    }

    /// A mask that knows its tiles better than its operators do (expression/sharpen.hpp) is asked where these leave a
    /// tile undecided.
    constexpr truth sharpened(truth first, const auto& mask, interval b_, interval h_, interval q_,
                              interval kv_) const {
        return !first.may || first.must ? first : mask.over(range{b_, h_, q_, kv_});
    }

    /// The hull of a table's entries over a box of indices.
    constexpr auto lookup(const auto& table, auto... index) const { return table.over(index...); }
    /// A functor of plain integers is unknown, but for the bound that its author may give.
    constexpr auto call(const auto& functor, auto... x) const { return functor.over(x...); }

private:
    static constexpr bool may_be_nan(interval) { return false; }
    static constexpr bool may_be_nan(real_interval x) { return x.nan; }
};

}  // namespace domino::inline DOMINO_ARCH

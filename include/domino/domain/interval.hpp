// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The values of the range domain: what an expression may be, over all the points of a tile.
#pragma once

#include <limits>

#include "domino/domain/integer.hpp"

namespace domino::inline DOMINO_ARCH {

/// All integers lo <= x <= hi. Arithmetic saturates, so bounds stay bounds beyond 64 bits.
struct interval {
    using value_type = index_t;
    index_t lo, hi;
    static constexpr index_t least = std::numeric_limits<index_t>::min();
    static constexpr index_t most = std::numeric_limits<index_t>::max();
    constexpr bool is_point() const { return lo == hi; }
    constexpr bool contains(index_t x) const { return lo <= x && x <= hi; }
    constexpr index_t nearest(index_t x) const { return x < lo ? lo : hi < x ? hi : x; }
    friend constexpr bool operator==(const interval&, const interval&) = default;
};

/// All floats lo <= x <= hi, and NaN where `nan` is set.
struct real_interval {
    using value_type = float;
    float lo, hi;
    bool nan = false;
    static constexpr float infinity = std::numeric_limits<float>::infinity();
    /// Any float at all.
    static constexpr real_interval anything() { return {-infinity, infinity, true}; }
    constexpr bool is_point() const { return lo == hi && !nan; }
    constexpr bool contains(float x) const { return x != x ? nan : lo <= x && x <= hi; }
    friend constexpr bool operator==(const real_interval&, const real_interval&) = default;
};

/// A truth value over a tile: it may be true somewhere; it must be true everywhere. (must implies may)
struct truth {
    bool may : 1, must : 1;  // two bytes would be written and read as a vector, through memory
    static constexpr truth unknown() { return {true, false}; }
    friend constexpr bool operator==(const truth&, const truth&) = default;
};

/// What a mask does to a tile: keeps nothing, something, everything. `partial` is always a safe answer.
enum class tile_kind : unsigned char { empty, partial, full };

constexpr tile_kind as_kind(truth t) {
    return t.must ? tile_kind::full : t.may ? tile_kind::partial : tile_kind::empty;
}

// The smallest interval that holds both.
constexpr interval join(interval x, interval y) { return {detail::smaller(x.lo, y.lo), detail::larger(x.hi, y.hi)}; }
constexpr real_interval join(real_interval x, real_interval y) {
    return {detail::smaller(x.lo, y.lo), detail::larger(x.hi, y.hi), x.nan || y.nan};
}
constexpr truth join(truth x, truth y) { return {x.may || y.may, x.must && y.must}; }

}  // namespace domino::inline DOMINO_ARCH

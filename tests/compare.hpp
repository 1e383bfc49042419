// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a float32 answer is held against the float64 oracle. Both sides are classified first (finite, infinite, NaN),
// so that no NaN can pass for agreement; only then is the error measured, in units of u * A.
//
// The bound, elementwise, with u = 2^-24, A = sum p * |v|, D = head_dim and S = max over kept keys of
// scale * sum |q_d * k_d| + |modified score| (see reference::answer):
//
//     |O_hat - O|     <=  u * A * K  +  floor               K = c0 + (c1 + c2 * sqrt(D)) * S
//     |lse_hat - lse| <=  u * (K + |lse|)
//
// c0: exp2 (1 ulp) and the rounding of its argument, the sums of a tile and over tiles, the division. The rest: a
// score carries an error proportional to u * S, from its dot product of D roundings, its scale and its modification,
// and a weight is off by as much, relatively, in the numerator and in the denominator. In the worst case D roundings
// add up; as they do not conspire, they add up to sqrt(D). Measured over 1.3 million outputs (normal and log-normal
// keys, D of 1, 8, 64, 128 and 512, S from 0.01 to 4,000, 1 to 1,000 keys): at most 4.4 for S near 0, and beyond that
// per unit of S at most 0.65 for D = 1, 1.4 for D = 8, 4.1 for D = 64, 4.4 for D = 512.
// Roundings can be made to conspire: attention_accuracy.cpp has weights that are almost equal, whose sums of 96 round each time
// the same way, and that take 23 where c0 is 12.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "reference.hpp"

namespace compare {

using reference::index_t;

struct bound {
    double c0 = 12;
    double c1 = 2;
    double c2 = 0.5;
    double of(double magnitude, index_t head_dim) const {
        return c0 + (c1 + c2 * std::sqrt(static_cast<double>(head_dim))) * magnitude;
    }
};

enum class kind { finite, plus_infinity, minus_infinity, nan };

inline kind classify(double x) {
    if (std::isnan(x)) return kind::nan;
    if (std::isinf(x)) return x > 0 ? kind::plus_infinity : kind::minus_infinity;
    return kind::finite;
}

inline std::uint32_t bits(float x) {
    std::uint32_t n = 0;
    std::memcpy(&n, &x, sizeof n);
    return n;
}

/// What one comparison found. `share` is the worst error over its bound; `units` the worst error over u * A.
struct report {
    bool ok = true;
    double share = 0;
    double units = 0;
    double square_sum = 0;
    std::size_t count = 0;
    std::string worst;

    double rms() const { return count == 0 ? 0 : std::sqrt(square_sum / static_cast<double>(count)); }
    explicit operator bool() const { return ok; }
};

namespace detail {

inline std::string place(index_t b, index_t h, index_t row, index_t d, double expected, double got) {
    std::ostringstream text;
    text.precision(9);
    text << "at b=" << b << " h=" << h << " q=" << row;
    if (d >= 0) text << " d=" << d;
    text << ": expected " << expected << ", got " << got;
    return text.str();
}

inline void fail(report& r, const std::string& what) {
    if (r.ok) r.worst = what;
    r.ok = false;
}

/// One number against its bound. Exact zeros of rows that see nothing are asked for by `exact_zero`.
inline void element(report& r, double expected, float got, double unit, double allowed, bool exact_zero,
                    const std::array<index_t, 4>& at) {
    const auto where = [&] { return place(at[0], at[1], at[2], at[3], expected, static_cast<double>(got)); };
    if (classify(expected) != classify(static_cast<double>(got))) return fail(r, "class " + where());
    if (classify(expected) != kind::finite) return;
    if (exact_zero) {
        if (bits(got) != 0) fail(r, "not +0.0 " + where());
        return;
    }
    const double error = std::abs(static_cast<double>(got) - expected);
    const double share = error == 0 ? 0 : error / allowed;
    const double units = unit == 0 ? 0 : error / unit;
    r.square_sum += units * units;
    ++r.count;
    r.units = std::max(r.units, units);
    if (share > r.share || !(share == share)) {
        r.share = share;
        if (r.ok) r.worst = where();
    }
    if (!(share <= 1)) r.ok = false;
}

}  // namespace detail

/// `out` is the library's output; its extents are the answer's.
inline report output(const reference::answer& expected, const reference::strided& out, bound k = {}) {
    report r;
    std::size_t row = 0, n = 0;
    for (index_t b = 0; b < out.extents[0]; ++b)
        for (index_t h = 0; h < out.extents[1]; ++h)
            for (index_t i = 0; i < out.extents[2]; ++i, ++row)
                for (index_t d = 0; d < out.extents[3]; ++d, ++n) {
                    const double unit = reference::unit_roundoff * expected.weight[n];
                    detail::element(r, expected.o[n], static_cast<float>(out(b, h, i, d)), unit,
                                    unit * k.of(expected.magnitude[row], expected.head_dim) + expected.floor[row],
                                    classify(expected.lse[row]) == kind::minus_infinity, {b, h, i, d});
                }
    return r;
}

/// `lse` is dense [batch, heads, q_len].
inline report lse(const reference::answer& expected, const float* lse, std::array<index_t, 4> extents, bound k = {}) {
    report r;
    std::size_t row = 0;
    for (index_t b = 0; b < extents[0]; ++b)
        for (index_t h = 0; h < extents[1]; ++h)
            for (index_t i = 0; i < extents[2]; ++i, ++row)
                detail::element(r, expected.lse[row], lse[row], reference::unit_roundoff,
                                reference::unit_roundoff *
                                    (k.of(expected.magnitude[row], expected.head_dim) + std::abs(expected.lse[row])),
                                false, {b, h, i, -1});
    return r;
}

/// Bit for bit, NaN payloads too.
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace compare

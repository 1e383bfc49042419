// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compare.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>

namespace compare {

kind classify(double x) {
    if (std::isnan(x)) return kind::nan;
    if (std::isinf(x)) return x > 0 ? kind::plus_infinity : kind::minus_infinity;
    return kind::finite;
}

std::string place(index_t b, index_t h, index_t row, index_t d, double expected, double got) {
    std::ostringstream text;
    text.precision(9);
    text << "at b=" << b << " h=" << h << " q=" << row;
    if (d >= 0) text << " d=" << d;
    text << ": expected " << expected << ", got " << got;
    return text.str();
}

namespace {

void fail(report& r, const std::string& what) {
    if (r.ok) r.worst = what;
    r.ok = false;
}

/// One number against its bound. Exact zeros of rows that see nothing are asked for by `exact_zero`.
void element(report& r, double expected, float got, double unit, double allowed, bool exact_zero,
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

}  // namespace

report output(const reference::answer& expected, const reference::strided& out, bound k) {
    report r;
    std::size_t row = 0, n = 0;
    for (index_t b = 0; b < out.extents[0]; ++b)
        for (index_t h = 0; h < out.extents[1]; ++h)
            for (index_t i = 0; i < out.extents[2]; ++i, ++row)
                for (index_t d = 0; d < out.extents[3]; ++d, ++n) {
                    const double unit = reference::unit_roundoff * expected.weight[n];
                    element(r, expected.o[n], static_cast<float>(out(b, h, i, d)), unit,
                            unit * k.of(expected.magnitude[row], expected.head_dim) + expected.floor[row],
                            classify(expected.lse[row]) == kind::minus_infinity, {b, h, i, d});
                }
    return r;
}

report lse(const reference::answer& expected, const float* lse, std::array<index_t, 4> extents, bound k) {
    report r;
    std::size_t row = 0;
    for (index_t b = 0; b < extents[0]; ++b)
        for (index_t h = 0; h < extents[1]; ++h)
            for (index_t i = 0; i < extents[2]; ++i, ++row)
                element(r, expected.lse[row], lse[row], reference::unit_roundoff,
                        reference::unit_roundoff *
                            (k.of(expected.magnitude[row], expected.head_dim) + std::abs(expected.lse[row])),
                        false, {b, h, i, -1});
    return r;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace compare

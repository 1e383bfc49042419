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

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
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

kind classify(double x);

inline std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

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

/// An element in words; d < 0 for one of the lse.
std::string place(index_t b, index_t h, index_t row, index_t d, double expected, double got);

/// `out` is the library's output; its extents are the answer's.
report output(const reference::answer& expected, const reference::strided& out, bound k = {});

/// `lse` is dense [batch, heads, q_len].
report lse(const reference::answer& expected, const float* lse, std::array<index_t, 4> extents, bound k = {});

/// Bit for bit, NaN payloads too.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace compare

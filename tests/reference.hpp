// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The oracle: attention over a dense mask in float64, three lines of softmax with compensated sums.
// It includes nothing of Domino and shares no view, mask or planning code with it, so that a mistake
// cannot be made twice (NVIDIA/cutlass#2336: the verifier used the wrong mask too, and passed).
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace reference {

using index_t = std::int64_t;

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double unit_roundoff = 0x1p-24;  // of float32: the u of every bound

/// Where the oracle reads: [batch, heads, len, width], strides in elements.
struct strided {
    const float* data = nullptr;
    std::array<index_t, 4> extents{};
    std::array<index_t, 4> strides{};

    double operator()(index_t b, index_t h, index_t i, index_t d) const {
        return data[b * strides[0] + h * strides[1] + i * strides[2] + d * strides[3]];
    }
};

/// One call. Masks and score mods are plain functions of plain integers.
struct problem {
    strided q, k, v;
    std::function<bool(index_t b, index_t h, index_t q, index_t kv)> mask;               // empty: keep all
    std::function<double(double s, index_t b, index_t h, index_t q, index_t kv)> score;  // empty: unchanged
    double scale = 1.0;
    index_t q_offset = 0;             // the mask sees row + q_offset
    std::vector<index_t> kv_lengths;  // a length a batch; empty: every key
};

/// Dense [batch, heads, q_len, value width] and [batch, heads, q_len].
struct answer {
    std::vector<double> o;          // the output
    std::vector<double> weight;     // A = sum of p * |v|, the size of what was added up
    std::vector<double> lse;        // natural logarithm; -inf where no key is kept
    std::vector<double> magnitude;  // S = max over kept keys of |scale| * sum |q_d * k_d| + |score|
    std::vector<double> floor;      // what subnormal rounding alone may cost: kept * (2^-149 + 2^-126 max|v|)
    index_t head_dim = 0;
};

/// A sum with Knuth's exact error term carried along. Not finite: the plain sum, which has the right class.
struct compensated {
    double sum = 0, error = 0;

    void add(double x) {
        const double total = sum + x;
        const double back = total - sum;
        error += (sum - (total - back)) + (x - back);
        sum = total;
    }
    double value() const { return std::isfinite(sum) ? sum + error : sum; }
};

/// Softmax over the kept keys, with compensated sums; a row without any is zeros.
answer attention(const problem& p);

/// The yardstick of accuracy: what a straightforward float32 programmer gets. Scores, maximum, then one pass
/// that adds up weights and output, one long sum each. Returns [batch, heads, q_len, value width].
std::vector<float> two_pass_float32(const problem& p);

}  // namespace reference

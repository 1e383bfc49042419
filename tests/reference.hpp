// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The oracle: attention over a dense mask in float64, three lines of softmax with compensated sums.
// It includes nothing of Domino and shares no view, mask or planning code with it, so that a mistake
// cannot be made twice (NVIDIA/cutlass#2336: the verifier used the wrong mask too, and passed).
#pragma once

#include <algorithm>
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

namespace detail {

struct row_scores {
    std::vector<index_t> kept;
    std::vector<double> score;
    double magnitude = 0;
};

inline row_scores scores_of_row(const problem& p, index_t b, index_t h, index_t row) {
    const index_t heads_per_group = p.q.extents[1] / p.k.extents[1];
    const index_t keys = p.kv_lengths.empty() ? p.k.extents[2] : p.kv_lengths[static_cast<std::size_t>(b)];
    const index_t position = row + p.q_offset;
    row_scores out;
    for (index_t j = 0; j < keys; ++j) {
        if (p.mask && !p.mask(b, h, position, j)) continue;
        compensated dot;
        double absolute = 0;
        for (index_t d = 0; d < p.q.extents[3]; ++d) {
            const double product = p.q(b, h, row, d) * p.k(b, h / heads_per_group, j, d);
            dot.add(product);
            absolute += std::abs(product);
        }
        double s = dot.value() * p.scale;
        if (p.score) s = p.score(s, b, h, position, j);
        out.kept.push_back(j);
        out.score.push_back(s);
        const double size = absolute * std::abs(p.scale) + std::abs(s);
        if (std::isfinite(size)) out.magnitude = std::max(out.magnitude, size);
    }
    return out;
}

/// The largest, or NaN if there is one: std::max would drop it or not by the order of its operands.
inline double maximum(const std::vector<double>& values) {
    double m = -infinity;
    for (double x : values) {
        if (std::isnan(x)) return x;
        m = std::max(m, x);
    }
    return m;
}

}  // namespace detail

inline answer attention(const problem& p) {
    const auto [batch, heads, rows, unused] = p.q.extents;
    const index_t width = p.v.extents[3];
    const auto count = static_cast<std::size_t>(batch * heads * rows);
    const auto columns = static_cast<std::size_t>(width);
    answer out{std::vector<double>(count * columns),
               std::vector<double>(count * columns),
               std::vector<double>(count, -infinity),
               std::vector<double>(count),
               std::vector<double>(count),
               p.q.extents[3]};
    std::size_t r = 0;
    std::vector<compensated> o(columns), a(columns);
    for (index_t b = 0; b < batch; ++b)
        for (index_t h = 0; h < heads; ++h)
            for (index_t row = 0; row < rows; ++row, ++r) {
                const detail::row_scores scores = detail::scores_of_row(p, b, h, row);
                const double m = detail::maximum(scores.score);
                if (m == -infinity) continue;  // nothing to see: zeros and lse = -inf
                o.assign(columns, {});
                a.assign(columns, {});
                compensated l;
                double largest = 0;
                const index_t kv_head = h / (heads / p.k.extents[1]);
                for (std::size_t j = 0; j < scores.kept.size(); ++j) {
                    const double e = std::exp(scores.score[j] - m);
                    l.add(e);
                    for (index_t d = 0; d < width; ++d) {
                        const double value = p.v(b, kv_head, scores.kept[j], d);
                        o[static_cast<std::size_t>(d)].add(e * value);
                        a[static_cast<std::size_t>(d)].add(e * std::abs(value));
                        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
                    }
                }
                for (std::size_t d = 0; d < columns; ++d) {
                    out.o[r * columns + d] = o[d].value() / l.value();
                    out.weight[r * columns + d] = a[d].value() / l.value();
                }
                out.lse[r] = m + std::log(l.value());
                out.magnitude[r] = scores.magnitude;
                out.floor[r] = static_cast<double>(scores.kept.size()) * (0x1p-149 + 0x1p-126 * largest);
            }
    return out;
}

/// The yardstick of accuracy: what a straightforward float32 programmer gets. Scores, maximum, then one pass
/// that adds up weights and output, one long sum each. Returns [batch, heads, q_len, value width].
inline std::vector<float> two_pass_float32(const problem& p) {
    const auto [batch, heads, rows, head_dim] = p.q.extents;
    const index_t width = p.v.extents[3];
    std::vector<float> out;
    std::vector<float> score, o(static_cast<std::size_t>(width));
    std::vector<index_t> kept;
    for (index_t b = 0; b < batch; ++b)
        for (index_t h = 0; h < heads; ++h)
            for (index_t row = 0; row < rows; ++row) {
                const index_t kv_head = h / (heads / p.k.extents[1]);
                const index_t keys = p.kv_lengths.empty() ? p.k.extents[2] : p.kv_lengths[static_cast<std::size_t>(b)];
                score.clear();
                kept.clear();
                float m = -std::numeric_limits<float>::infinity();
                for (index_t j = 0; j < keys; ++j) {
                    if (p.mask && !p.mask(b, h, row + p.q_offset, j)) continue;
                    float dot = 0;
                    for (index_t d = 0; d < head_dim; ++d)
                        dot += static_cast<float>(p.q(b, h, row, d)) * static_cast<float>(p.k(b, kv_head, j, d));
                    float s = dot * static_cast<float>(p.scale);
                    if (p.score) s = static_cast<float>(p.score(static_cast<double>(s), b, h, row + p.q_offset, j));
                    kept.push_back(j);
                    score.push_back(s);
                    m = std::max(m, s);
                }
                o.assign(o.size(), 0.0f);
                float l = 0;
                for (std::size_t j = 0; j < kept.size(); ++j) {
                    const float e = std::exp(score[j] - m);
                    l += e;
                    for (index_t d = 0; d < width; ++d)
                        o[static_cast<std::size_t>(d)] += e * static_cast<float>(p.v(b, kv_head, kept[j], d));
                }
                for (float x : o) out.push_back(kept.empty() ? 0.0f : x / l);
            }
    return out;
}

}  // namespace reference

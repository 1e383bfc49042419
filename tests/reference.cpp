// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "reference.hpp"

#include <algorithm>
#include <cmath>

namespace reference {

namespace {

struct row_scores {
    std::vector<index_t> kept;
    std::vector<double> score;
    double magnitude = 0;
};

row_scores scores_of_row(const problem& p, index_t b, index_t h, index_t row) {
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
double maximum(const std::vector<double>& values) {
    double m = -infinity;
    for (double x : values) {
        if (std::isnan(x)) return x;
        m = std::max(m, x);
    }
    return m;
}

}  // namespace

answer attention(const problem& p) {
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
                const row_scores scores = scores_of_row(p, b, h, row);
                const double m = maximum(scores.score);
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

std::vector<float> two_pass_float32(const problem& p) {
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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a block ends: outputs are divided by their sums and written, with the log-sum-exp, and rows without any weight get what
// the call wants. Outputs of parts of the keys are joined before.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "domino/kernel/panels.hpp"
#include "domino/kernel/values.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// A block's output, maxima and sums, of which w_ has the running ones.
class block_output : protected block_panels {
protected:
    /// A score in the workspace times `score_unit` is the score.
    block_output(const problem& p, const row_block& block, const workspace& w, float q_factor, float score_unit)
        : block_panels(p, block, w, q_factor), score_unit_(score_unit) {}

    /// What the block has, to `part`: of each row its output, maximum and sum.
    void copy_part(float* part) const {
        for (index_t row = 0; row < rows_; ++row) {
            for (index_t c = 0; c < value_dim_; ++c) *part++ = output(row, c);
            *part++ = w_.max[place(row)];
            *part++ = w_.sum[place(row)];
        }
    }
    /// Adds what a part of the keys gave.
    void join(const float* part) {
        for (index_t row = 0; row < rows_; ++row, part += value_dim_ + 2) {
            float &max = w_.max[place(row)], &sum = w_.sum[place(row)];
            const float before = max, more = part[value_dim_], now = std::max(before, more);
            const auto factor = [&](float of) {  // what saw nothing is 0, or NaN: it stays so
                simd::floats x[1] = {simd::floats((of - now) * (score_unit_ * std::numbers::log2e_v<float>))};
                simd::exp2(x);
                return of == minus_infinity ? 1.f : x[0].get(0);
            };
            const float a = factor(before), b = factor(more);
            // fused here, for a compiler may fuse either product, or none
            const auto add = [=](float x, float y) {
                const float scaled = y * b;
                return simd::fuses ? std::fma(x, a, scaled) : x * a + scaled;
            };
            for (index_t c = 0; c < value_dim_; ++c) output(row, c) = add(output(row, c), part[c]);
            sum = add(sum, part[value_dim_ + 1]);
            max = now;
        }
    }

    /// Whether all of panel i's output is finite, and of all panels'.
    bool finite(index_t i) const { return all_finite(o_panel(i), value_dim_); }
    bool finite() const {
        for (index_t i = 0; i < panels(); ++i)
            if (!finite(i)) return false;
        return true;
    }

    /// Writes O and the log-sum-exp. Gives false where `only_finite` and an output is not finite: all must be computed again.
    bool finish(bool only_finite) {
        if (p_.lse.data)
            for (index_t row = 0; row < rows_; ++row) write_lse(row);
        if (p_.softmax.adjusts_sums())
            for (index_t row = 0; row < rows_; ++row) {
                float& sum = w_.sum[place(row)];
                sum = p_.softmax.adjusted_sum(sum, double(w_.max[place(row)]) * double(score_unit_), head_of(row));
            }
        for (index_t i = 0; i < panels(); ++i) {
            if (only_finite && !finite(i)) return false;
            write_panel(i);
        }
        if (p_.softmax.policy != empty_rows::zeros) apply_policy();
        return true;
    }

    const float score_unit_;

private:
    /// A row's running output.
    float& output(index_t row, index_t c) const {
        const index_t i = place(row) / panel, lane = place(row) % panel;
        return o_panel(i)[thin(i) ? lane * value_dim_ + c : c * panel + lane];
    }

    void write_panel(index_t i) {
        if (thin(i)) {
            for (index_t lane = 0; lane < rows_in(i); ++lane) {
                const float *o = o_panel(i) + lane * value_dim_, sum = w_.sum[i * panel + lane];
                const float divisor = sum == 0.f ? 1.f : sum;  // what saw nothing is 0 already
                std::transform(o, o + value_dim_, o_row(first_row(i) + lane), [=](float x) { return x / divisor; });
            }
            return;
        }
        for_each_stretch(i, [&](index_t row, index_t count) {
            for (index_t j = 0; j < count; ++j)
                simd::prefetch<simd::prefetch_to::write>(o_row(row) + j * p_.o.strides[2], value_dim_);
        });
        divide(o_panel(i), value_dim_, w_.sum + i * panel);
        for_each_stretch(i, [&](index_t row, index_t count) {
            simd::transpose(o_panel(i) + place(row) % panel, panel, value_dim_, count, o_row(row), p_.o.strides[2]);
        });
    }

    /// -inf for a row that saw nothing.
    void write_lse(index_t row) {
        const float sum = w_.sum[place(row)], max = w_.max[place(row)];
        const double lse =
            sum == 0.f ? double(minus_infinity) : double(max) * double(score_unit_) + std::log(double(sum));
        const auto& strides = p_.lse.strides;
        p_.lse.data[block_.b * strides[0] + head_of(row) * strides[1] + query_of(row) * strides[2]] =
            static_cast<float>(p_.softmax.lse_with_sink(lse, head_of(row)));
    }

    /// Rows without any weight. One mean serves a whole block, but for dropout's choice.
    void apply_policy() {
        const float* mean = nullptr;
        for (index_t row = 0; row < rows_; ++row) {
            const index_t head = head_of(row);
            if (w_.sum[place(row)] != 0.f || p_.softmax.sink_of(head) != double(minus_infinity)) continue;
            if (p_.softmax.policy == empty_rows::error)
                return p_.softmax.note_empty((block_.b * p_.q.heads + head) * p_.q.len + query_of(row));
            float* out = o_row(row);
            if (mean) std::copy_n(mean, value_dim_, out);
            else write_mean(out, head, query_of(row) + p_.q_offset);
            if (!p_.softmax.dropout.active()) mean = out;
        }
    }

    /// The mean of all values that dropout keeps; 0 where there are no keys.
    void write_mean(float* out, index_t head, index_t position) {
        const index_t keys = p_.kv_len(block_.b);
        const dropout_options& dropout = p_.softmax.dropout;
        for_each_piece({0, keys}, visit_keys(head_dim_, value_dim_), [&](span piece) {
            const float_rows v = p_.v(block_.b, kv_head_, piece, w_.v);
            for (index_t c = 0; c < value_dim_; ++c) {
                double sum = 0;
                for (index_t key = piece.begin; key < piece.end; ++key)
                    if (dropout.keeps(block_.b, head, position, key))
                        sum += double(v.first[(key - piece.begin) * v.stride + c]);
                out[c] += static_cast<float>(sum * double(dropout.kept_factor()) / double(keys));
            }
        });
    }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

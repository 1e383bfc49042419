// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a call may ask of the softmax beyond its definition: sinks, dropout, a policy for rows without any weight.
#pragma once

#include <atomic>
#include <cmath>
#include <limits>

#include "domino/expression/dropout.hpp"

namespace domino::inline DOMINO_ARCH {

/// What a row is that has no weight at all: it sees no key (or only scores of -inf) and has no sink.
enum class empty_rows : unsigned char {
    zeros,    ///< O is +0
    uniform,  ///< the mean of all values, masked ones too: what a finite masked_out_value gives   (penzai, attnax)
    error,    ///< throws when all rows are done; such rows are +0 then
};

namespace kernel {

/// The softmax's options, checked.
struct softmax_options {
    const float* sinks = nullptr;  ///< [heads], or null
    bool smooth = false;           ///< a sink of 0
    empty_rows policy = empty_rows::zeros;
    dropout_options dropout = {};
    std::atomic<index_t>* first_empty = nullptr;  ///< the first row without weight, for the policy `error`

    double sink_of(index_t head) const {
        return sinks ? double(sinks[head]) : smooth ? 0.0 : -std::numeric_limits<double>::infinity();
    }
    /// Whether sums are not yet what the output is divided by.
    bool adjusts_sums() const { return sinks || smooth || dropout.active(); }
    /// What the output is divided by: the sum of the weights relative to e^max, and the sink's; times the share of
    /// weights that dropout keeps. 0 stays 0, and what is beyond all floats, as of a sink that is far larger, is infinite.
    float adjusted_sum(float sum, double max, index_t head) const {
        if (sum == 0.f) return sum;
        const double adjusted = (double(sum) + std::exp(sink_of(head) - max)) / double(dropout.kept_factor());
        return adjusted > double(std::numeric_limits<float>::max()) ? std::numeric_limits<float>::infinity()
                                                                    : static_cast<float>(adjusted);
    }
    /// log(e^lse + e^sink).
    double lse_with_sink(double lse, index_t head) const {
        const double sink = sink_of(head);
        if (sink == -std::numeric_limits<double>::infinity() || lse != lse) return lse;
        return lse > sink ? lse + std::log1p(std::exp(sink - lse)) : sink + std::log1p(std::exp(lse - sink));
    }
    void note_empty(index_t row) const {
        index_t first = first_empty->load(std::memory_order_relaxed);
        while (row < first && !first_empty->compare_exchange_weak(first, row, std::memory_order_relaxed)) {}
    }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is done to queries and keys before they meet: rotary position embedding and RMS norm.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "domino/error.hpp"

namespace domino::inline DOMINO_ARCH {

/// Rotary position embedding over the two halves of a vector ("split-half"): channels i and i + dims / 2 turn by
///
///     angle(position, i) = position / scale / wavelength^(2 i / dims)            0 <= i < dims / 2
///
/// dims being `channels`, or head_dim where that is 0; channels beyond stay.   (RoFormer; penzai ApplyRoPE,
/// ApplyRoPEToSubset; ggml's NEOX order. GGUF files of Llama interleave the halves: undo that when loading.)
struct rope {
    float wavelength = 10'000;
    float scale = 1;       ///< positions are divided by it; at least 1
    index_t channels = 0;  ///< of each vector; even
};

/// A rope for one head size, with its frequencies computed.
class rotation {
public:
    /// Throws for a wavelength that is not positive, a scale below 1, and channels that are odd or beyond head_dim.
    rotation(const rope& r, index_t head_dim) {
        const index_t dims = r.channels ? r.channels : head_dim;
        if (!(r.wavelength > 0)) detail::fail("rope.wavelength", "a positive number", std::to_string(r.wavelength));
        if (!(r.scale >= 1)) detail::fail("rope.scale", "1 or more", std::to_string(r.scale));
        if (dims < 0 || dims > head_dim || dims % 2 != 0)
            detail::fail("rope.channels", "an even number up to head_dim " + std::to_string(head_dim),
                         std::to_string(dims));
        for (index_t i = 0; i < dims / 2; ++i)
            frequencies_.push_back(std::pow(double(r.wavelength), -2.0 * double(i) / double(dims)) / double(r.scale));
        turns_.resize(frequencies_.size() * 2);
    }
    /// Turns `heads` adjacent vectors of head_dim of one token, in place.
    void apply(float* token, index_t heads, index_t head_dim, std::int32_t position) {
        const std::size_t half = frequencies_.size();
        for (std::size_t i = 0; i < half; ++i) {
            const double angle = double(position) * frequencies_[i];
            turns_[i] = static_cast<float>(std::cos(angle));
            turns_[half + i] = static_cast<float>(std::sin(angle));
        }
        for (float* x = token; heads > 0; --heads, x += head_dim)
            for (std::size_t i = 0; i < half; ++i) {
                const float a = x[i], c = x[half + i];
                x[i] = a * turns_[i] - c * turns_[half + i];
                x[half + i] = c * turns_[i] + a * turns_[half + i];
            }
    }

private:
    std::vector<double> frequencies_;
    std::vector<float> turns_;
};

/// y = x / sqrt(mean(x^2) + epsilon) * weight over one vector; x and y may be the same. Gemma's checkpoints store
/// weight - 1: add the 1 when loading.
inline void rms_norm(const float* x, std::span<const float> weight, float epsilon, float* y) {
    double squares = 0;
    for (std::size_t i = 0; i < weight.size(); ++i) squares += double(x[i]) * double(x[i]);
    const auto factor = static_cast<float>(1 / std::sqrt(squares / double(weight.size()) + double(epsilon)));
    for (std::size_t i = 0; i < weight.size(); ++i) y[i] = x[i] * factor * weight[i];
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The memory of a cache: vectors of float, float16, bfloat16 or int8 with scales.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "domino/error.hpp"
#include "domino/tensor/source.hpp"

namespace domino::inline DOMINO_ARCH {

/// Owned vectors [slabs, heads, cells, head_dim] of T; a slab is a batch entry or a page. Vectors are handed in as
/// float. As int8, each `scale_block` channels share a scale, the largest magnitude / 127 (0: one a vector).
template <Element T>
class cache_rows {
    static constexpr bool scaled = std::same_as<T, std::int8_t>;

public:
    /// Throws where an extent is negative, head_dim or cells not positive, or scale_block does not divide head_dim.
    cache_rows(index_t slabs, index_t heads, index_t cells, index_t head_dim, index_t scale_block = 0)
        : heads_(heads), cells_(cells), head_dim_(head_dim), block_(scale_block ? scale_block : head_dim) {
        detail::at_least(0, slabs, "cache: slabs");
        detail::at_least(1, heads, "cache: heads");
        detail::at_least(1, cells, "cache: cells");
        detail::at_least(1, head_dim, "cache: head_dim");
        if (block_ < 1 || head_dim % block_ != 0)
            detail::fail("cache: scale_block", "a divisor of head_dim " + std::to_string(head_dim),
                         std::to_string(scale_block));
        slabs_ = slabs;
        values_.resize(size(detail::checked_product("cache", {slabs, heads, cells, head_dim})));
        if constexpr (scaled) scales_.resize(values_.size() / size(block_));
    }

    /// Stores a vector.
    void write(index_t slab, index_t head, index_t cell, const float* x) {
        T* out = values_.data() + vector_index(slab, head, cell) * head_dim_;
        if constexpr (scaled) {
            float* scale = scales_.data() + vector_index(slab, head, cell) * blocks();
            for (index_t c = 0; c < head_dim_; c += block_) *scale++ = quantize(x + c, out + c);
        } else {
            for (index_t c = 0; c < head_dim_; ++c) out[c] = T(x[c]);
        }
    }
    /// Copies the vectors of all heads from one cell to another.
    void copy(index_t from_slab, index_t from_cell, index_t to_slab, index_t to_cell) {
        for (index_t head = 0; head < heads_; ++head) {
            const index_t from = vector_index(from_slab, head, from_cell), to = vector_index(to_slab, head, to_cell);
            std::copy_n(values_.data() + from * head_dim_, head_dim_, values_.data() + to * head_dim_);
            if constexpr (scaled)
                std::copy_n(scales_.data() + from * blocks(), blocks(), scales_.data() + to * blocks());
        }
    }
    /// The first `len` cells of every slab as a RowSource.
    auto view(index_t len) const {
        const auto over = [&]<class U>(const U* data, index_t width) {
            return tensor_view<const U>{
                data, {slabs_, heads_, len, width}, {heads_ * cells_ * width, cells_ * width, width, 1}};
        };
        if constexpr (scaled) return quantized_view{over(values_.data(), head_dim_), over(scales_.data(), blocks())};
        else return over(values_.data(), head_dim_);
    }

    index_t heads() const { return heads_; }
    index_t head_dim() const { return head_dim_; }
    std::size_t bytes() const { return values_.size() * sizeof(T) + scales_.size() * sizeof(float); }

private:
    static std::size_t size(index_t n) { return static_cast<std::size_t>(n); }
    index_t blocks() const { return head_dim_ / block_; }
    index_t vector_index(index_t slab, index_t head, index_t cell) const {
        return (slab * heads_ + head) * cells_ + cell;
    }
    /// Rounds a block to nearest and returns its scale; what is not finite makes the scale NaN.
    float quantize(const float* x, std::int8_t* out) const {
        float largest = 0, poison = 0;
        for (index_t c = 0; c < block_; ++c) {
            largest = std::max(largest, std::abs(x[c]));
            poison += x[c] * 0.f;
        }
        const float scale = largest / 127.f, inverse = scale > 0.f ? 127.f / largest : 0.f;
        const bool usable = poison == 0.f && std::isfinite(inverse);
        for (index_t c = 0; c < block_; ++c) out[c] = static_cast<std::int8_t>(usable ? std::lrint(x[c] * inverse) : 0);
        return scale + poison;
    }

    index_t slabs_ = 0, heads_, cells_, head_dim_, block_;
    std::vector<T> values_;
    std::vector<float> scales_;
};

}  // namespace domino::inline DOMINO_ARCH

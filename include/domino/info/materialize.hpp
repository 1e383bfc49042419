// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask as a tensor, for those who ask for one: bools, packed bits, or an additive bias.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "domino/tile/inspect.hpp"

namespace domino::inline DOMINO_ARCH {

/// A dense tensor [batch, heads, q_len, kv_len] that owns its values: m(b, h, q, kv), or m.data in row-major order.
template <class T>
struct dense_mask {
    mask_shape shape;
    std::vector<T> data;
    T operator()(index_t b_, index_t h_, index_t q_, index_t kv_) const { return data[index(b_, h_, q_, kv_)]; }

    std::size_t index(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        return static_cast<std::size_t>(((b_ * shape.heads + h_) * shape.q_len + q_) * shape.kv_len + kv_);
    }
};

/// The same with one bit an element, packed along kv from the low bit up; each row starts a new word.
struct bit_mask {
    mask_shape shape;
    std::vector<std::uint64_t> words;
    index_t words_per_row() const { return (shape.kv_len + 63) / 64; }
    bool operator()(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        return (words[word(b_, h_, q_, kv_)] >> (kv_ % 64)) & 1;
    }

    std::size_t word(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        return static_cast<std::size_t>(((b_ * shape.heads + h_) * shape.q_len + q_) * words_per_row() + kv_ / 64);
    }
};

namespace detail {

/// Calls f(b, h, q, kv, kept) for every element of a checked shape, in row-major order.
template <MaskMod M, class F>
void for_each_element(const M& mask_mod, const mask_shape& shape, F f) {
    const auto expression = as_mask(mask_mod);
    for (index_t batch = 0; batch < shape.batch; ++batch)
        for (index_t head = 0; head < shape.heads; ++head)
            for (index_t row = 0; row < shape.q_len; ++row)
                for (index_t key = 0; key < shape.kv_len; ++key)
                    f(batch, head, row, key, evaluate(expression, point{batch, head, row, key}));
}

template <class T, MaskMod M>
dense_mask<T> dense(const M& mask_mod, const mask_shape& shape, T kept, T masked) {
    check_shape(as_mask(mask_mod), shape);
    dense_mask<T> out{shape, {}};
    out.data.reserve(static_cast<std::size_t>(shape.all().pairs()));
    for_each_element(mask_mod, shape,
                     [&](index_t, index_t, index_t, index_t, bool keep) { out.data.push_back(keep ? kept : masked); });
    return out;
}

}  // namespace detail

/// mask(b, h, q, kv) for every element as 0 or 1.   (attnax mask_mod_to_boolean_mask)
template <MaskMod M>
dense_mask<std::uint8_t> materialize(const M& mask_mod, const mask_shape& shape) {
    return detail::dense<std::uint8_t>(mask_mod, shape, 1, 0);
}

/// One bit an element.   (FlashInfer packed custom masks, whose rows do not start new words)
template <MaskMod M>
bit_mask materialize_bits(const M& mask_mod, const mask_shape& shape) {
    detail::check_shape(as_mask(mask_mod), shape);
    bit_mask out{shape, {}};
    out.words.resize(static_cast<std::size_t>(shape.batch * shape.heads * shape.q_len * out.words_per_row()));
    detail::for_each_element(mask_mod, shape, [&](index_t b_, index_t h_, index_t q_, index_t kv_, bool keep) {
        out.words[out.word(b_, h_, q_, kv_)] |= std::uint64_t{keep} << (kv_ % 64);
    });
    return out;
}

/// What to add to a score: 0 where kept, `masked_out_value` where not.   (penzai and ejkernel use finite values)
template <MaskMod M>
dense_mask<float> materialize_bias(const M& mask_mod, const mask_shape& shape,
                                   float masked_out_value = -std::numeric_limits<float>::infinity()) {
    return detail::dense<float>(mask_mod, shape, 0.f, masked_out_value);
}

}  // namespace domino::inline DOMINO_ARCH

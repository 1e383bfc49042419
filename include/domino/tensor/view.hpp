// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Views of the caller's tensors.
#pragma once

#include <array>
#include <type_traits>

#include "domino/tensor/element.hpp"

namespace domino::inline DOMINO_ARCH {

/// `count` vectors, vector i at first + i * stride. Of int8 vectors, element c of vector i stands for
/// scales[i * scale_stride + c / scale_block] times its value. A null `first` means tokens that are not there: they
/// read as zeros, and it is the mask's business to hide them.
template <class T>
struct row_run {
    const T* first;
    index_t stride;
    index_t count;
    const float* scales = nullptr;
    index_t scale_stride = 0;
    index_t scale_block = 1;
};

/// A view of a tensor [batch, heads, len, head_dim], not owned; strides in elements, any but for head_dim, which is
/// contiguous (stride 1). No alignment is needed. A stride of 0 broadcasts an input over that axis.
template <class T>
struct tensor_view {
    using element = std::remove_const_t<T>;

    T* data = nullptr;
    std::array<index_t, 4> extents{};  ///< batch, heads, len, head_dim
    std::array<index_t, 4> strides{};

    constexpr index_t batch() const { return extents[0]; }
    constexpr index_t heads() const { return extents[1]; }
    constexpr index_t len() const { return extents[2]; }
    constexpr index_t head_dim() const { return extents[3]; }
    constexpr index_t size() const { return extents[0] * extents[1] * extents[2] * extents[3]; }

    /// The vector of one token: head_dim contiguous elements.
    constexpr T* row(index_t batch_entry, index_t head, index_t token) const {
        return data + batch_entry * strides[0] + head * strides[1] + token * strides[2];
    }
    /// The vectors from this token on (a RowSource's question).
    constexpr row_run<element> rows(index_t batch_entry, index_t head, index_t token) const
        requires(!std::is_same_v<element, std::int8_t>)  // int8 needs scales: quantized_view
    {
        return {row(batch_entry, head, token), strides[2], len() - token};
    }
    constexpr operator tensor_view<const T>() const requires(!std::is_const_v<T>)
    {
        return {data, extents, strides};
    }
};

/// [batch, heads, len, head_dim] in row-major order.   (attnax, FlexAttention, torch SDPA)
template <class T>
constexpr tensor_view<T> bhsd(T* data, index_t batch, index_t heads, index_t len, index_t head_dim) {
    return {data, {batch, heads, len, head_dim}, {heads * len * head_dim, len * head_dim, head_dim, 1}};
}

/// The same tensor stored as [batch, len, heads, head_dim]; the arguments stay in the order of `bhsd`.
/// (FlashAttention, ejkernel)
template <class T>
constexpr tensor_view<T> bshd(T* data, index_t batch, index_t heads, index_t len, index_t head_dim) {
    return {data, {batch, heads, len, head_dim}, {len * heads * head_dim, head_dim, heads * head_dim, 1}};
}

/// Where to write the log-sum-exp of each row: [batch, heads, q_len], natural logarithm; null for nowhere.
struct lse_view {
    float* data = nullptr;
    std::array<index_t, 3> strides{};  ///< all 0: row-major without gaps

    constexpr lse_view() = default;
    constexpr lse_view(float* contiguous) : data(contiguous) {}
    constexpr lse_view(float* first, std::array<index_t, 3> s) : data(first), strides(s) {}
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Eigen's arrays as views and tables.
#pragma once

#include <Eigen/Core>

#include "domino/expression/table.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

template <class Matrix>
concept EigenArray = requires(const Matrix& m) { []<class Derived>(const Eigen::DenseBase<Derived>&) {}(m); };
/// A temporary that owns its entries: a view would outlive it.
template <class Matrix>
inline constexpr bool dies_here = !std::is_lvalue_reference_v<Matrix> && requires(const Matrix& m) {
    []<class Derived>(const Eigen::PlainObjectBase<Derived>&) {}(m);
};

}  // namespace detail

/// One head as a matrix [len, head_dim], as a view [1, 1, len, head_dim]: a row-major float matrix, map, or block of
/// such, whose rows are contiguous (a call throws where they are not). The matrix must outlive the view.
template <detail::EigenArray Matrix>
auto view(Matrix&& head) {
    static_assert(!detail::dies_here<Matrix>, "domino: a view does not own, and this matrix is a temporary: name it");
    static_assert(std::remove_cvref_t<Matrix>::IsRowMajor,
                  "domino: view(matrix) needs a row-major matrix, whose rows are contiguous tokens");
    using T = std::remove_pointer_t<decltype(head.data())>;
    return tensor_view<T>{head.data(), {1, 1, head.rows(), head.cols()}, {0, 0, head.rowStride(), head.colStride()}};
}

/// An Eigen vector as a table t(i), or a matrix as a table t(i, j); also a map of one, or a block. The entries must outlive
/// the table.
template <detail::EigenArray Matrix>
auto table(Matrix&& entries, std::string name = "table") {
    using Array = std::remove_cvref_t<Matrix>;
    static_assert(!detail::dies_here<Matrix>, "domino: a table is a view, and this matrix a temporary: name it");
    static_assert((int{Array::Flags} & Eigen::DirectAccessBit) != 0,
                  "domino: a table is a view of entries in memory, and this is an expression: evaluate it first");
    if constexpr (Array::IsVectorAtCompileTime)
        return table<typename Array::Scalar, 1>(entries.data(), {entries.size()}, {entries.innerStride()},
                                                std::move(name));
    else
        return table<typename Array::Scalar, 2>(entries.data(), {entries.rows(), entries.cols()},
                                                {entries.rowStride(), entries.colStride()}, std::move(name));
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Eigen's arrays as views and tables.
#pragma once

#include <Eigen/Core>

#include "domino/expression/table.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {

/// One head as a matrix [len, head_dim], as a view [1, 1, len, head_dim]: a row-major float matrix, map, or block of
/// such. The matrix must outlive the view.
template <class Matrix>
auto view(Matrix& head) {
    static_assert(Matrix::IsRowMajor,
                  "domino: view(matrix) needs a row-major matrix, whose rows are contiguous tokens");
    using T = std::remove_pointer_t<decltype(head.data())>;
    return tensor_view<T>{head.data(), {1, 1, head.rows(), head.cols()}, {0, 0, head.outerStride(), 1}};
}

/// An Eigen vector as a table t(i), or a row-major matrix as a table t(i, j); it must outlive the table.
template <class Derived>
auto table(const Eigen::PlainObjectBase<Derived>& entries, std::string name = "table") {
    static_assert(Derived::IsVectorAtCompileTime || Derived::IsRowMajor,
                  "domino: table(matrix) needs a row-major matrix or a vector");
    if constexpr (Derived::IsVectorAtCompileTime) return table(entries.data(), entries.size(), std::move(name));
    else return table(entries.data(), entries.rows(), entries.cols(), std::move(name));
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Eigen's arrays as tables and as heads: owners by name, maps and blocks as they come.
#include <domino/tensor/check.hpp>
#include <domino/tensor/eigen.hpp>
#include <domino/tile/stats.hpp>

#include "catch.hpp"

using namespace domino;

namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

TEST_CASE("vectors, matrices, maps and blocks are tables of their entries") {
    Eigen::VectorXi ids(6);
    ids << 0, 0, 1, 1, 2, 2;
    Eigen::MatrixXi columns(2, 3);
    columns << 0, 1, 2, 3, 4, 5;
    const Eigen::Matrix<int, 2, 3, Eigen::RowMajor> rows = columns;
    const auto t = table(ids, "ids");
    CHECK(t.name() == "ids");
    CHECK(stats(t(q) == t(kv), {1, 1, 6, 6}).visible == 12);
    CHECK(table(Eigen::Map<const Eigen::VectorXi>(ids.data() + 2, 4)).at(index_t{0}) == 1);
    CHECK(table(ids.segment(3, 2)).at(index_t{1}) == 2);
    CHECK(table(columns.row(1)).at(index_t{2}) == 5);  // entries apart
    for (index_t i = 0; i < 2; ++i)
        for (index_t j = 0; j < 3; ++j) {
            CHECK(table(columns).at(i, j) == 3 * i + j);
            CHECK(table(rows).at(i, j) == 3 * i + j);
            CHECK(table(columns.rightCols(2)).at(i, index_t{1}) == 3 * i + 2);
        }
    ids[1] = 9;
    CHECK(t.at(index_t{1}) == 9);
}

TEST_CASE("a head is a row-major matrix, a map or a block") {
    row_major m(4, 6);
    for (index_t i = 0; i < m.size(); ++i) m.data()[i] = float(i);
    const auto whole = view(m), top = view(m.topRows(2)), right = view(m.rightCols(2));
    const auto mapped = view(Eigen::Map<const row_major>(m.data(), 3, 8));
    static_assert(std::is_same_v<decltype(whole), const tensor_view<float>>);
    static_assert(std::is_same_v<decltype(mapped), const tensor_view<const float>>);
    CHECK(*whole.row(0, 0, 3) == 18.f);
    CHECK(top.len() == 2);
    CHECK(*right.row(0, 0, 1) == 10.f);
    CHECK(mapped.head_dim() == 8);
    const Eigen::MatrixXf columns = m;
    const auto row = view(columns.row(1));  // entries apart: a call refuses them
    CHECK(row.strides == std::array<index_t, 4>{0, 0, 1, 4});
    CHECK_THROWS_WITH(detail::check_tensor("Q", row), Catch::Contains("contiguous head_dim"));
    CHECK_NOTHROW(detail::check_tensor("Q", view(m.row(1))));
}

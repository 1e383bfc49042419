// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The adapters to thread pools: each index once, no worker twice at once, exceptions come through, the same bits.
#include <atomic>
#include <domino/parallel/eigen.hpp>
#include <stdexcept>
#include <vector>
#if defined(_OPENMP)
#include <domino/parallel/openmp.hpp>
#endif
#if defined(TEST_TBB)
#include <domino/parallel/tbb.hpp>
#endif

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

void check_executor(const auto& executor, index_t workers) {
    REQUIRE(executor.concurrency() == workers);
    for (const index_t n : {0, 1, 2, 7, 1000}) {
        std::vector<std::atomic<int>> calls(static_cast<std::size_t>(n)), busy(static_cast<std::size_t>(workers));
        std::atomic<int> wrong = 0;
        executor.for_each_index(n, [&](index_t i, index_t worker) {
            if (i < 0 || i >= n || worker < 0 || worker >= workers || busy[std::size_t(worker)]++ != 0) ++wrong;
            ++calls[std::size_t(i)];
            --busy[std::size_t(worker)];
        });
        CHECK(wrong == 0);
        for (const auto& count : calls) CHECK(count == 1);
    }
    CHECK_THROWS_AS(executor.for_each_index(100,
                                            [](index_t i, index_t) {
                                                if (i == 42) throw std::runtime_error("42");
                                            }),
                    std::runtime_error);

    inputs::random r(61);
    call::problem p(
        {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 300, .kv_len = 300, .head_dim = 16, .value_dim = 24});
    p.fill(r);
    p.run(domino::any_mask(domino::causal), domino::score);
    const auto expected = p.output();
    p.o.each([](float& x) { x = 99; });
    p.run(domino::any_mask(domino::causal), domino::score, executor);
    CHECK(compare::same_bits(p.output(), expected));
}

}  // namespace

TEST_CASE("Eigen's thread pool") {
    Eigen::ThreadPool pool(3);
    check_executor(domino::eigen_executor(pool), 3);
}
#if defined(_OPENMP)
TEST_CASE("OpenMP") { check_executor(domino::openmp_executor{3}, 3); }
#endif
#if defined(TEST_TBB)
TEST_CASE("oneTBB") {
    tbb::task_arena arena(2);
    check_executor(domino::tbb_executor(arena), 2);
}
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order in which workers take blocks: each once, the longest first, so that all end together.

#include <algorithm>
#include <numeric>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"
#include "executors.hpp"

namespace {

using call::index_t;
using domino::kernel::block_order;

/// The blocks of `work` in the order in which they are handed out to `workers`.
std::vector<index_t> handed_out(const std::vector<index_t>& work, index_t workers, index_t parts = 1) {
    std::vector<block_order::task> memory(block_order::most_tasks);
    const block_order order(std::ssize(work), workers, memory.data(),
                            [&](index_t i) { return work[static_cast<std::size_t>(i)]; });
    std::vector<index_t> blocks;
    std::vector<int> seen(work.size() * static_cast<std::size_t>(parts));
    order.for_each(executors::backward{workers}, parts, [&](index_t i, index_t part, index_t worker) {
        CHECK((worker >= 0 && worker < workers));
        ++seen.at(static_cast<std::size_t>(i * parts + part));
        if (part == 0) blocks.push_back(i);
    });
    CHECK(std::ranges::all_of(seen, [](int times) { return times == 1; }));
    return blocks;
}

/// When the last of `workers` is done, each of which takes the next block when it is free.
index_t end_of(const std::vector<index_t>& work, const std::vector<index_t>& blocks, index_t workers) {
    std::vector<index_t> busy(static_cast<std::size_t>(workers));
    for (const index_t i : blocks) *std::ranges::min_element(busy) += work[static_cast<std::size_t>(i)];
    return std::ranges::max(busy);
}

}  // namespace

TEST_CASE("each block once, none before one that is much longer", "[attention][order]") {
    inputs::random r(81);
    for (const index_t n : {1, 2, 16, 1000, 4096, 4097, 9000})
        for (const index_t workers : {2, 3, 64}) {
            std::vector<index_t> work(static_cast<std::size_t>(n));
            for (index_t& w : work) w = r.below(1000);
            CAPTURE(n, workers);
            const auto blocks = handed_out(work, workers, 1 + r.below(3));
            if (n > block_order::most_tasks) continue;  // neighbours stay together
            const index_t much = std::accumulate(work.begin(), work.end(), index_t{0}) / workers / block_order::grades;
            index_t longest = 0;  // of those that come later
            for (auto i = blocks.rbegin(); i != blocks.rend(); ++i) {
                longest = std::max(longest, work[static_cast<std::size_t>(*i)]);
                CHECK(longest - work[static_cast<std::size_t>(*i)] <= much);
            }
        }
}

TEST_CASE("equal blocks as they are numbered", "[attention][order]") {
    for (const index_t work : {0, 1, 4096}) {
        const auto blocks = handed_out(std::vector<index_t>(100, work), 4);
        CHECK(std::ranges::is_sorted(blocks));
    }
}

TEST_CASE("workers end together", "[attention][order]") {
    for (const index_t heads : {1, 8, 300}) {
        std::vector<index_t> causal;
        for (index_t i = 0; i < 16 * heads; ++i) causal.push_back(256 * (i % 16 + 1));
        const index_t all = std::accumulate(causal.begin(), causal.end(), index_t{0});
        for (const index_t workers : {2, 4, 8}) {
            CAPTURE(heads, workers);
            CHECK(end_of(causal, handed_out(causal, workers), workers) <= all / workers * 103 / 100);
        }
    }
}

TEST_CASE("a call's blocks go by what their rows see", "[attention][order]") {
    call::problem p({.q_len = 1536, .kv_len = 1536, .head_dim = 16, .value_dim = 16});
    const index_t rows = domino::kernel::block_rows(16, 16);
    std::vector<index_t> blocks;
    const auto mask = domino::scalar(
        [&](int, int, int q, int kv) {
            if (blocks.empty() || blocks.back() != q / rows) blocks.push_back(q / rows);
            return kv <= q;
        },
        [](const domino::tile& t) { return domino::classify(domino::causal, t); });
    p.run(mask, domino::score);
    CHECK(blocks.size() == static_cast<std::size_t>((1536 + rows - 1) / rows));
    CHECK(std::ranges::is_sorted(blocks));
    blocks.clear();
    p.run(mask, domino::score, executors::backward{2});
    CHECK(blocks.size() == static_cast<std::size_t>((1536 + rows - 1) / rows));
    CHECK(std::ranges::is_sorted(blocks, std::greater<>{}));
}

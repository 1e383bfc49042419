// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention against the oracle over shapes: lengths around every power of two, head sizes from 1 to 512,
// grouped heads, and the catalogue's masks, all through one kernel by any_mask.

#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"
#include "mask_cases.hpp"

namespace {

using call::index_t;

const std::vector<index_t> lengths{0,  1,  2,  3,  5,  7,  11, 15,  16,  17,  23,  31,  32,
                                   33, 47, 63, 64, 65, 67, 97, 113, 127, 128, 129, 191, 257};
const std::vector<index_t> head_dims{1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 40, 64, 72, 80, 96, 128, 256, 512};

struct statistics {
    double share = 0;
    int cases = 0;
};

/// A shape whose work, in multiplications, stays under `limit`.
call::shape draw(inputs::random& r, index_t limit) {
    for (;;) {
        call::shape s;
        s.batch = r.pick(std::vector<index_t>{0, 1, 1, 1, 2, 3});
        s.kv_heads = r.between(1, 3);
        s.heads = s.kv_heads * r.pick(std::vector<index_t>{1, 1, 2, 3, 4, 8});
        s.q_len = r.pick(lengths);
        s.kv_len = r.pick(lengths);
        s.head_dim = r.pick(head_dims);
        s.value_dim = r.coin(0.7) ? s.head_dim : r.pick(head_dims);
        if (s.batch * s.heads * s.q_len * s.kv_len * (s.head_dim + s.value_dim) <= limit) return s;
    }
}

void check(std::uint64_t seed, index_t limit, statistics& worst) {
    inputs::random r(seed);
    call::problem p(draw(r, limit));
    p.fill(r, r.pick(std::vector<double>{0.1, 1.0, 1.0, 3.0}));
    p.q_offset =
        r.coin() ? 0 : r.pick(std::vector<index_t>{1, 5, 64, p.s.kv_len, std::max<index_t>(0, p.s.kv_len - p.s.q_len)});
    if (r.coin(0.3))
        for (index_t b = 0; b < p.s.batch; ++b) p.kv_lengths.push_back(r.between(0, p.s.kv_len));
    std::vector<std::shared_ptr<mask_cases::detail::ints>> store;
    const auto which = static_cast<int>(seed % static_cast<std::uint64_t>(mask_cases::count));
    const auto m = mask_cases::make(which, r, {p.s.batch, p.s.heads, p.s.q_len + p.q_offset, p.s.kv_len}, store);
    p.keep = m.keep;
    p.run(m.mask, domino::score);
    const std::string difference = p.difference();
    worst.share = std::max(worst.share, p.worst_share);
    ++worst.cases;
    if (!difference.empty())
        FAIL_CHECK("seed " << seed << " limit " << limit << " mask " << m.name << " " << p.s
                           << " q_offset=" << p.q_offset << " kv_lengths " << (p.kv_lengths.empty() ? "none" : "given")
                           << ": " << difference);
}

void summary(const statistics& worst) {
    CHECK(worst.cases > 0);
    CHECK(worst.share <= 1.0);
    WARN(worst.cases << " cases, worst error " << worst.share << " of its bound");
}

}  // namespace

TEST_CASE("attention equals the oracle over small random shapes and masks", "[attention][shapes]") {
    statistics worst;
    for (std::uint64_t seed = 1; seed <= 3300; ++seed) check(seed, 200'000, worst);
    summary(worst);
}

TEST_CASE("attention equals the oracle over larger random shapes and masks", "[attention][shapes]") {
    statistics worst;
    for (std::uint64_t seed = 100'001; seed <= 100'330; ++seed) check(seed, 5'000'000, worst);
    summary(worst);
}

TEST_CASE("every pair of lengths, causal from either corner", "[attention][shapes]") {
    inputs::random r(7);
    const domino::any_mask causal = domino::causal;
    for (index_t rows : lengths)
        for (index_t keys : lengths)
            for (index_t offset : {index_t{0}, keys - rows}) {
                call::problem p({.q_len = rows, .kv_len = keys});
                p.fill(r);
                p.q_offset = offset;
                p.keep = [](auto, auto, index_t i, index_t j) { return j <= i; };
                p.run(causal, domino::score);
                const std::string difference = p.difference();
                if (!difference.empty()) FAIL_CHECK(p.s << " q_offset=" << offset << ": " << difference);
            }
    SUCCEED();
}

TEST_CASE("every head size, dense", "[attention][shapes]") {
    inputs::random r(8);
    const domino::any_mask full = domino::full;
    for (index_t head_dim = 1; head_dim <= 136; ++head_dim) {
        call::problem p({.heads = 2, .q_len = 9, .kv_len = 21, .head_dim = head_dim, .value_dim = 137 - head_dim});
        p.fill(r);
        p.run(full, domino::score);
        const std::string difference = p.difference();
        if (!difference.empty()) FAIL_CHECK(p.s << ": " << difference);
    }
    SUCCEED();
}

TEST_CASE("whole numbers come out exactly", "[attention][shapes]") {
    // Equal scores over 2^n keys: every weight is 2^-n, and sums of small integers are exact in float32.
    inputs::random r(9);
    for (index_t keys : {1, 2, 16, 64, 256, 1024}) {
        call::problem p({.heads = 3, .q_len = 20, .kv_len = keys, .head_dim = 16, .value_dim = 24});
        p.q.fill(r, inputs::constant(0));
        p.k.fill(r, inputs::normal());
        p.v.fill(r, inputs::integers(1000));
        p.run(domino::any_mask(domino::full), domino::score);
        const auto expected = reference::attention(p.told());
        std::size_t n = 0;
        bool exact = true;
        p.o.each([&](float& x) { exact = exact && static_cast<double>(x) == expected.o[n++]; });
        CAPTURE(keys);
        CHECK(exact);
    }
}

TEST_CASE("no batch, no heads, no queries, no keys", "[attention][shapes]") {
    const domino::any_mask full = domino::full;
    for (const call::shape& s :
         {call::shape{.batch = 0}, call::shape{.heads = 0, .kv_heads = 0}, call::shape{.heads = 0},
          call::shape{.q_len = 0}, call::shape{.batch = 2, .q_len = 0, .kv_len = 0}}) {
        call::problem p(s);
        CAPTURE(s);
        CHECK_NOTHROW(p.run(full, domino::score));
    }
    call::problem no_keys({.batch = 2, .heads = 2, .q_len = 5, .kv_len = 0});
    no_keys.run(full, domino::score);
    no_keys.o.each([](float& x) { CHECK(compare::bits(x) == 0); });
    no_keys.lse.each([](float& x) { CHECK(x == -std::numeric_limits<float>::infinity()); });
}

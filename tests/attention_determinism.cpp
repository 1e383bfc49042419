// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Same inputs, same bits: for every number of threads and order of tasks, every place in a batch, every alignment, and
// whether a tile was found full or had to be looked at (M24).

#include <stdexcept>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"
#include "executors.hpp"
#include "mask_cases.hpp"

namespace {

using call::index_t;

const call::shape shapes[] = {
    {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 200, .kv_len = 300, .head_dim = 16, .value_dim = 24},
    {.batch = 1, .heads = 8, .kv_heads = 1, .q_len = 1, .kv_len = 2000, .head_dim = 32, .value_dim = 32},
    {.batch = 3, .heads = 2, .kv_heads = 2, .q_len = 3, .kv_len = 700, .head_dim = 8, .value_dim = 8},
};

}  // namespace

TEST_CASE("any number of threads in any order gives the same bits", "[attention][determinism]") {
    std::vector<call::shape> all(std::begin(shapes), std::end(shapes));
    // more blocks, of unequal work; keys in parts
    all.push_back({.batch = 1, .heads = 2, .kv_heads = 2, .q_len = 900, .kv_len = 1000, .head_dim = 8, .value_dim = 8});
    all.push_back({.batch = 1, .heads = 4, .kv_heads = 2, .q_len = 1, .kv_len = 6000, .head_dim = 16, .value_dim = 16});
    for (const call::shape& s : all) {
        inputs::random r(51);
        call::problem p(s);
        p.fill(r);
        p.q_offset = s.kv_len - s.q_len;
        const domino::any_mask mask = domino::causal && (domino::last_n(150) || domino::kv < 200);
        p.run(mask, domino::score);
        const auto expected = p.output();
        const auto check = [&](const auto& executor, std::uint64_t seed) {
            p.o.each([](float& x) { x = 99; });
            p.run(mask, domino::score, executor);
            CAPTURE(s, executor.concurrency(), seed);
            CHECK(compare::same_bits(p.output(), expected));
        };
        for (index_t threads : {1, 2, 3, 7, 16}) {
            for (std::uint64_t seed : {1u, 2u, 3u}) check(executors::adversary(threads, seed), seed);
            check(executors::stretches{threads}, 0);
            check(executors::backward{threads}, 0);
        }
        check(executors::twice{}, 0);
        p.run(mask, domino::score);
        CHECK(compare::same_bits(p.output(), expected));
    }
}

TEST_CASE("a batch entry gives the same bits alone and in company", "[attention][determinism]") {
    for (call::shape s : shapes) {
        inputs::random r(52);
        s.batch = 1;
        call::problem alone(s);
        alone.fill(r);
        alone.run(domino::any_mask(domino::full), domino::score);
        s.batch = 5;
        call::problem crowd(s);
        crowd.fill(r);
        for (index_t b : {0, 2, 4})
            for (auto [from, to] :
                 {std::pair{&alone.q, &crowd.q}, std::pair{&alone.k, &crowd.k}, std::pair{&alone.v, &crowd.v}})
                for (index_t h = 0; h < from->extents[1]; ++h)
                    for (index_t i = 0; i < from->extents[2]; ++i)
                        for (index_t d = 0; d < from->extents[3]; ++d) (*to)(b, h, i, d) = (*from)(0, h, i, d);
        crowd.run(domino::any_mask(domino::full), domino::score, executors::adversary(3));
        bool same = true;
        for (index_t b : {0, 2, 4})
            for (index_t h = 0; h < s.heads; ++h)
                for (index_t i = 0; i < s.q_len; ++i)
                    for (index_t d = 0; d < s.value_dim; ++d)
                        same = same && compare::bits(crowd.o(b, h, i, d)) == compare::bits(alone.o(0, h, i, d));
        CAPTURE(s);
        CHECK(same);
    }
}

TEST_CASE("a tile that must be looked at gives the bits of a full one", "[attention][determinism]") {
    for (const call::shape& s : shapes) {
        inputs::random r(53);
        call::problem p(s);
        p.fill(r);
        p.run(domino::full, domino::score);
        const auto expected = p.output();
        CAPTURE(s);
        const auto always = domino::scalar([](int, int, int, int) { return true; });
        p.run(always, domino::score);
        CHECK(compare::same_bits(p.output(), expected));
        p.run(domino::any_mask(always), domino::score);
        CHECK(compare::same_bits(p.output(), expected));

        // And the catalogue: the same mask, once with its ranges, once hidden from the range domain.
        for (int which = 0; which < mask_cases::count; ++which) {
            std::vector<std::shared_ptr<mask_cases::detail::ints>> store;
            const auto m = mask_cases::make(which, r, {s.batch, s.heads, s.q_len, s.kv_len}, store);
            p.run(m.mask, domino::score);
            const auto ranged = p.output();
            p.run(domino::any_mask(domino::scalar([&](int b, int h, int q, int kv) { return m.keep(b, h, q, kv); })),
                  domino::score);
            CAPTURE(m.name);
            CHECK(compare::same_bits(p.output(), ranged));
        }
    }
}

TEST_CASE("alignment of the pointers does not change a bit", "[attention][determinism]") {
    for (const call::shape& s : shapes) {
        std::vector<float> expected;
        for (index_t shift = 0; shift < 17; ++shift) {
            inputs::random r(54);
            const inputs::layout how{.misalign = shift};
            call::problem p(s, {how, how, how, how});
            p.fill(r);
            p.run(domino::any_mask(domino::full), domino::score);
            if (shift == 0) expected = p.output();
            CAPTURE(s, shift);
            CHECK(compare::same_bits(p.output(), expected));
        }
    }
}

TEST_CASE("an exception of a user's functor comes through once", "[attention][determinism]") {
    inputs::random r(55);
    call::problem p(shapes[0]);
    p.fill(r);
    const auto angry = domino::any_mask(domino::scalar([](int, int, int q, int kv) -> bool {
        if (q == 150 && kv == 20) throw std::runtime_error("angry");
        return true;
    }));
    CHECK_THROWS_AS(p.run(angry, domino::score), std::runtime_error);
    CHECK_THROWS_AS(p.run(angry, domino::score, executors::adversary(3)), std::runtime_error);
}

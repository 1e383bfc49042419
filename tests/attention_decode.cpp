// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Few rows over many keys: lanes along head_dim, and keys cut into parts that are joined again.
#include "attention_call.hpp"
#include "executors.hpp"

#include <domino/attention_fn.hpp>
#include <limits>

#include "catch.hpp"

namespace {

using call::index_t;

struct kind {
    std::string name;
    domino::any_mask mask;
    std::function<bool(index_t, index_t, index_t, index_t)> keep;
};

const std::vector<kind> kinds{
    {"causal", domino::causal, [](index_t, index_t, index_t q, index_t kv) { return kv <= q; }},
    {"last 50", domino::last_n(50), [](index_t, index_t, index_t q, index_t kv) { return kv <= q && q - kv < 50; }},
    {"every third, not by head 1", domino::kv % 3 == 0 && domino::h != 1,
     [](index_t, index_t h, index_t, index_t kv) { return kv % 3 == 0 && h != 1; }},
    {"one key", domino::kv == 1500, [](index_t, index_t, index_t, index_t kv) { return kv == 1500; }},
    {"none", domino::none, [](index_t, index_t, index_t, index_t) { return false; }},
};

call::problem problem(const call::shape& s, const kind& k) {
    call::problem p(s);
    inputs::random r(41);
    p.fill(r);
    p.keep = k.keep;
    p.q_offset = s.kv_len - s.q_len;
    return p;
}

}  // namespace

TEST_CASE("rows and keys of every number", "[attention][decode]") {
    double worst = 0;
    for (const index_t heads : {1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 17, 20, 23, 24})
        for (const index_t kv_len : {95, 96, 97, 2047, 2048, 4999})
            for (const auto& k : kinds) {
                const index_t dim = heads % 2 == 0 ? 16 : 21;
                call::problem p = problem(
                    {.heads = heads, .kv_heads = 1, .kv_len = kv_len, .head_dim = dim, .value_dim = dim + 3}, k);
                p.run(k.mask, domino::score);
                CAPTURE(p.s, k.name);
                CHECK(p.difference() == "");
                worst = std::max(worst, p.worst_share);
            }
    CHECK(worst > 0.001);  // errors are measured at all
}

TEST_CASE("parts of the keys give the same bits to any executor", "[attention][decode]") {
    for (const auto& k : kinds)
        for (const index_t heads :
             {4, 20, 40}) {  // rows of a block: 2; 10 and 20, a register and a few more with AVX2, AVX-512
            call::problem p = problem(
                {.batch = 2, .heads = heads, .kv_heads = 2, .kv_len = 9000, .head_dim = 32, .value_dim = 40}, k);
            p.kv_lengths = {3001, 9000};
            p.run(k.mask, domino::score);
            CAPTURE(k.name, heads);
            CHECK(p.difference() == "");
            const auto alone = p.output();
            for (const index_t threads : {2, 3, 5}) {
                p.run(k.mask, domino::score, executors::adversary(threads));
                CHECK(compare::same_bits(p.output(), alone));
            }
        }
}

TEST_CASE("rows without any key, sinks, dropout, and masked NaN, for every number of rows", "[attention][decode]") {
    inputs::random r(7);
    for (index_t q_len = 1; q_len <= 40; ++q_len) {
        call::problem p({.heads = 2, .kv_heads = 1, .q_len = q_len, .kv_len = 150, .head_dim = 16, .value_dim = 24});
        p.fill(r);
        for (index_t kv = 0; kv < p.s.kv_len; kv += 3)
            for (index_t d = 0; d < p.s.value_dim; ++d) p.v(0, 0, kv, d) = std::numeric_limits<float>::quiet_NaN();
        call::problem expected = p;
        const float sinks[] = {0.5f, -std::numeric_limits<float>::infinity()};
        const auto mask = domino::kv % 3 != 0 && domino::q % 5 != 2;
        domino::attention_options options{
            .sinks = sinks, .empty_rows = domino::empty_rows::uniform, .dropout = {.rate = 0.25f, .key = 3}};
        options.lse = p.lse.data();
        domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o), mask, domino::score, options);
        options.lse = expected.lse.data();
        domino::reference_attention{}(call::in(p.q), call::in(p.k), call::in(p.v), call::out(expected.o), mask,
                                      domino::score, options);
        CAPTURE(q_len);
        const auto got = p.output(), want = expected.output();
        for (std::size_t i = 0; i < got.size(); ++i)
            if (!(std::abs(got[i] - want[i]) <= 1e-5f) && !(got[i] == want[i]) &&
                !(std::isnan(got[i]) && std::isnan(want[i])))
                FAIL("element " << i << ": " << got[i] << " for " << want[i]);
    }
}

TEST_CASE("a masked key's value has no influence on few rows", "[attention][decode]") {
    const auto& k = kinds[1];
    call::problem p =
        problem({.heads = 3, .kv_heads = 1, .q_len = 2, .kv_len = 4000, .head_dim = 24, .value_dim = 24}, k);
    p.run(k.mask, domino::score);
    const auto clean = p.output();
    for (index_t kv = 0; kv < p.s.kv_len - 51; ++kv)
        for (index_t d = 0; d < p.s.head_dim; ++d)
            p.k(0, 0, kv, d) = p.v(0, 0, kv, d) = std::numeric_limits<float>::quiet_NaN();
    p.run(k.mask, domino::score);
    CHECK(compare::same_bits(p.output(), clean));
}

TEST_CASE("values of every size, and masked ones that are NaN, for every number of rows at once",
          "[attention][decode]") {
    const kind& k = kinds[2];
    for (const index_t heads : {1, 2, 4, 8, 12, 20})
        for (index_t value_dim = 1; value_dim <= 146; value_dim += heads > 8 ? 7 : 1) {
            call::problem p =
                problem({.heads = heads, .kv_heads = 1, .kv_len = 37, .head_dim = 16, .value_dim = value_dim}, k);
            p.run(k.mask, domino::score);
            CAPTURE(p.s);
            CHECK(p.difference() == "");
            const auto clean = p.output();
            for (index_t kv = 0; kv < p.s.kv_len; ++kv)
                for (index_t d = 0; kv % 3 != 0 && d < value_dim; ++d)
                    p.v(0, 0, kv, d) = std::numeric_limits<float>::quiet_NaN();
            p.run(k.mask, domino::score);
            CHECK(compare::same_bits(p.output(), clean));
        }
}

TEST_CASE("scores are modified for few rows as for many", "[attention][decode]") {
    const kind& k = kinds[0];
    for (const index_t heads : {1, 5, 12, 22}) {
        call::problem p = problem({.heads = heads, .kv_heads = 1, .kv_len = 3000, .head_dim = 16, .value_dim = 16}, k);
        p.scale = -0.3f;
        p.score = [](double s, index_t, index_t h, index_t q, index_t kv) {
            return 2.0 * std::tanh((s - 0.01 * static_cast<double>(h + 1) * static_cast<double>(q - kv)) / 2.0);
        };
        p.run(k.mask, call::any_score([](float s, int, int h, int q, int kv) {
                  return 2.f * std::tanh((s - 0.01f * static_cast<float>(h + 1) * static_cast<float>(q - kv)) / 2.f);
              }));
        CAPTURE(heads);
        CHECK(p.difference() == "");
    }
}

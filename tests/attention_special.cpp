// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Special values, as a table of decisions: what NaN, infinities and subnormals in queries, kept keys, kept values and
// scores come to.

#include <bit>
#include <cfenv>
#include <limits>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

constexpr float infinite = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// NaNs of every make: quiet, negative, signalling, with payloads that an exponent trick could turn into numbers.
const float nans[] = {not_a_number,
                      std::bit_cast<float>(0xffc00000u),
                      std::bit_cast<float>(0x7fc00001u),
                      std::bit_cast<float>(0x7f800001u),
                      std::bit_cast<float>(0xffc12345u),
                      std::bit_cast<float>(0x7fffffffu)};

const domino::any_mask all_keys = domino::full;

struct causal_example : call::problem {
    inputs::random r{41};
    inputs::tensor clean_o, clean_lse;

    causal_example() : problem({.heads = 2, .kv_heads = 1, .q_len = 90, .kv_len = 90, .head_dim = 12, .value_dim = 9}) {
        fill(r);
        keep = [](auto, auto, index_t i, index_t j) { return j <= i; };
        go();
        clean_o = o, clean_lse = lse;
    }
    void go() { run(domino::any_mask(domino::causal), domino::score); }

    bool row_is_clean(index_t head, index_t i) {
        bool same = compare::bits(lse(0, head, i, 0)) == compare::bits(clean_lse(0, head, i, 0));
        for (index_t d = 0; d < s.value_dim; ++d)
            same = same && compare::bits(o(0, head, i, d)) == compare::bits(clean_o(0, head, i, d));
        return same;
    }
    bool row_is_nan(index_t head, index_t i) {
        bool all = true;
        for (index_t d = 0; d < s.value_dim; ++d) all = all && std::isnan(o(0, head, i, d));
        return all;
    }
};

}  // namespace

TEST_CASE("NaN in a query makes its row NaN, and no other", "[attention][special]") {
    for (index_t bad : {0, 1, 15, 16, 40, 63, 64, 89}) {
        causal_example p;
        p.q(0, 1, bad, 5) = nans[bad % 6];
        p.go();
        for (index_t i = 0; i < 90; ++i) {
            CAPTURE(bad, i);
            CHECK(p.row_is_clean(0, i));
            if (i == bad) {
                CHECK(p.row_is_nan(1, i));
                CHECK(std::isnan(p.lse(0, 1, i, 0)));
            } else {
                CHECK(p.row_is_clean(1, i));
            }
        }
    }
}

TEST_CASE("a NaN of any make stays one", "[attention][special]") {
    for (float nan : nans)
        for (index_t rows : {1, 40}) {
            inputs::random r(45);
            for (int where = 0; where < 3; ++where) {
                call::problem p({.q_len = rows, .kv_len = 130, .head_dim = 8, .value_dim = 8});
                p.fill(r);
                (where == 0 ? p.q(0, 0, rows - 1, 3) : where == 1 ? p.k(0, 0, 100, 3) : p.v(0, 0, 100, 3)) = nan;
                p.run(all_keys, domino::score);
                CAPTURE(compare::bits(nan), rows, where);
                CHECK(p.difference() == "");
            }
        }
}

TEST_CASE("NaN in a kept key makes NaN of the rows that keep it, and of their lse", "[attention][special]") {
    for (index_t bad : {0, 7, 16, 63, 64, 89}) {
        causal_example p;
        p.k(0, 0, bad, 3) = not_a_number;
        p.go();
        for (index_t h = 0; h < 2; ++h)
            for (index_t i = 0; i < 90; ++i) {
                CAPTURE(bad, h, i);
                if (i < bad) CHECK(p.row_is_clean(h, i));
                else CHECK((p.row_is_nan(h, i) && std::isnan(p.lse(0, h, i, 0))));
            }
    }
}

TEST_CASE("NaN in a kept value makes NaN of that column, lse stays", "[attention][special]") {
    for (index_t bad : {0, 7, 16, 63, 64, 89}) {
        causal_example p;
        p.v(0, 0, bad, 4) = not_a_number;
        p.go();
        for (index_t h = 0; h < 2; ++h)
            for (index_t i = 0; i < 90; ++i) {
                CAPTURE(bad, h, i);
                CHECK(compare::bits(p.lse(0, h, i, 0)) == compare::bits(p.clean_lse(0, h, i, 0)));
                for (index_t d = 0; d < 9; ++d)
                    if (i >= bad && d == 4) CHECK(std::isnan(p.o(0, h, i, d)));
                    else CHECK(compare::bits(p.o(0, h, i, d)) == compare::bits(p.clean_o(0, h, i, d)));
            }
    }
}

TEST_CASE("infinite values pass through with their sign, opposite ones meet as NaN", "[attention][special]") {
    causal_example p;
    p.v(0, 0, 3, 1) = infinite;
    p.v(0, 0, 20, 2) = -infinite;
    p.v(0, 0, 20, 1) = -infinite;
    p.go();
    CHECK(p.difference() == "");
}

TEST_CASE("a kept score of -inf has weight zero; a row of nothing else sees nothing", "[attention][special]") {
    // A bias of -inf hides a key as a mask does.
    inputs::random r(42);
    call::problem p({.q_len = 20, .kv_len = 70, .head_dim = 8, .value_dim = 8});
    p.fill(r);
    p.score = [](double s, auto, auto, auto, index_t j) { return j % 3 == 0 ? -reference::infinity : s; };
    p.run(all_keys, call::any_score([](float s, int, int, int, int j) { return j % 3 == 0 ? -infinite : s; }));
    CHECK(p.difference() == "");

    p.score = [](double, auto, auto, auto, auto) { return -reference::infinity; };
    p.run(all_keys, call::any_score([](float, int, int, int, int) { return -infinite; }));
    CHECK(p.difference() == "");
}

TEST_CASE("a kept score of -inf hides no NaN of its value, whether its tile is full or partial",
          "[attention][special]") {
    for (const bool causal : {false, true}) {
        inputs::random r(44);
        call::problem p({.heads = 2, .kv_heads = 1, .q_len = 90, .kv_len = 90, .head_dim = 12, .value_dim = 9});
        p.fill(r);
        for (const index_t key : {2, 40, 89}) p.v(0, 0, key, 4) = not_a_number;
        p.score = [](double s, auto, auto, auto, index_t j) { return j % 3 == 2 ? -reference::infinity : s; };
        p.keep = [=](auto, auto, index_t i, index_t j) { return !causal || j <= i; };
        p.run(causal ? domino::any_mask(domino::causal) : all_keys,
              call::any_score([](float s, int, int, int, int j) { return j % 3 == 2 ? -infinite : s; }));
        CAPTURE(causal);
        CHECK(p.difference() == "");
        CHECK(std::isnan(p.o(0, 0, 89, 4)));
        CHECK(std::isnan(p.o(0, 0, 1, 4)) != causal);
    }
}

TEST_CASE("a finite bias of -3.4e38 over a whole row is a number, not a NaN (M9)", "[attention][special]") {
    inputs::random r(43);
    call::problem p({.q_len = 20, .kv_len = 70, .head_dim = 8, .value_dim = 8});
    p.fill(r);
    constexpr float lowest = std::numeric_limits<float>::lowest();
    p.run(all_keys, call::any_score([](float s, int, int, int, int) { return s + lowest; }));
    // Scores drown in the bias, so every key weighs the same.
    p.score = [](double, auto, auto, auto, auto) { return 0.0; };
    const auto expected = reference::attention(p.told());
    CHECK(compare::output(expected, p.o.view()));
}

TEST_CASE("an overflowing score is never taken for a row that sees nothing", "[attention][special]") {
    causal_example p;
    for (index_t d = 0; d < 12; ++d) p.q(0, 0, 50, d) = 1e25f, p.k(0, 0, 10, d) = 1e25f;
    p.go();
    CHECK(compare::bits(p.o(0, 0, 50, 0)) != 0);
    CHECK(p.lse(0, 0, 50, 0) != -infinite);
    CHECK_FALSE(std::isfinite(p.lse(0, 0, 50, 0)));
    for (index_t i = 0; i < 10; ++i) CHECK(p.row_is_clean(0, i));
}

TEST_CASE("any finite scale: negative, zero, tiny, huge", "[attention][special]") {
    for (float scale : {-0.7f, -3.0f, 0.0f, -0.0f, 1e-30f, 1e-44f, 40.0f, -1e4f}) {
        causal_example p;
        CAPTURE(scale);
        p.scale = scale;
        p.go();
        CHECK(p.difference() == "");
        p.score = [](double s, auto, auto, index_t i, index_t j) { return s + 0.125 * static_cast<double>(j - i); };
        p.run(domino::any_mask(domino::causal),
              call::any_score([](float x, int, int, int i, int j) { return x + 0.125f * static_cast<float>(j - i); }));
        CHECK(p.difference() == "");
    }
}

TEST_CASE("a score mod of a finite query and key may give NaN: its row shows it", "[attention][special]") {
    causal_example p;
    p.run(domino::any_mask(domino::causal),
          call::any_score([](float s, int, int, int q, int kv) { return q == 33 && kv == 5 ? not_a_number : s; }));
    for (index_t i = 0; i < 90; ++i) {
        CAPTURE(i);
        CHECK(p.row_is_nan(0, i) == (i == 33));
    }
}

TEST_CASE("subnormal and tiny inputs", "[attention][special]") {
    inputs::random r(44);
    for (double sigma : {1e-38, 1e-40, 1e-44, 1e-20}) {
        causal_example p;
        p.q.fill(r, inputs::normal(sigma));
        p.go();
        CAPTURE(sigma);
        CHECK(p.difference() == "");
        p.v.fill(r, inputs::normal(sigma));
        p.go();
        CHECK(p.difference() == "");
    }
}

TEST_CASE("rows that see nothing raise no floating-point flag but inexact", "[attention][special]") {
    causal_example p;
    std::feclearexcept(FE_ALL_EXCEPT);
    p.run(domino::any_mask(domino::none), domino::score);
    CHECK(std::fetestexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW) == 0);
    std::feclearexcept(FE_ALL_EXCEPT);
    p.run(domino::any_mask(domino::kv + 40 <= domino::q && domino::q % 5 != 2), domino::score);
    CHECK(std::fetestexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW) == 0);
}

TEST_CASE("what a workspace held before counts for nothing, where rows see something and where they do not",
          "[attention][special]") {
    constexpr index_t width = 8;
    std::vector<std::byte> workspace(domino::workspace_bytes(width, width));
    for (index_t rows : {1, 3, 40, 300})
        for (index_t hidden : {index_t{0}, rows / 2, rows}) {
            call::problem p({.q_len = rows, .kv_len = 300, .head_dim = width, .value_dim = width});
            inputs::random r(72);
            p.fill(r);
            const auto mask = domino::q >= hidden;
            p.keep = [hidden](auto, auto, index_t i, index_t) { return i >= hidden; };
            std::fill(workspace.begin(), workspace.end(), std::byte{0xff});  // NaN
            domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o), mask,
                              {.lse = p.lse.data(), .workspace = workspace});
            CAPTURE(rows, hidden);
            CHECK(p.difference() == "");
        }
}

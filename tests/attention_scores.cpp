// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Score mods in attention: the catalogue against its formulas, and the order of composition (M18, M19).

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

const domino::any_mask mask = domino::causal || domino::kv < 5;
bool keep(index_t, index_t, index_t i, index_t j) { return j <= i || j < 5; }

struct example : call::problem {
    inputs::random r{81};
    std::vector<float> slopes;
    example(index_t heads = 4, index_t rows = 50, index_t keys = 131)
        : problem({.batch = 2,
                   .heads = heads,
                   .kv_heads = heads / 2,
                   .q_len = rows,
                   .kv_len = keys,
                   .head_dim = 16,
                   .value_dim = 16}),
          slopes(domino::alibi_slopes(heads)) {
        fill(r, 3.0);
        q_offset = keys - rows;
        call::problem::keep = ::keep;
    }
    double slope(index_t h) const { return static_cast<double>(slopes[at(h)]); }
};

double cap(double s, double c) { return c * std::tanh(s / c); }

}  // namespace

TEST_CASE("softcap", "[attention][scores]") {
    for (float c : {1.0f, 5.0f, 50.0f}) {
        example p;
        p.score = [c](double s, auto, auto, auto, auto) { return cap(s, static_cast<double>(c)); };
        p.run(mask, domino::softcap(c));
        CAPTURE(c);
        CHECK(p.difference() == "");
    }
}

TEST_CASE("softcap of NaN is NaN, of an infinite score a finite one", "[attention][scores]") {
    for (std::uint32_t bits :
         {0x7fc00000u, 0xffc00000u, 0x7fc00001u, 0x7f800001u, 0xffc12345u, 0x7fffffffu, 0x7f800000u}) {
        example p;
        p.score = [](double s, auto, auto, auto, auto) { return cap(s, 5.0); };
        p.k(1, 1, 100, 3) = std::bit_cast<float>(bits);
        p.run(mask, domino::softcap(5.0f));
        CAPTURE(bits);
        CHECK(p.difference() == "");
    }
}

TEST_CASE("alibi, symmetric and signed", "[attention][scores]") {
    for (index_t heads : {2, 4, 6, 12}) {
        example p(heads);
        CAPTURE(heads);
        p.score = [&](double s, auto, index_t h, index_t i, index_t j) {
            return s - p.slope(h) * std::abs(static_cast<double>(i - j));
        };
        p.run(mask, domino::alibi(domino::table(p.slopes)));
        CHECK(p.difference() == "");
        p.score = [&](double s, auto, index_t h, index_t i, index_t j) {
            return s + p.slope(h) * static_cast<double>(j - i);
        };
        p.run(mask, domino::alibi_signed(domino::table(p.slopes)));
        CHECK(p.difference() == "");
    }
}

TEST_CASE("alibi slopes are the paper's", "[attention][scores]") {
    CHECK(domino::alibi_slopes(4) ==
          std::vector<float>{0.25f, 0.0625f, 0.015625f, 0.00390625f});  // G8: head 0, d = 2: -0.5
    const auto six = domino::alibi_slopes(6);
    REQUIRE(six.size() == 6);
    CHECK(six[4] == 0.5f);  // the next power's first and third
    CHECK(six[5] == 0.125f);
}

TEST_CASE("score mods compose left to right", "[attention][scores]") {
    example p;
    const auto slopes = domino::table(p.slopes);
    const auto penalty = [&](index_t h, index_t i, index_t j) {
        return p.slope(h) * std::abs(static_cast<double>(i - j));
    };
    p.score = [&](double s, auto, index_t h, index_t i, index_t j) { return cap(s - penalty(h, i, j), 4.0); };
    p.run(mask, domino::compose(domino::alibi(slopes), domino::softcap(4.0f)));
    CHECK(p.difference() == "");
    p.score = [&](double s, auto, index_t h, index_t i, index_t j) { return cap(s, 4.0) - penalty(h, i, j); };
    p.run(mask, domino::compose(domino::softcap(4.0f), domino::alibi(slopes)));
    CHECK(p.difference() == "");
}

TEST_CASE("a written expression as score mod", "[attention][scores]") {
    using namespace domino;
    example p;
    p.score = [](double s, auto, index_t h_, index_t i, index_t j) {
        const double near = std::abs(static_cast<double>(i - j)) < 20 ? s * 1.5 : s - 0.25;
        return std::max(near, -3.0) + 0.125 * static_cast<double>(h_);
    };
    p.run(::mask, max(where(abs(q - kv) < 20, score * 1.5f, score - 0.25f), -3.0f) + 0.125f * h);
    CHECK(p.difference() == "");
}

TEST_CASE("a score mod that forgets the score", "[attention][scores]") {
    example p;
    p.score = [](double, auto, auto, index_t i, index_t j) { return 0.01 * static_cast<double>(i - j); };
    p.run(mask, 0.01f * (domino::q - domino::kv));
    CHECK(p.difference() == "");
}

TEST_CASE("parts that only the rows decide, of every kind, for rows of one head and of several",
          "[attention][scores]") {
    using namespace domino;
    struct shape {
        index_t heads, rows, keys;
    };
    // wide panels with ends, a register of rows, heads that share a panel, few rows
    for (const auto& [heads, rows, keys] : {shape{2, 150, 211}, {4, 13, 131}, {8, 5, 140}, {4, 1, 97}}) {
        example p(heads, rows, keys);
        CAPTURE(heads, rows, keys);
        std::vector<float> gains;
        std::vector<std::int32_t> kinds;
        std::vector<std::uint8_t> marked;
        for (index_t i = 0; i < keys + 3; ++i) {
            gains.push_back(0.5f + 0.125f * static_cast<float>(i % 7));
            kinds.push_back(static_cast<std::int32_t>(i / 19 % 3) - 1);
            marked.push_back(i % 4 == 1);
        }
        const auto gain = table(gains), slope = table(p.slopes);
        const auto kind = table(kinds);
        const auto mark = table(reinterpret_cast<const bool*>(marked.data()), keys + 3);
        p.score = [&](double s, index_t b_, index_t h_, index_t i, index_t j) {
            const double of_row = std::log(static_cast<double>(i) + 2.0) * static_cast<double>(gains[at(i)]);
            const double whole = static_cast<double>((3 * i + h_) % 5 + b_);
            const double shared = p.slope(h_) * static_cast<double>(h_ + 2 * b_);
            return (marked[at(i + 2)] != 0 ? s : 0.5 * s) + of_row - (j % 2 == 0 ? whole : 0.0) + shared +
                   (i / 2 - j / 3 > 4 ? 0.25 : 0.0);
        };
        const auto mod = where(mark(q + 2), score, 0.5f * score) + log(q + 2) * gain(q) -
                         where(kv % 2 == 0, (3 * q + h) % 5 + b, 0) + slope(h) * (h + 2 * b) +
                         where(q / 2 - kv / 3 > 4, 0.25f, 0.0f);
        p.keep = [&](index_t b_, index_t h_, index_t i, index_t j) {
            return (j <= i || j < 5) && (kinds[at(i)] == kinds[at(j)] || (i + h_ + b_) % 3 == 0 || i == j);
        };
        const auto seen = (causal || kv < 5) && (kind(q) == kind(kv) || (q + h + b) % 3 == 0 || q == kv);
        p.run(seen, mod);
        CHECK(p.difference() == "");
        p.run(any_mask(seen), mod);
        CHECK(p.difference() == "");
    }
}

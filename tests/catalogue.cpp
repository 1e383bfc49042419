// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every mask and score mod of the catalogue against its formula, its drawing, and the golden vectors of the systems
// that it comes from.
#include <cmath>
#include <domino/domino.hpp>
#include <functional>
#include <limits>

#include "catch.hpp"

using namespace domino;

namespace {

using rule = std::function<bool(index_t b, index_t q, index_t kv)>;

/// Every element of odd shapes, each geometry a tile too: q_len < kv_len, equal, and greater.
void same_as(const any_mask& m, const rule& keep, index_t batch = 1, index_t most = 37) {
    int wrong = 0;
    for (const auto& [q_len, kv_len] : {std::pair<index_t, index_t>{13, 37}, {37, 13}, {7, 7}, {1, 1}}) {
        const auto dense = materialize(m, {batch, 1, std::min(q_len, most), std::min(kv_len, most)});
        for (index_t i = 0; i < batch; ++i)
            for (index_t j = 0; j < dense.shape.q_len; ++j)
                for (index_t k = 0; k < dense.shape.kv_len; ++k) wrong += (dense(i, 0, j, k) == 1) != keep(i, j, k);
    }
    INFO(to_string(m));
    CHECK(wrong == 0);
}

/// The mask as rows of 1 and 0, separated by spaces (the notation of the golden vectors).
std::string rows(const any_mask& m, index_t q_len, index_t kv_len) {
    std::string out;
    for (index_t i = 0; i < q_len; ++i) {
        if (i) out += ' ';
        for (index_t j = 0; j < kv_len; ++j) out += attends(m, 0, 0, i, j) ? '1' : '0';
    }
    return out;
}

std::string drawing(const any_mask& m) { return visualize(m, {1, 1, 6, 6}, {.ascii = true}); }

float change(const auto& score_mod, float s, index_t h_, index_t q_, index_t kv_) {
    return evaluate(as_score_mod(score_mod), point{0, h_, q_, kv_, s});
}

const std::vector<int> ids{0, 0, 1, 1, 1, -1, 2, 2, 0, 3, -1, 4, 4};
const std::vector<int> lengths{3, 0, 11};

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

TEST_CASE("each mask is its formula") {
    same_as(full, [](auto, auto, auto) { return true; });
    same_as(none, [](auto, auto, auto) { return false; });
    same_as(causal, [](auto, auto i, auto j) { return j <= i; });
    for (const index_t n : {-40, -3, 0, 4, 24}) {
        same_as(causal_with_offset(n), [n](auto, auto i, auto j) { return j - i <= n; });
        same_as(offset(causal, n), [n](auto, auto i, auto j) { return j <= i + n; });
    }
    same_as(
        causal_with_offset(b * 2), [](auto i, auto j, auto k) { return k <= j + 2 * i; }, 3);
    for (const index_t n : {0, 1, 2, 5, 36, 100}) {
        same_as(last_n(n), [n](auto, auto i, auto j) { return i - j >= 0 && i - j < n; });
        same_as(kv_length(n), [n](auto, auto, auto j) { return j < n; });
        same_as(left_padding(n), [n](auto, auto, auto j) { return j >= n; });
        same_as(prefix_lm(n), [n](auto, auto i, auto j) { return j < n || j <= i; });
        for (const index_t m : {index_t{0}, index_t{3}, unbounded})
            same_as(band(n, m), [n, m](auto, auto i, auto j) { return j >= i - n && j <= i + m; });
    }
    for (const index_t n : {1, 2, 3, 7, 100}) {
        same_as(chunked(n), [n](auto, auto i, auto j) { return (i - i % n) == (j - j % n); });
        same_as(chunked_causal(n), [n](auto, auto i, auto j) { return j <= i && (i - i % n) == (j - j % n); });
    }
}

TEST_CASE("masks over tables are their formulas") {
    const auto id = table(ids), len = table(lengths);
    same_as(
        same_document(id), [](auto, auto i, auto j) { return ids[at(i)] == ids[at(j)] && ids[at(i)] >= 0; }, 1, 13);
    same_as(
        kv_length(len), [](auto i, auto, auto k) { return k < lengths[at(i)]; }, 3);
    same_as(
        left_padding(len), [](auto i, auto, auto k) { return k >= lengths[at(i)]; }, 3);
    same_as(
        prefix_lm(len), [](auto i, auto j, auto k) { return k < lengths[at(i)] || k <= j; }, 3);
    const std::vector<int> q_ids{1, 2, 2, -1, 0, 0}, kv_ids{2, -1, 0, 0, 1, 1};
    same_as(
        same_segment(table(q_ids), table(kv_ids)),
        [&](auto, auto i, auto j) { return q_ids[at(i)] == kv_ids[at(j)] && kv_ids[at(j)] >= 0; }, 1, 6);
    same_as(
        same_document(table(q_ids.data(), 2, 3)),
        [&](auto i, auto j, auto k) {
            return q_ids[at(3 * i + j)] == q_ids[at(3 * i + k)] && q_ids[at(3 * i + k)] >= 0;
        },
        2, 3);
    const std::vector<int> q_pos{5, 0, 3, 3, -1, 9}, kv_pos{0, -1, 4, 3, 9, 2};
    const rule by_position = [&](auto, auto i, auto j) { return kv_pos[at(j)] <= q_pos[at(i)] && kv_pos[at(j)] >= 0; };
    same_as(causal_by_position(table(q_pos), table(kv_pos)), by_position, 1, 6);
    CHECK(rows(causal_by_position(table(q_pos), table(kv_pos)), 6, 6).substr(28, 6) ==
          "000000");  // query -1 sees nothing
}

TEST_CASE("each score mod is its formula") {
    const std::vector<float> slopes{0.5f, 0.25f, 2.f},
        values{0.f, 1.f, -2.f, 3.5f, 8.f, -0.25f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f};
    const auto m = table(slopes);
    const auto flat = table(values);
    const auto square = table(values.data(), 3, 4);
    const auto cube = table<float, 3>(values.data(), {3, 2, 2}, {4, 2, 1});
    const auto full_rank = table<float, 4>(values.data(), {1, 3, 2, 2}, {0, 4, 2, 1});
    for (const float s : {-4.f, 0.f, 2.5f})
        for (index_t h_ = 0; h_ < 3; ++h_)
            for (index_t i = 0; i < 3; ++i)
                for (index_t j = 0; j < 4; ++j) {
                    const float d = static_cast<float>(i < j ? j - i : i - j),
                                away = static_cast<float>(j) - static_cast<float>(i);
                    CHECK(change(alibi(m), s, h_, i, j) == s - slopes[at(h_)] * d);
                    CHECK(change(alibi_signed(m), s, h_, i, j) == s + slopes[at(h_)] * away);
                    CHECK(change(bias(flat), s, h_, i, j) == s + values[at(j)]);
                    CHECK(change(bias(square), s, h_, i, j) == s + values[at(4 * i + j)]);
                    if (i < 2 && j < 2) {
                        CHECK(change(bias(cube), s, h_, i, j) == s + values[at(4 * h_ + 2 * i + j)]);
                        CHECK(change(bias(full_rank), s, h_, i, j) == s + values[at(4 * h_ + 2 * i + j)]);
                    }
                    CHECK(change(softcap(3.f), s, h_, i, j) ==
                          Catch::Approx(3.0 * std::tanh(double(s) / 3.0)).epsilon(1e-6));
                }
}

TEST_CASE("G1: windows count keys, bands count neighbours") {
    CHECK(rows(band(1, 0), 5, 5).substr(18, 5) == "00110");
    CHECK(rows(last_n(1), 5, 5) == "10000 01000 00100 00010 00001");
    CHECK(rows(band(0, 0), 5, 5) == rows(last_n(1), 5, 5));
    CHECK(rows(last_n(2), 5, 5) == rows(band(1, 0), 5, 5));
    CHECK(rows(abs(q - kv) < 2, 5, 5) == rows(band(1, 1), 5, 5));
}

TEST_CASE("G2: causal with fewer queries than keys") {
    CHECK(rows(causal, 2, 4) == "1000 1100");
    CHECK(rows(causal_with_offset(2), 2, 4) == "1110 1111");
    const std::vector<int> q_pos{2, 3}, kv_pos{0, 1, 2, 3}, q_pads{1, 2}, kv_pads{0, -1, 1, 2};
    CHECK(rows(causal_by_position(table(q_pos), table(kv_pos)), 2, 4) == "1110 1111");
    CHECK(rows(causal_by_position(table(q_pads), table(kv_pads)), 2, 4) == "1010 1011");
}

TEST_CASE("G3 to G7: chunks, segments, prefixes, types, trees, key intervals") {
    CHECK(rows(chunked_causal(2), 5, 5) == "10000 11000 00100 00110 00001");
    const std::vector<int> segments{1, 1, 2, 2, -1};
    CHECK(rows(same_document(table(segments)), 5, 5) == "11000 11000 00110 00110 00000");
    CHECK(rows(prefix_lm(2), 4, 4) == "1100 1100 1110 1111");

    const std::vector<int> types{0, 1, 1, 0, 2}, global{1, 0, 0, 0};
    const auto t = table(types);
    CHECK(rows(causal || (t(q) == t(kv) && t(q) != 0), 5, 5) == "10000 11100 11100 11110 11111");
    const auto g = table(global);
    CHECK(rows(abs(q - kv) <= 0 || g(q) == 1 || g(kv) == 1, 4, 4) == "1111 1100 1010 1001");

    // parents -1 0 0 1: a row sees its ancestors and itself
    const std::vector<std::uint8_t> ancestors{1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1};
    const auto tree = table(ancestors.data(), 4, 4);
    CHECK(rows(kv < 2 || tree(q, kv - 2) == 1, 4, 6) == "111000 111100 111010 111101");

    const std::vector<int> start{4, 2, 4, 4};
    CHECK(rows(causal && q < table(start)(kv), 4, 4) == "1000 1100 1010 1011");
}

TEST_CASE("G8: softcap and ALiBi") {
    CHECK(change(softcap(50.f), 0.f, 0, 0, 0) == 0.f);
    CHECK(change(softcap(50.f), 50.f, 0, 0, 0) == Catch::Approx(38.0797).epsilon(1e-6));
    CHECK(change(softcap(50.f), -std::numeric_limits<float>::infinity(), 0, 0, 0) == -50.f);  // so the mask comes after
    const auto slopes = alibi_slopes(4);
    CHECK(change(alibi(table(slopes)), 0.f, 0, 3, 1) == -0.5f);
    CHECK(change(alibi(table(slopes)), 0.f, 3, 3, 1) == -2.f / 256.f);
    CHECK(change(alibi(table(slopes)), 0.f, 0, 1, 3) == -0.5f);
    CHECK(change(alibi_signed(table(slopes)), 0.f, 0, 1, 3) == 0.5f);
}

TEST_CASE("ALiBi slopes for any number of heads") {
    CHECK(alibi_slopes(0).empty());
    CHECK(alibi_slopes(1) == std::vector<float>{0x1p-8f});
    CHECK(alibi_slopes(2) == std::vector<float>{0x1p-4f, 0x1p-8f});
    CHECK(alibi_slopes(4) == std::vector<float>{0.25f, 0.0625f, 0.015625f, 0.00390625f});
    CHECK(alibi_slopes(6) == std::vector<float>{0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f});
    const auto twelve = alibi_slopes(12);
    REQUIRE(twelve.size() == 12);
    for (std::size_t i = 0; i < 8; ++i) CHECK(twelve[i] == std::ldexp(1.f, -int(i) - 1));
    for (std::size_t i = 0; i < 4; ++i) CHECK(twelve[8 + i] == Catch::Approx(std::pow(2.0, -0.5 - double(i))));
    for (index_t n = 1; n < 70; ++n) {
        const auto slopes = alibi_slopes(n);
        CHECK(std::ssize(slopes) == n);
        for (const float m : slopes) CHECK((m > 0.f && m < 1.f));
    }
}

TEST_CASE("drawings, 6 x 6") {
    CHECK(drawing(full) == "######\n######\n######\n######\n######\n######\n");
    CHECK(drawing(none) == "      \n      \n      \n      \n      \n      \n");
    CHECK(drawing(causal) == "#     \n##    \n###   \n####  \n##### \n######\n");
    CHECK(drawing(causal_with_offset(2)) == "###   \n####  \n##### \n######\n######\n######\n");
    CHECK(drawing(causal_with_offset(-1)) == "      \n#     \n##    \n###   \n####  \n##### \n");
    CHECK(drawing(last_n(3)) == "#     \n##    \n###   \n ###  \n  ### \n   ###\n");
    CHECK(drawing(band(2, 1)) == "##    \n###   \n####  \n #### \n  ####\n   ###\n");
    CHECK(drawing(prefix_lm(3)) == "###   \n###   \n###   \n####  \n##### \n######\n");
    CHECK(drawing(chunked(4)) == "####  \n####  \n####  \n####  \n    ##\n    ##\n");
    CHECK(drawing(chunked_causal(4)) == "#     \n##    \n###   \n####  \n    # \n    ##\n");
    CHECK(drawing(kv_length(4)) == "####  \n####  \n####  \n####  \n####  \n####  \n");
    CHECK(drawing(left_padding(4)) == "    ##\n    ##\n    ##\n    ##\n    ##\n    ##\n");
    CHECK(drawing(same_document(table(ids))) == "##    \n##    \n  ### \n  ### \n  ### \n      \n");
    const std::vector<int> positions{0, 1, -1, 2, 3, -1};  // two empty cells
    CHECK(drawing(causal_by_position(table(positions), table(positions))) ==
          "#     \n##    \n      \n## #  \n## ## \n      \n");
}

TEST_CASE("parameters out of range are refused, with their names") {
    CHECK_THROWS_WITH(last_n(-1), "domino: last_n(n): expected at least 0, got -1");
    CHECK_THROWS_WITH(band(-1, 0), "domino: band(left, right): left: expected at least 0, got -1");
    CHECK_THROWS_WITH(band(0, -2), "domino: band(left, right): right: expected at least 0, got -2");
    CHECK_THROWS_WITH(prefix_lm(-1), "domino: prefix_lm(n): expected at least 0, got -1");
    CHECK_THROWS_WITH(kv_length(-3), "domino: kv_length(n): expected at least 0, got -3");
    CHECK_THROWS_WITH(left_padding(-3), "domino: left_padding(n): expected at least 0, got -3");
    CHECK_THROWS_WITH(chunked(0), "domino: chunked(n): expected at least 1, got 0");
    CHECK_THROWS_AS(chunked_causal(-4), invalid_argument);
    CHECK_THROWS_AS(alibi_slopes(-1), invalid_argument);
    for (const float cap : {0.f, -1.f, std::numeric_limits<float>::infinity(), std::nanf("")})
        CHECK_THROWS_AS(softcap(cap), invalid_argument);
}

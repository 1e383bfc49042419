// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The oracle's own tests, in closed forms, and the comparator's: it must be able to fail.

#include <cmath>
#include <limits>

#include "catch.hpp"
#include "compare.hpp"
#include "inputs.hpp"
#include "reference.hpp"

namespace {

using reference::index_t;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

struct small_problem {
    inputs::tensor q = inputs::make({1, 1, 3, 4});
    inputs::tensor k = inputs::make({1, 1, 5, 4});
    inputs::tensor v = inputs::make({1, 1, 5, 2});
    reference::problem p;

    small_problem() {
        inputs::random r(1);
        q.fill(r, inputs::normal());
        k.fill(r, inputs::normal());
        v.fill(r, inputs::normal());
        p.scale = 0.5;
        refresh();
    }
    void refresh() { p.q = q.view(), p.k = k.view(), p.v = v.view(); }
};

bool near(double a, double b) { return std::abs(a - b) <= 1e-14 * (1 + std::abs(b)); }

}  // namespace

TEST_CASE("oracle: equal scores give the mean of the values", "[reference]") {
    small_problem s;
    s.q.each([](float& x) { x = 0; });
    const auto answer = reference::attention(s.p);
    double mean = 0, weight = 0;
    for (index_t j = 0; j < 5; ++j) mean += static_cast<double>(s.v(0, 0, j, 1)) / 5;
    for (index_t j = 0; j < 5; ++j) weight += std::abs(static_cast<double>(s.v(0, 0, j, 1))) / 5;
    CHECK(near(answer.o[1], mean));
    CHECK(near(answer.weight[1], weight));
    CHECK(near(answer.lse[0], std::log(5.0)));
}

TEST_CASE("oracle: one kept key gives its value, and its score as lse", "[reference]") {
    small_problem s;
    s.p.mask = [](index_t, index_t, index_t q, index_t kv) { return kv == q + 1; };
    const auto answer = reference::attention(s.p);
    double dot = 0;
    for (index_t d = 0; d < 4; ++d) dot += static_cast<double>(s.q(0, 0, 2, d)) * static_cast<double>(s.k(0, 0, 3, d));
    CHECK(answer.o[2 * 2 + 0] == static_cast<double>(s.v(0, 0, 3, 0)));
    CHECK(near(answer.lse[2], dot * 0.5));
}

TEST_CASE("oracle: two keys are a logistic function of their scores' difference", "[reference]") {
    auto q = inputs::make({1, 1, 1, 1}), k = inputs::make({1, 1, 2, 1}), v = inputs::make({1, 1, 2, 1});
    q(0, 0, 0, 0) = 1, k(0, 0, 0, 0) = 3, k(0, 0, 1, 0) = 1, v(0, 0, 0, 0) = 1, v(0, 0, 1, 0) = 0;
    reference::problem p;
    p.q = q.view(), p.k = k.view(), p.v = v.view();
    CHECK(near(reference::attention(p).o[0], 1 / (1 + std::exp(-2.0))));
    CHECK(near(reference::attention(p).lse[0], std::log(std::exp(3.0) + std::exp(1.0))));
    p.scale = 0.25;
    CHECK(near(reference::attention(p).o[0], 1 / (1 + std::exp(-0.5))));
}

TEST_CASE("oracle: heads share a key head, and offset and lengths reach the mask", "[reference]") {
    auto q = inputs::make({2, 4, 1, 1}), k = inputs::make({2, 2, 3, 1}), v = inputs::make({2, 2, 3, 1});
    q.each([](float& x) { x = 0; });
    k.each([](float& x) { x = 0; });
    for (index_t b = 0; b < 2; ++b)
        for (index_t h = 0; h < 2; ++h)
            for (index_t j = 0; j < 3; ++j) v(b, h, j, 0) = static_cast<float>(100 * b + 10 * h + j);
    reference::problem p;
    p.q = q.view(), p.k = k.view(), p.v = v.view();
    p.q_offset = 1;
    p.kv_lengths = {3, 1};
    p.mask = [](index_t, index_t, index_t row, index_t kv) { return kv <= row; };
    const auto answer = reference::attention(p);
    CHECK(answer.o == std::vector<double>{0.5, 0.5, 10.5, 10.5, 100, 100, 110, 110});
}

TEST_CASE("oracle: a row that sees nothing is zero with lse -inf, whatever the rest holds", "[reference]") {
    small_problem s;
    s.k.each([](float& x) { x = not_a_number; });
    s.p.mask = [](index_t, index_t, index_t q, index_t) { return q != 1; };
    const auto answer = reference::attention(s.p);
    CHECK(answer.o[2] == 0.0);
    CHECK(answer.lse[1] == -reference::infinity);
    CHECK(std::isnan(answer.o[0]));
    CHECK(std::isnan(answer.lse[0]));
}

TEST_CASE("oracle: the sums are compensated", "[reference]") {
    reference::compensated sum;
    for (double x : {1e100, 1.0, -1e100}) sum.add(x);
    CHECK(sum.value() == 1.0);
    reference::compensated overflow;
    for (double x : {reference::infinity, 1.0}) overflow.add(x);
    CHECK(overflow.value() == reference::infinity);
}

TEST_CASE("oracle: the plain float32 attention agrees with it loosely", "[reference]") {
    small_problem s;
    const auto expected = reference::attention(s.p);
    const auto plain = reference::two_pass_float32(s.p);
    for (std::size_t n = 0; n < plain.size(); ++n)
        CHECK(std::abs(static_cast<double>(plain[n]) - expected.o[n]) < 1e-6);
}

TEST_CASE("comparator: it can fail", "[reference]") {
    small_problem s;
    s.p.mask = [](index_t, index_t, index_t q, index_t) { return q != 1; };
    const auto expected = reference::attention(s.p);
    auto out = inputs::make({1, 1, 3, 2});
    std::size_t n = 0;
    out.each([&](float& x) { x = static_cast<float>(expected.o[n++]); });
    REQUIRE(compare::output(expected, out.view()));

    SECTION("a wrong number") { out(0, 0, 2, 1) *= 1.001f; }
    SECTION("NaN where a number belongs") { out(0, 0, 2, 1) = not_a_number; }
    SECTION("infinity") { out(0, 0, 0, 0) = std::numeric_limits<float>::infinity(); }
    SECTION("-0.0 in a row that sees nothing") { out(0, 0, 1, 0) = -0.0f; }
    SECTION("a tiny number in a row that sees nothing") { out(0, 0, 1, 0) = 1e-30f; }
    CHECK_FALSE(compare::output(expected, out.view()));
}

TEST_CASE("comparator: a NaN in the oracle accepts NaN only", "[reference]") {
    small_problem s;
    s.q(0, 0, 0, 0) = not_a_number;
    const auto expected = reference::attention(s.p);
    auto out = inputs::make({1, 1, 3, 2});
    std::size_t n = 0;
    out.each([&](float& x) { x = static_cast<float>(expected.o[n++]); });
    CHECK(compare::output(expected, out.view()));
    out(0, 0, 0, 1) = 0;
    CHECK_FALSE(compare::output(expected, out.view()));
}

TEST_CASE("comparator: lse is compared by class and by size", "[reference]") {
    small_problem s;
    s.p.mask = [](index_t, index_t, index_t q, index_t) { return q != 1; };
    const auto expected = reference::attention(s.p);
    std::vector<float> lse(expected.lse.begin(), expected.lse.end());
    REQUIRE(compare::lse(expected, lse.data(), {1, 1, 3, 2}));
    SECTION("finite for -inf") { lse[1] = -1e38f; }
    SECTION("a wrong number") { lse[0] += 1e-4f; }
    SECTION("NaN") { lse[2] = not_a_number; }
    CHECK_FALSE(compare::lse(expected, lse.data(), {1, 1, 3, 2}));
}

TEST_CASE("inputs: memory around the tensor cannot be mistaken for it", "[reference]") {
    auto t = inputs::make({2, 3, 4, 5}, {.bshd = true, .row_padding = 3, .misalign = 1, .negative_heads = true});
    t.each([](float& x) { x = 1; });
    std::size_t written = 0;
    for (float x : t.storage) written += x == 1 ? 1 : 0;
    CHECK(written == 2 * 3 * 4 * 5);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every score mod of the catalogue against its formula, and T5's buckets against the published ones.
#include <domino/domain/point.hpp>
#include <domino/domain/text.hpp>
#include <domino/mask/mask.hpp>
#include <domino/score/score.hpp>
#include <functional>

#include "catch.hpp"

using namespace domino;

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// The largest difference from a formula in double, of max(1, |value|), over 2 batch entries, 3 heads, 11 x 13.
double worst(const auto& score_mod, const std::function<double(double, index_t, index_t, index_t, index_t)>& want) {
    double out = 0;
    for (index_t batch = 0; batch < 2; ++batch)
        for (index_t head = 0; head < 3; ++head)
            for (index_t row = 0; row < 11; ++row)
                for (index_t key = 0; key < 13; ++key) {
                    const float s = 0.5f * static_cast<float>((7 * head + 3 * row + 5 * key + batch) % 17) - 4;
                    const double x = evaluate(as_score_mod(score_mod), point{batch, head, row, key, s}),
                                 y = want(s, batch, head, row, key);
                    if (x == y) continue;
                    out = std::max(out, x != x || y != y ? 1e30 : std::abs(x - y) / std::max(1.0, std::abs(y)));
                }
    return out;
}
constexpr double few_ulp = 1e-6;

}  // namespace

TEST_CASE("scaling, bounding, hiding") {
    const std::vector<float> factors{0.5f, 2.f, -1.f},
        keys{0.f, 1.f, -2.f, 3.f, 0.5f, 0.25f, 7.f, 8.f, -9.f, 1.f, 2.f, 3.f, 4.f};
    CHECK(worst(scaled(0.25f), [](double s, auto...) { return s * 0.25; }) == 0);
    CHECK(worst(temperature(4.f), [](double s, auto...) { return s / 4; }) == 0);
    CHECK(worst(clip(-1.f, 2.5f), [](double s, auto...) { return s < -1 ? -1 : s > 2.5 ? 2.5 : s; }) == 0);
    CHECK(worst(head_scale(table(factors)),
                [&](double s, auto, index_t n, auto...) { return s * double(factors[at(n)]); }) == 0);
    CHECK(worst(head_bias(table(factors)),
                [&](double s, auto, index_t n, auto...) { return s + double(factors[at(n)]); }) == 0);
    CHECK(worst(key_bias(table(keys)),
                [&](double s, auto, auto, auto, index_t j) { return s + double(keys[at(j)]); }) == 0);
    CHECK(worst(log_n_scale(4), [](double s, auto, auto, index_t i, auto) {
              return s * std::max(1.0, std::log(double(i + 1)) / std::log(4.0));
          }) < few_ulp);
    CHECK(worst(mask_as_score(last_n(3)),
                [](double s, auto, auto, index_t i, index_t j) { return j <= i && i - j < 3 ? s : -INFINITY; }) == 0);
    CHECK(worst(activation(max(score, 0.f), 1.f), [](double s, auto...) { return std::log(std::max(s, 0.0) + 1); }) <
          few_ulp);
    CHECK_THROWS_AS(temperature(0.f), invalid_argument);
    CHECK_THROWS_AS(temperature(1e-39f), invalid_argument);  // 1 / 1e-39 is infinite
    CHECK_THROWS_AS(temperature(std::nanf("")), invalid_argument);
    CHECK_THROWS_AS(clip(1.f, 0.f), invalid_argument);
    CHECK_THROWS_AS(log_n_scale(1), invalid_argument);
}

TEST_CASE("relative positions") {
    std::vector<float> values;
    for (int i = 0; i < 400; ++i) values.push_back(0.25f * static_cast<float>(i * 37 % 101) - 8);
    const auto by_distance = table(values.data(), 3, 9);
    CHECK(worst(relative_bias(by_distance), [&](double s, auto, index_t n, index_t i, index_t j) {
              const index_t d = std::clamp<index_t>(j - i, -4, 4);
              return s + double(values[at(9 * n + d + 4)]);
          }) == 0);
    const auto swin = table(values.data(), 5 * 7, 3);  // windows of 3 x 4
    CHECK(worst(swin_bias(swin, 3, 4), [&](double s, auto, index_t n, index_t i, index_t j) {
              const index_t dy = i / 4 - j / 4 + 2, dx = i % 4 - j % 4 + 3,
                            row = std::clamp<index_t>(dy * 7 + dx, 0, 34);
              return s + double(values[at(3 * row + n)]);
          }) == 0);
    CHECK(worst(sandwich(3, 13, 16), [](double s, auto, index_t n, index_t i, index_t j) {
              double sum = 0;
              for (int k = 0; k < 8; ++k) sum += std::cos(double(std::abs(i - j)) / std::pow(10000.0, k / 8.0));
              return s + sum * 3 / (8.0 * double(n + 1));
          }) < few_ulp);
    std::vector<int> distances(2 * 13 * 13);
    for (std::size_t i = 0; i < distances.size(); ++i) distances[i] = static_cast<int>(i * 7 % 9);
    CHECK(worst(graphormer(by_distance, table<int, 3>(distances.data(), {2, 13, 13}, {169, 13, 1})),
                [&](double s, index_t m, index_t n, index_t i, index_t j) {
                    return s + double(values[at(9 * n + distances[at(169 * m + 13 * i + j)])]);
                }) == 0);
    CHECK_THROWS_AS(relative_bias(table(values.data(), 3, 8)), invalid_argument);
    CHECK_THROWS_AS(swin_bias(swin, 3, 5), invalid_argument);
    CHECK_THROWS_AS(sandwich(0, 4), invalid_argument);
}

TEST_CASE("T5's buckets") {
    const auto buckets = [](const std::vector<index_t>& distances, bool both) {
        std::string out;
        for (const index_t d : distances) out += std::to_string(t5_bucket(d, both, 32, 128)) + " ";
        return out;
    };
    // an encoder: 16 buckets a direction, 8 of them single distances, the last from 2^(45/6.. ) on
    CHECK(buckets({0, -1, -7, -8, -11, -12, -15, -16, -22, -23, -31, -32, -127, -128, -5000}, true) ==
          "0 1 7 8 8 9 9 10 10 11 11 12 15 15 15 ");
    CHECK(buckets({1, 7, 8, 16, 128, 5000}, true) == "17 23 24 26 31 31 ");
    // a decoder: 32 buckets back, 16 single, the future in 0
    CHECK(buckets({3, 0, -1, -15, -16, -18, -19, -113, -128, -5000}, false) == "0 0 1 15 16 16 17 31 31 31 ");
    std::vector<float> values;
    for (int i = 0; i < 32 * 3; ++i) values.push_back(static_cast<float>(i));
    for (const bool both : {false, true})
        for (const index_t far : {index_t{20}, index_t{128}})
            CHECK(worst(t5_bias(table(values.data(), 32, 3), both, far),
                        [&](double s, auto, index_t n, index_t i, index_t j) {
                            return s + double(values[at(3 * t5_bucket(j - i, both, 32, far) + n)]);
                        }) == 0);
    const auto long_way = t5_bias(table(values.data(), 32, 3), true, 20);
    CHECK(evaluate(long_way, point{0, 0, 100'000, 0, 0.f}) == values[3 * 15]);
    CHECK(evaluate(long_way, point{0, 0, 0, 100'000, 0.f}) == values[3 * 31]);
    CHECK_THROWS_AS(t5_bias(table(values.data(), 32, 3), true, 8), invalid_argument);
    CHECK_THROWS_AS(t5_bias(table(values.data(), 1, 3), false), invalid_argument);
}

TEST_CASE("ALiBi's slopes in three conventions") {
    for (const index_t n : {1, 2, 8, 64}) {
        CHECK(alibi_slopes_geometric(n) == alibi_slopes(n));
        CHECK(alibi_slopes_ggml(n, 8.f) == alibi_slopes(n));
    }
    CHECK(alibi_slopes_geometric(3) == std::vector<float>{static_cast<float>(std::exp2(-8.0 / 3)),
                                                          static_cast<float>(std::exp2(-16.0 / 3)), 0x1p-8f});
    // ggml: m0^(h + 1) below the power of two, then odd powers of its half step
    for (const index_t n : {3, 6, 12, 20})
        for (const float max_bias : {8.f, 4.f, 1.f}) {
            const auto slopes = alibi_slopes_ggml(n, max_bias);
            index_t power = 1;
            while (2 * power <= n) power *= 2;
            for (index_t i = 0; i < n; ++i) {
                const double m0 = std::pow(2.0, -double(max_bias) / double(power)),
                             m1 = std::pow(2.0, -double(max_bias) / 2 / double(power));
                const double want = i < power ? std::pow(m0, double(i + 1)) : std::pow(m1, double(2 * (i - power) + 1));
                CHECK(slopes[at(i)] == Catch::Approx(want).epsilon(1e-6));
            }
            if (max_bias == 8.f) CHECK(slopes == alibi_slopes(n));
        }
    CHECK(alibi_slopes_ggml(3, 0.f) == std::vector<float>{1.f, 1.f, 1.f});
    CHECK(alibi_slopes_ggml(0, 8.f).empty());
    CHECK_THROWS_AS(alibi_slopes_ggml(4, -1.f), invalid_argument);
    CHECK_THROWS_AS(alibi_slopes_geometric(-1), invalid_argument);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dropout's generator: known vectors, a second implementation, statistics; and the mask of what it keeps.

#include <cmath>
#include <domino/expression/dropout.hpp>
#include <domino/info/materialize.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/tile/stats.hpp>

#include <limits>

#include "catch.hpp"
#include "threefry.hpp"

using namespace domino;

namespace {

/// Of 64 x 64 weights. No lambda: GCC would try to evaluate it while it compiles.
index_t kept(const dropout_options& d) {
    index_t n = 0;
    for (index_t q_ = 0; q_ < 64; ++q_)
        for (index_t kv_ = 0; kv_ < 64; ++kv_) n += d.keeps(0, 0, q_, kv_);
    return n;
}

}  // namespace

TEST_CASE("threefry gives Random123's known answers") {
    static_assert(threefry({0, 0}, {0, 0}) == word_pair{0x6b200159u, 0x99ba4efeu});
    static_assert(threefry({~0u, ~0u}, {~0u, ~0u}) == word_pair{0x1cb996fcu, 0xbb002be7u});
    static_assert(threefry({0x13198a2eu, 0x03707344u}, {0x243f6a88u, 0x85a308d3u}) ==
                  word_pair{0xc4923a9cu, 0x483df7a0u});
    CHECK(second::threefry(0, 0, 0, 0) == std::pair{0x6b200159u, 0x99ba4efeu});
}

TEST_CASE("what is kept is the documented function of key, b, h, q and kv") {
    const dropout_options dropout{.rate = 0.3f, .key = 0x0123456789abcdefu};
    for (index_t b_ : {0, 1, 5})
        for (index_t h_ : {0, 3})
            for (index_t q_ : {0, 1, 77, 2147483647})
                for (index_t kv_ = 0; kv_ < 40; ++kv_)
                    CHECK(dropout.keeps(b_, h_, q_, kv_) == second::keeps(0.3, 0x0123456789abcdefu, b_, h_, q_, kv_));
    static_assert(dropout_options{.rate = 0.5f, .key = 1}.keeps(0, 0, 0, 0) ==
                  dropout_options{.rate = 0.5f, .key = 1}.keeps(0, 0, 0, 0));
}

TEST_CASE("rates at the ends and the switch") {
    CHECK(kept({}) == 4096);
    CHECK(kept({.rate = 0.f, .key = 9}) == 4096);
    CHECK(kept({.rate = 0.5f, .key = 9, .deterministic = true}) == 4096);
    CHECK(kept({.rate = 1.f, .key = 9}) == 0);
    CHECK(kept({.rate = 1.f - 0x1p-24f, .key = 9}) <= 1);
    CHECK(dropout_options{.rate = 1.f}.threshold() == 1u << 24);
    CHECK(dropout_options{.rate = 1.f - 0x1p-24f}.threshold() == (1u << 24) - 1);
    CHECK(dropout_options{.rate = 0.25f}.kept_factor() == 1.f / 0.75f);
    CHECK(dropout_options{.rate = 1.f}.kept_factor() == 1.f);
}

TEST_CASE("rates that are none") {
    for (const float rate : {-0.1f, 1.5f, 300.f, std::numeric_limits<float>::quiet_NaN()})
        CHECK_THROWS_AS(kept_by({.rate = rate}), invalid_argument);
}

TEST_CASE("the share dropped is the rate, in every direction, and keys are independent") {
    constexpr index_t n = 256;
    for (const float rate : {0.01f, 0.1f, 0.5f, 0.9f}) {
        const dropout_options d{.rate = rate, .key = 42}, other{.rate = rate, .key = 43};
        const double p = 1 - double(rate), sigma = std::sqrt(p * (1 - p));
        double total = 0, by_row = 0, by_column = 0, neighbours_q = 0, neighbours_kv = 0, between_keys = 0, heads = 0;
        std::vector<double> column(n);
        for (index_t q_ = 0; q_ < n; ++q_) {
            double row = 0;
            for (index_t kv_ = 0; kv_ < n; ++kv_) {
                const double x = (d.keeps(0, 0, q_, kv_) - p) / sigma;
                row += x;
                column[static_cast<std::size_t>(kv_)] += x;
                neighbours_q += x * ((d.keeps(0, 0, q_ + 1, kv_) - p) / sigma);
                neighbours_kv += x * ((d.keeps(0, 0, q_, kv_ + 1) - p) / sigma);
                between_keys += x * ((other.keeps(0, 0, q_, kv_) - p) / sigma);
                heads += x * ((d.keeps(0, 1, q_, kv_) - p) / sigma);
            }
            total += row;
            by_row += row * row / n;
        }
        for (const double c : column) by_column += c * c / n;
        // normal deviates, 5 sigma; chi-square of n degrees of freedom has mean n and variance 2 n
        CAPTURE(rate);
        CHECK(std::abs(total / n) < 5);
        CHECK(std::abs(neighbours_q / n) < 5);
        CHECK(std::abs(neighbours_kv / n) < 5);
        CHECK(std::abs(between_keys / n) < 5);
        CHECK(std::abs(heads / n) < 5);
        CHECK(std::abs(by_row - n) < 5 * std::sqrt(2. * n));
        CHECK(std::abs(by_column - n) < 5 * std::sqrt(2. * n));
    }
}

TEST_CASE("what is kept is a mask like any other") {
    const dropout_options d{.rate = 0.25f, .key = 7};
    const auto m_kept = kept_by(d);
    static_assert(MaskMod<decltype(m_kept)>);
    const mask_shape shape{2, 3, 9, 13};
    const auto m = materialize(m_kept, shape);
    index_t visible = 0;
    for (index_t b_ = 0; b_ < 2; ++b_)
        for (index_t h_ = 0; h_ < 3; ++h_)
            for (index_t q_ = 0; q_ < 9; ++q_)
                for (index_t kv_ = 0; kv_ < 13; ++kv_) {
                    CHECK(m(b_, h_, q_, kv_) == d.keeps(b_, h_, q_, kv_));
                    visible += d.keeps(b_, h_, q_, kv_);
                }
    CHECK(stats(m_kept, shape).visible == visible);
    CHECK(to_string(m_kept) == "kept(b, h, q, kv, 0.25, 7)");
    CHECK(classify(m_kept, {.q = {0, 8}, .kv = {0, 8}}) == tile_kind::partial);
    CHECK(classify(kept_by({.rate = 1.f}), {.q = {0, 8}, .kv = {0, 8}}) == tile_kind::empty);
    CHECK(classify(kept_by({}), {.q = {0, 8}, .kv = {0, 8}}) == tile_kind::full);
    // a chunk of a sequence draws what the whole does
    CHECK(attends(offset(m_kept, 5, 4), 1, 2, 3, 6) == d.keeps(1, 2, 8, 10));
    const any_mask erased = m_kept;
    CHECK(materialize(erased, shape).data == m.data);
}

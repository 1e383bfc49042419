// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How exact attention is, as a function of length and of the numbers: errors in units of u * A (compare.hpp) against
// the oracle, beside those of a plain two-pass float32 attention of the same problem.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

struct errors {
    double share = 0;                     // of the bound
    double rms = 0, max = 0;              // Domino, in u * A
    double plain_rms = 0, plain_max = 0;  // two passes of float32
};

errors measure(call::problem& p) {
    p.run(domino::full, domino::score);
    const auto told = p.told();
    const auto expected = reference::attention(told);
    const auto ours = compare::output(expected, p.o.view());
    const auto lse = compare::lse(expected, p.lse.data(), p.lse.extents);
    auto plain = reference::two_pass_float32(told);
    const std::array<index_t, 4> e = p.o.extents;
    const auto theirs =
        compare::output(expected, {plain.data(), e, {e[1] * e[2] * e[3], e[2] * e[3], e[3], 1}}, {.c0 = 1e30});
    CAPTURE(p.s, ours.worst, ours.units, ours.share, lse.worst, lse.share);
    CHECK(ours.ok);
    CHECK(lse.ok);
    return {std::max(ours.share, lse.share), ours.rms(), ours.units, theirs.rms(), theirs.units};
}

void print(const std::string& name, const errors& e) {
    std::printf("%-34s rms %9.3f max %9.3f | two-pass float32 rms %9.3f max %9.3f | of the bound %.3f\n", name.c_str(),
                e.rms, e.max, e.plain_rms, e.plain_max, e.share);
}

call::problem draw(const call::shape& shape, double sigma, std::uint64_t seed) {
    inputs::random r(seed);
    call::problem p(shape);
    p.fill(r, sigma);
    return p;
}

}  // namespace

TEST_CASE("errors do not grow with the length", "[attention][accuracy]") {
    for (index_t rows : {1, 20})
        for (index_t keys : {1, 2, 3, 5, 16, 63, 64, 65, 255, 1000, 4096, 16384, 65537}) {
            if (rows * keys > 20 * 16384) continue;
            // All outputs of a row share the error of its sum, so that short rows are needed in numbers.
            const index_t batch = std::clamp<index_t>(40000 / (rows * keys), 1, 2000 / rows);
            auto p = draw({.batch = batch, .q_len = rows, .kv_len = keys, .head_dim = 64, .value_dim = 64}, 1.0,
                          static_cast<std::uint64_t>(keys));
            const errors e = measure(p);
            print(std::to_string(rows) + " rows, " + std::to_string(keys) + " keys", e);
            CHECK(e.rms <= (keys < 200 ? 1.05 : 1.0) * e.plain_rms);  // short rows: the same few roundings, and chance
            CHECK(e.max <= 1.5 * e.plain_max);
        }
}

TEST_CASE("errors by kind of input", "[attention][accuracy]") {
    constexpr index_t rows = 24, keys = 3000, width = 64;
    const auto with = [&](const std::string& name, auto&& change) {
        auto p = draw({.q_len = rows, .kv_len = keys, .head_dim = width, .value_dim = width}, 1.0, 100);
        inputs::random r(101);
        change(p, r);
        const errors e = measure(p);
        print(name, e);
        CHECK(e.rms <= 1.25 * e.plain_rms);  // one draw, and where scores are built, one row: chance has its say
        CHECK(e.max <= std::max(1.5 * e.plain_max, 3.0));  // steep scores leave a few roundings, and which is chance
    };
    // Key j scores f(j) for every query: q = (1, 0, ...), k_j = (f(j), 0, ...) in units where the scale is 1.
    const auto scores = [](auto&& f) {
        return [f](call::problem& p, inputs::random& r) {
            p.scale = 1.0f;
            p.q.each([](float& x) { x = 0; });
            p.k.each([](float& x) { x = 0; });
            for (index_t i = 0; i < p.s.q_len; ++i) p.q(0, 0, i, 0) = 1;
            for (index_t j = 0; j < p.s.kv_len; ++j) p.k(0, 0, j, 0) = static_cast<float>(f(static_cast<double>(j), r));
        };
    };
    for (double sigma : {0.1, 3.0, 10.0})
        with("normal scores, sigma " + std::to_string(sigma).substr(0, 4),
             [&](auto& p, auto& r) { p.q.fill(r, inputs::normal(sigma)); });
    with("log-normal values", [](auto& p, auto& r) { p.v.fill(r, inputs::log_normal(4.0)); });
    with("Cauchy values", [](auto& p, auto& r) { p.v.fill(r, inputs::cauchy()); });
    with("constant values", [](auto& p, auto& r) { p.v.fill(r, inputs::constant(0.7)); });
    with("values that cancel", [](auto& p, auto&) {
        for (index_t j = 0; j < p.s.kv_len; ++j)
            for (index_t d = 0; d < p.s.value_dim; ++d)
                p.v(0, 0, j, d) = (j % 2 == 0 ? 1.0f : -1.0f) * (1000.0f + p.v(0, 0, j, d));
    });
    with("dot products that cancel", [](auto& p, auto&) {
        for (auto* t : {&p.q, &p.k})
            for (index_t i = 0; i < t->extents[2]; ++i)
                for (index_t d = 1; d < t->extents[3]; d += 2)
                    (*t)(0, 0, i, d) = (t == &p.q ? 1.0f : -1.0f) * (*t)(0, 0, i, d - 1) * 1.0001f;
    });
    with("equal scores", scores([](double, auto&) { return 1.0; }));
    with("ascending scores", scores([](double j, auto&) { return 0.01 * j; }));
    with("descending scores", scores([](double j, auto&) { return -0.01 * j; }));
    with("steep ascending scores", scores([](double j, auto&) { return j; }));
    with("one key above all", scores([](double j, auto&) { return j == 1777 ? 60.0 : 0.0; }));
    with("one key far above all", scores([](double j, auto&) { return j == 1777 ? 1e4 : 0.0; }));
    with("huge common offset", scores([](double, auto& r) { return 1e4 + r.normal(); }));
    with("huge negative offset", scores([](double, auto& r) { return -1e4 + r.normal(); }));
    with("peaky with a heavy tail", scores([](double j, auto& r) { return j < 3 ? 7.0 : r.normal(); }));
}

TEST_CASE("weights that are almost equal, whose sums round each time the same way", "[attention][accuracy]") {
    const auto run = [](index_t unit, index_t some) {
        call::problem p({.q_len = 32, .kv_len = 384, .head_dim = 1, .value_dim = 1});
        p.scale = 1.f;
        p.q.each([](float& x) { x = 1.f; });
        for (index_t i = 0; i < 384; ++i) {
            p.k.data()[i] = i == 0 ? 0.f : -static_cast<float>(unit) * 0x1p-24f;
            p.v.data()[i] = i % 96 < some ? 1.f : 0.f;
        }
        p.keep = [](auto...) { return true; };
        p.score = [](double x, auto...) { return x; };
        p.run(domino::full, domino::score);
        constexpr double sum_of_96 =
            (96 + 1) / 2.;  // of a rounding unit each: partial sums of equal weights grow evenly
        CHECK(p.difference({.c0 = 12 + 2 * sum_of_96}) == "");
        std::printf("almost equal weights, off by %ld units: %.1f u A\n", long(unit), p.worst_units);
    };
    run(32, 32);
    run(192, 64);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks and score mods of a user's own: structs and lambdas, generic or of plain integers, alone and composed.

#include <cmath>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

struct example : call::problem {
    inputs::random r{91};
    example()
        : problem({.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 45, .kv_len = 77, .head_dim = 8, .value_dim = 8}) {
        fill(r, 2.0);
        q_offset = 20;
    }
};

/// Generic: called with placeholders.
struct checkered {
    int side;
    auto operator()(auto b, auto, auto q, auto kv) const { return (q / side + kv / side + b) % 2 == 0 && kv <= q + 10; }
};

/// Of plain integers: an if, a loop, whatever C++ can do.
struct collatz {
    bool operator()(int, int h, int q, int kv) const {
        int n = q + kv + h + 1, steps = 0;
        while (n > 1 && steps < 40) n = n % 2 == 0 ? n / 2 : 3 * n + 1, ++steps;
        return steps % 3 != 0;
    }
};

struct tempered {
    float factor;
    auto operator()(auto score, auto, auto h, auto q, auto kv) const {
        return score * factor - 0.0625f * domino::abs(q - kv) * h;
    }
};

struct stepped {
    float operator()(float score, int b, int, int q, int kv) const {
        return q - kv > 10 ? score - 1.0f : score + 0.5f * static_cast<float>(b);
    }
};

double stepped_by_hand(double s, index_t b, index_t i, index_t j) {
    return i - j > 10 ? s - 1.0 : s + 0.5 * static_cast<double>(b);
}

}  // namespace

TEST_CASE("a struct of generic call", "[attention][functors]") {
    example p;
    for (int side : {1, 3, 8}) {
        p.keep = [side](index_t b, auto, index_t i, index_t j) {
            return (i / side + j / side + b) % 2 == 0 && j <= i + 10;
        };
        p.run(checkered{side}, domino::score);
        CHECK(p.difference() == "");
    }
}

TEST_CASE("a generic lambda", "[attention][functors]") {
    example p;
    const int n = 9;
    p.keep = [](auto, index_t h, index_t i, index_t j) { return std::abs(i - j) < 9 + h; };
    p.run([n](auto, auto h, auto q, auto kv) { return domino::abs(q - kv) < n + h; }, domino::score);
    CHECK(p.difference() == "");
}

TEST_CASE("generic functors declared to return bool or float are called with numbers", "[attention][functors]") {
    example p;
    p.keep = [](auto, index_t h, index_t i, index_t j) { return j <= i + h; };
    p.score = [](double s, auto, auto, index_t i, index_t) { return i > 4 ? s : 2 * s; };
    p.run([](auto, auto h, auto q, auto kv) -> bool { return kv <= q + h; },
          [](auto score, auto, auto, auto q, auto) -> float { return q > 4 ? score : 2 * score; });
    CHECK(p.difference() == "");
}

TEST_CASE("functors join bools", "[attention][functors]") {
    using namespace domino;  // for neither operand names it
    const auto seen = [](int, int, int q, int kv) { return kv <= q; };
    for (const bool flag : {false, true}) {
        CHECK(attends(seen && flag, 0, 0, 3, 2) == flag);
        CHECK(attends(flag && seen, 0, 0, 3, 2) == flag);
        CHECK_FALSE(attends(seen && flag, 0, 0, 2, 3));
        CHECK(attends(seen || flag, 0, 0, 2, 3) == flag);
        CHECK(attends(seen ^ flag, 0, 0, 2, 3) == flag);
    }
}

TEST_CASE("a functor of plain integers, bare and by scalar", "[attention][functors]") {
    example p;
    p.keep = [](auto b, auto h, auto i, auto j) {
        return collatz{}(static_cast<int>(b), static_cast<int>(h), static_cast<int>(i), static_cast<int>(j));
    };
    p.run(collatz{}, domino::score);
    CHECK(p.difference() == "");
    p.run(domino::scalar(collatz{}), domino::score);
    CHECK(p.difference() == "");
}

TEST_CASE("functors composed with expressions", "[attention][functors]") {
    example p;
    p.keep = [](auto b, auto h, index_t i, index_t j) {
        return j <= i && !(i - j > 30) &&
               (collatz{}(static_cast<int>(b), static_cast<int>(h), static_cast<int>(i), static_cast<int>(j)) ||
                (i / 4 + j / 4 + b) % 2 == 0);
    };
    p.run(
        domino::causal && !(domino::q - domino::kv > 30) &&
            (domino::scalar(collatz{}) || [](auto b, auto, auto q, auto kv) { return (q / 4 + kv / 4 + b) % 2 == 0; }),
        domino::score);
    CHECK(p.difference() == "");
}

TEST_CASE("a scalar functor with a bound of its own", "[attention][functors]") {
    example p;
    p.keep = [](auto, auto, index_t i, index_t j) { return i - j < 12 && j <= i; };
    const auto window = domino::scalar([](int, int, int q, int kv) { return q - kv < 12 && kv <= q; },
                                       [](const domino::tile& t) {
                                           const bool hidden =
                                               t.kv.begin >= t.q.end || t.q.begin - (t.kv.end - 1) >= 12;
                                           return hidden ? domino::tile_kind::empty : domino::tile_kind::partial;
                                       });
    p.run(window, domino::score);
    CHECK(p.difference() == "");
}

TEST_CASE("score mods of a user's own", "[attention][functors]") {
    example p;
    p.keep = [](auto, auto, index_t i, index_t j) { return j <= i; };
    p.score = [](double s, auto, index_t h, index_t i, index_t j) {
        return s * 0.75 - 0.0625 * std::abs(static_cast<double>(i - j)) * static_cast<double>(h);
    };
    p.run(domino::causal, tempered{0.75f});
    CHECK(p.difference() == "");

    p.score = [](double s, index_t b, auto, index_t i, index_t j) { return stepped_by_hand(s, b, i, j); };
    p.run(domino::causal, stepped{});
    CHECK(p.difference() == "");
    p.run(domino::causal, domino::scalar(stepped{}));
    CHECK(p.difference() == "");
}

TEST_CASE("score mods of a user's own, composed with the catalogue's", "[attention][functors]") {
    example p;
    p.keep = [](auto, auto, index_t i, index_t j) { return j <= i; };
    p.score = [](double s, index_t b, auto, index_t i, index_t j) {
        return 3.0 * std::tanh(stepped_by_hand(s, b, i, j) / 3.0) * 2.0;
    };
    p.run(domino::causal, domino::compose(domino::scalar(stepped{}), domino::softcap(3.0f),
                                          [](auto score, auto, auto, auto, auto) { return score * 2.0f; }));
    CHECK(p.difference() == "");
}

TEST_CASE("an any_mask put together at run time", "[attention][functors]") {
    example p;
    for (int layer = 0; layer < 4; ++layer) {
        domino::any_mask m = domino::causal;
        if (layer % 2 == 1) m = m && domino::last_n(16);
        if (layer >= 2) m = m || domino::any_mask(domino::kv < 2);
        p.keep = [layer](auto, auto, index_t i, index_t j) {
            return (j <= i && (layer % 2 == 0 || i - j < 16)) || (layer >= 2 && j < 2);
        };
        p.run(m, domino::score);
        CAPTURE(layer);
        CHECK(p.difference() == "");
    }
}

TEST_CASE("functors of plain integers are asked of rows and keys there are only", "[attention][functors]") {
    // an array of the call's very size may stand behind them
    for (const index_t q_len : {1, 7, 17, 45}) {
        inputs::random r{92};
        call::problem p(
            {.batch = 1, .heads = 2, .kv_heads = 1, .q_len = q_len, .kv_len = 77, .head_dim = 8, .value_dim = 8});
        p.fill(r, 2.0);
        bool outside = false;
        const auto check = [&](int b, int h, int q, int kv) {
            outside |= b != 0 || h < 0 || h >= 2 || q < 0 || q >= q_len || kv < 0 || kv >= 77;
        };
        p.keep = [](auto, auto, index_t i, index_t j) { return (i + j) % 3 != 0; };
        p.score = [](double s, auto, auto, index_t i, index_t j) { return s + 0.125 * double(i % 4 - j % 4); };
        p.run(domino::scalar([&](int b, int h, int q, int kv) { return check(b, h, q, kv), (q + kv) % 3 != 0; }),
              domino::scalar([&](float s, int b, int h, int q, int kv) {
                  return check(b, h, q, kv), s + 0.125f * static_cast<float>(q % 4 - kv % 4);
              }));
        CAPTURE(q_len);
        CHECK(p.difference() == "");
        CHECK_FALSE(outside);
    }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks and biases with an entry for each pair of q and kv: the kernel reads them with keys in lanes. Buffers are exactly as
// large as they must be.

#include <cstdint>
#include <string>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;
using domino::axes, domino::kv, domino::q, domino::score;

// Which expressions read by pair is known at compile time.
using table_2 = domino::table_view<float, 2>;
template <class E>
constexpr bool by_pair = domino::depends_on<E>(axes::pairs);
static_assert(by_pair<decltype(std::declval<table_2>()(q, kv))>);
static_assert(by_pair<decltype(std::declval<table_2>()(domino::h, kv - q))>);
static_assert(by_pair<decltype(domino::causal && domino::dense(std::declval<domino::table_view<bool, 2>>()))>);
static_assert(by_pair<decltype(domino::packed_bits(nullptr, {}, {}))>);
static_assert(by_pair<decltype(domino::t5_bias(std::declval<table_2>(), true))>);
static_assert(!by_pair<decltype(std::declval<table_2>()(kv, q))>);  // rows side by side
static_assert(!by_pair<decltype(std::declval<table_2>()(domino::b, kv))>);
static_assert(!by_pair<decltype(domino::same_document(std::declval<domino::table_view<int, 1>>()))>);
// Blocks of keys share entries: rows side by side.
static_assert(!by_pair<decltype(domino::block_mask(std::declval<domino::table_view<bool, 2>>(), 64, 64))>);
static_assert(by_pair<decltype(std::declval<table_2>()(q / 64, kv))>);
static_assert(by_pair<decltype(std::declval<table_2>()(q, kv % 64))>);
// Nor is an entry read ahead whose index the score decides.
static_assert(!by_pair<decltype(std::declval<table_2>()(q, kv + where(score > 0.f, 1, 0)))>);

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
std::uint64_t hash(index_t i, index_t j) {
    const auto x =
        static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(j) * 0xc2b2ae3d27d4eb4fu;
    return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u >> 33;
}
/// Two of three, with stretches of all and of none.
bool sees(index_t i, index_t j) { return i / 40 + j / 50 == 1 || (i / 40 + j / 50 != 3 && hash(i, j) % 3 != 0); }

/// Around registers, steps, tiles and panels; and heads that share one.
const call::shape shapes[] = {
    {1, 1, 1, 1, 1, 8, 8},     {1, 4, 1, 1, 15, 8, 8},  {1, 2, 1, 3, 16, 16, 8},   {2, 4, 2, 1, 97, 8, 16},
    {1, 2, 2, 17, 33, 16, 16}, {1, 1, 1, 33, 95, 8, 8}, {2, 2, 1, 70, 131, 24, 8}, {1, 1, 1, 130, 200, 16, 16},
};

/// Runs `mask` and `score_mod`, made for the rows (absolute positions) and keys there are, against keep and score.
template <class Maker, class Tell>
void compare_on_all_shapes(Maker&& make, Tell&& tell) {
    inputs::random r{7};
    for (const call::shape& s : shapes)
        for (const index_t offset : {index_t{0}, index_t{13}}) {
            INFO(s << " q_offset=" << offset);
            call::problem p(s);
            p.fill(r, 2.0);
            p.q_offset = offset;
            if (s.batch == 2) p.kv_lengths = {s.kv_len, s.kv_len / 2};
            p.keep = [](auto...) { return true; };
            p.score = [](double x, auto...) { return x; };
            const index_t rows = offset + s.q_len, keys = s.kv_len;
            tell(p, rows, keys);
            make(p, rows, keys);
            CHECK(p.difference() == "");
        }
}

template <class T>
std::vector<T> entries(index_t rows, index_t keys, auto f) {
    std::vector<T> all(at(rows * keys));
    for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < keys; ++j) all[at(i * keys + j)] = static_cast<T>(f(i, j));
    return all;
}
float number(index_t i, index_t j) { return static_cast<float>(hash(i, j) % 64) * 0.0625f - 2.f; }

template <class T>
void check_dense() {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            const auto values = entries<T>(rows, keys, sees);
            p.run(domino::dense(domino::table(values.data(), rows, keys)), score);
        },
        [](call::problem& p, auto...) { p.keep = [](auto, auto, index_t i, index_t j) { return sees(i, j); }; });
}

}  // namespace

TEST_CASE("tensors of integers as masks", "[attention][pairs]") {
    check_dense<std::int8_t>();
    check_dense<std::int64_t>();
}

TEST_CASE("tensors as erased masks, alone, beside a functor of plain integers and below another erased mask",
          "[attention][pairs]") {
    const auto keep = [](index_t i, index_t j) { return sees(i, j) && (i + j) % 7 != 0; };
    for (const int form : {0, 1, 2})
        compare_on_all_shapes(
            [form](call::problem& p, index_t rows, index_t keys) {
                bool outside = false;
                const auto values = entries<std::int8_t>(rows, keys, sees);
                const domino::any_mask tensor = domino::dense(domino::table(values.data(), rows, keys));
                const auto functor = domino::scalar([&outside, rows, keys](int, int, int i, int j) {
                    if (i < 0 || i >= rows || j < 0 || j >= keys) outside = true;
                    return (i + j) % 7 != 0;
                });
                if (form == 0) p.run(tensor, score);
                if (form == 1)
                    p.run(domino::any_mask(domino::dense(domino::table(values.data(), rows, keys)) && functor), score);
                if (form == 2) p.run(domino::any_mask(tensor && functor), score);
                CHECK_FALSE(outside);
            },
            [form, keep](call::problem& p, auto...) {
                p.keep = [form, keep](auto, auto, index_t i, index_t j) { return form == 0 ? sees(i, j) : keep(i, j); };
            });
}

TEST_CASE("a tensor of bools beside a functor of plain integers, which is called with keys there are only",
          "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            bool* const outside = [] {
                static bool x;
                return &x;
            }();
            *outside = false;
            std::vector<unsigned char> bytes = entries<unsigned char>(rows, keys, sees);
            const auto* bools = reinterpret_cast<const bool*>(bytes.data());
            const auto functor = domino::scalar([=](int, int, int i, int j) {
                if (i < 0 || i >= rows || j < 0 || j >= keys) *outside = true;
                return (i + j) % 7 != 0;
            });
            p.run(domino::dense(domino::table(bools, rows, keys)) && functor, score);
            CHECK_FALSE(*outside);
        },
        [](call::problem& p, auto...) {
            p.keep = [](auto, auto, index_t i, index_t j) { return sees(i, j) && (i + j) % 7 != 0; };
        });
}

TEST_CASE("a tensor whose look-ups reach beyond it is clamped there", "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            const auto values = entries<std::int32_t>(rows, keys, sees);
            const auto table = domino::table(values.data(), rows, keys);
            p.run(table(q + 2, kv - 5) != 0, score);
        },
        [](call::problem& p, index_t rows, index_t keys) {
            p.keep = [=](auto, auto, index_t i, index_t j) {
                return sees(std::min(i + 2, rows - 1), std::clamp<index_t>(j - 5, 0, keys - 1));
            };
        });
}

namespace {

/// Masks of blocks, a table a head, of entries of any type; the shapes' heads share panels.
template <class T>
void check_blocks(index_t q_block, index_t kv_block) {
    INFO("blocks of " << q_block << " queries and " << kv_block << " keys");
    const auto live = [](index_t h, index_t i, index_t j) { return hash(3 * h + i, j) % 3 != 0; };
    compare_on_all_shapes(
        [=](call::problem& p, index_t rows, index_t keys) {
            const index_t q_blocks = (rows - 1) / q_block + 1, kv_blocks = (keys - 1) / kv_block + 1;
            const auto table = domino::tabulate<T>("live", live, p.s.heads, q_blocks, kv_blocks);
            const auto mask = domino::is_true(table(domino::h, q / q_block, kv / kv_block));
            p.run(mask, score);
            CHECK(p.difference() == "");
            p.run(domino::any_mask(domino::causal || mask), score);
            p.keep = [keep = p.keep](index_t b, index_t h, index_t i, index_t j) { return j <= i || keep(b, h, i, j); };
        },
        [=](call::problem& p, auto...) {
            p.keep = [=](auto, index_t h, index_t i, index_t j) { return live(h, i / q_block, j / kv_block); };
        });
}

}  // namespace

TEST_CASE("blocks of keys that share entries", "[attention][pairs]") {
    check_blocks<bool>(64, 64);
    check_blocks<bool>(1, 5);
    check_blocks<std::int8_t>(16, 16);
    check_blocks<std::int32_t>(7, 50);
    check_blocks<std::int64_t>(3, 32);
}

TEST_CASE("attnax's boolean tensors, whole or for each key", "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            const auto values =
                entries<std::int64_t>(rows, keys, [](index_t i, index_t j) { return std::int64_t{sees(i, j)} << 40; });
            p.run(domino::boolean_mask(values.data(), {1, 1, rows, keys}), score);
        },
        [](call::problem& p, auto...) { p.keep = [](auto, auto, index_t i, index_t j) { return sees(i, j); }; });
    compare_on_all_shapes(
        [](call::problem& p, auto, index_t keys) {
            const auto values = entries<std::int16_t>(p.s.batch, keys, sees);
            p.run(domino::boolean_mask(values.data(), {p.s.batch, 1, 1, keys}), score);
        },
        [](call::problem& p, auto...) { p.keep = [](index_t b, auto, auto, index_t j) { return sees(b, j); }; });
}

TEST_CASE("packed bits of any strides, to their last byte", "[attention][pairs]") {
    for (const index_t key_stride : {1, 3})
        for (const index_t gap : {0, 5}) {
            INFO("key stride " << key_stride << " gap " << gap);
            compare_on_all_shapes(
                [=](call::problem& p, index_t rows, index_t keys) {
                    const index_t row_stride = keys * key_stride + gap;
                    const index_t bits = (rows - 1) * row_stride + (keys - 1) * key_stride + 1;
                    std::vector<std::uint8_t> bytes(at((bits + 7) / 8));
                    for (index_t i = 0; i < rows; ++i)
                        for (index_t j = 0; j < keys; ++j) {
                            const index_t bit = i * row_stride + j * key_stride;
                            bytes[at(bit / 8)] |= static_cast<std::uint8_t>(sees(i, j) << bit % 8);
                        }
                    p.run(domino::packed_bits(bytes.data(), {1, 1, rows, keys}, {0, 0, row_stride, key_stride}), score);
                },
                [](call::problem& p, auto...) {
                    p.keep = [](auto, auto, index_t i, index_t j) { return sees(i, j); };
                });
        }
}

TEST_CASE("a bias below a cap, and a mask that is a tensor", "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            const auto values = entries<float>(rows, keys, number);
            const auto kept = entries<std::uint8_t>(rows, keys, sees);
            p.run(domino::dense(domino::table(kept.data(), rows, keys)),
                  domino::compose(domino::bias(domino::table(values.data(), rows, keys)), domino::softcap(3.f)));
        },
        [](call::problem& p, auto...) {
            p.keep = [](auto, auto, index_t i, index_t j) { return sees(i, j); };
            p.score = [](double x, auto, auto, index_t i, index_t j) {
                return 3 * std::tanh((x + double(number(i, j))) / 3);
            };
        });
}

TEST_CASE("more look-ups than may wait at once, of bools, integers and floats, one below another",
          "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            const auto floats = entries<float>(rows, keys, number);
            const auto bytes = entries<std::uint8_t>(rows, keys, [](index_t i, index_t j) { return hash(j, i) % 5; });
            const auto kept = entries<std::uint8_t>(rows, keys, sees);
            const std::vector<float> five{0.f, .5f, -1.f, 2.f, -.25f};
            const auto f = domino::table(floats.data(), rows, keys);
            const auto n = domino::table(bytes.data(), rows, keys);
            const auto k = domino::table(reinterpret_cast<const bool*>(kept.data()), rows, keys);
            const auto value = domino::table(five);
            const auto along = domino::table(five, "along");  // of a distance
            p.run(domino::full, where(k(q, kv), score + f(q, kv), score - f(q, kv)) + value(n(q, kv)) * 0.5f +
                                    n(q, kv) + along(kv - q + 2) + f(q, kv - 1));
        },
        [](call::problem& p, auto...) {
            p.score = [](double x, auto, auto, index_t i, index_t j) {
                const double five[] = {0., .5, -1., 2., -.25};
                const auto n = static_cast<index_t>(hash(j, i) % 5);
                return (sees(i, j) ? x + double(number(i, j)) : x - double(number(i, j))) + five[n] * 0.5 + double(n) +
                       five[std::clamp<index_t>(j - i + 2, 0, 4)] + double(number(i, std::max<index_t>(j - 1, 0)));
            };
        });
}

TEST_CASE("a look-up whose index reads the score, beside others", "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, index_t rows, index_t keys) {
            const auto floats = entries<float>(rows, keys, number);
            const auto f = domino::table(floats.data(), rows, keys);
            p.run(domino::full, score + f(q, kv + where(score > 0.f, 1, 0)) + f(q, kv - where(f(q, kv) > 0.f, 1, 0)));
        },
        [](call::problem& p, index_t, index_t keys) {
            p.score = [=](double x, auto, auto, index_t i, index_t j) {
                return x + double(number(i, std::min(j + (x > 0), keys - 1))) +
                       double(number(i, std::max<index_t>(j - (number(i, j) > 0), 0)));
            };
        });
}

TEST_CASE("T5's buckets by distance, of several heads", "[attention][pairs]") {
    compare_on_all_shapes(
        [](call::problem& p, auto...) {
            const auto values = entries<float>(8, p.s.heads, number);
            p.run(domino::causal || kv < 9, domino::t5_bias(domino::table(values.data(), 8, p.s.heads), true, 20));
        },
        [](call::problem& p, auto...) {
            p.keep = [](auto, auto, index_t i, index_t j) { return j <= i || j < 9; };
            p.score = [](double x, auto, index_t h, index_t i, index_t j) {
                return x + double(number(domino::t5_bucket(j - i, true, 8, 20), h));
            };
        });
}

TEST_CASE("a hidden key that is far larger than all others counts nothing, however few keys its tile has",
          "[attention][pairs]") {
    const index_t rows = 40, keys = 97;  // the last tile is one key, which one row sees
    call::problem p({1, 1, 1, rows, keys, 8, 8});
    inputs::random r{3};
    p.fill(r);
    std::fill_n(p.q.data(), rows * 8, 1.f);
    std::fill_n(p.k.data() + (keys - 1) * 8, 8, 100.f);
    const auto keep = [](index_t i, index_t j) { return j < keys - 1 ? (i + j) % 7 != 0 : i == 0; };
    p.keep = [=](auto, auto, index_t i, index_t j) { return keep(i, j); };
    p.score = [](double x, auto...) { return x; };
    const auto values = entries<std::int8_t>(rows, keys, keep);
    p.run(domino::dense(domino::table(values.data(), rows, keys)), score);
    CHECK(p.difference() == "");
    p.run(domino::any_mask(domino::dense(domino::table(values.data(), rows, keys))), score);
    CHECK(p.difference() == "");
}

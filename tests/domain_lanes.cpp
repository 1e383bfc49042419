// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lanes domain gives in each lane what the point domain gives there: rows of one head (consecutive positions), and
// rows of mixed heads (registers of heads and positions).
#include <domino/domain/lanes.hpp>
#include <domino/domino.hpp>
#include <domino/expression/known.hpp>
#include <random>

#include "bitboard.hpp"
#include "catch.hpp"

using namespace domino;

namespace {

constexpr auto width = static_cast<std::size_t>(simd::width);
template <class T>
using lane_array = std::array<T, width>;

/// A value of the lanes domain, lane by lane.
template <class T>
requires std::is_arithmetic_v<T>
auto unpack(T x) {
    lane_array<T> out;
    out.fill(x);
    return out;
}
auto unpack(consecutive x) {
    lane_array<index_t> out;
    for (std::size_t i = 0; i < width; ++i) out[i] = x.start() + static_cast<index_t>(i);
    return out;
}
auto unpack(simd::floats x) {
    lane_array<float> out;
    x.store_unaligned(out.data());
    return out;
}
auto unpack(simd::ints x) {
    lane_array<std::int32_t> out;
    x.store_unaligned(out.data());
    return out;
}
auto unpack(simd::bools x) {
    const auto ones = unpack(xsimd::select(x, simd::floats(1.f), simd::floats(0.f)));
    lane_array<bool> out;
    for (std::size_t i = 0; i < width; ++i) out[i] = ones[i] != 0.f;
    return out;
}

/// Truth values, integers (below 2^53) and floats, as numbers.
struct values {
    std::vector<double> lanes, points;

    void add(std::initializer_list<double> of_lanes, double of_point) {
        for (const double x : of_lanes) {
            lanes.push_back(x);
            points.push_back(of_point);
        }
    }
};

/// Floats may differ by `tolerance` of max(1, |value|), NaN equals NaN alone.
void compare(const values& v, double tolerance, const std::string& name) {
    int wrong = 0, reached = 0;
    for (std::size_t i = 0; i < v.points.size(); ++i) {
        const double x = v.lanes[i], y = v.points[i];
        if (x != x || y != y) wrong += (x != x) != (y != y);
        else wrong += !(x == y || std::abs(x - y) <= tolerance * std::max(1.0, std::abs(y)));
        reached += y != 0;
    }
    INFO(name);
    CHECK(wrong == 0);
    CHECK(reached > 0);  // else the positions test nothing
}

struct rows {
    lane_array<std::int32_t> h, q;
    lane_array<float> score;
    index_t kv;
};

/// 60 registers of rows: consecutive positions of one head, and any positions and heads.
std::vector<rows> draw(bool one_head) {
    std::mt19937 random(11);
    const auto below = [&](int n) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(n)); };
    std::vector<rows> all(60);
    for (rows& r : all) {
        r.kv = below(20);
        const std::int32_t head = below(3), first = below(12);
        for (std::size_t i = 0; i < width; ++i) {
            r.h[i] = one_head ? head : below(3);
            r.q[i] = one_head ? first + static_cast<std::int32_t>(i) : below(24);
            r.score[i] = 0.25f * static_cast<float>(below(64) - 32);
        }
    }
    return all;
}

/// Lanes that know what they evaluated before.
template <class Lanes>
struct knowing_lanes : Lanes {
    static auto known(auto value) { return value; }
};

/// The value at a point, whole and with what the row decides evaluated at another query first. (Not inlined: this file takes long
/// enough to compile.)
template <Expression E>
[[gnu::noinline]] std::array<double, 2> at_points(const E& e, const point& at) {
    const point before{at.b, at.h, 0, at.kv, 0.f};
    const auto of_row =
        knowing_all_but<axes::q | axes::score>(e, [&](const auto& of_key) { return evaluate(of_key, before); });
    return {static_cast<double>(evaluate(e, at)), static_cast<double>(evaluate(of_row, at))};
}

/// The value in each lane, whole and with what the rows decide evaluated at another key first.
template <Expression E, class Lanes>
void collect(const E& e, const Lanes& lanes, const rows& r, values& v) {
    knowing_lanes<Lanes> other{lanes};
    other.kv += 3;
    const auto of_keys =
        knowing_all_but<axes::kv | axes::score>(e, [&](const auto& of_rows) { return evaluate(of_rows, other); });
    const auto got = unpack(evaluate(e, lanes));
    const auto again = unpack(evaluate(of_keys, knowing_lanes<Lanes>{lanes}));
    using lane = typename decltype(got)::value_type;
    static_assert(std::is_same_v<value_t<E>, bool> == std::is_same_v<lane, bool>);
    static_assert(std::is_same_v<value_t<E>, float> == std::is_same_v<lane, float>);
    static_assert(std::is_same_v<decltype(got), decltype(again)>);
    for (std::size_t i = 0; i < width; ++i) {
        const auto [whole, of_row] = at_points(e, point{1, r.h[i], r.q[i], r.kv, r.score[i]});
        v.add({static_cast<double>(got[i]), static_cast<double>(again[i]), of_row}, whole);
    }
}

/// The truths of 64 keys of a row at once.
template <Expression E>
void collect_words(const E& e, values& v) {
    for (const index_t row : {0, 7, 23})
        for (const index_t head : {0, 2})
            for (const index_t start : {0, 3, 40}) {
                const std::uint64_t word = key_words::word_of(evaluate(e, key_words{1, head, row, {start}}));
                for (index_t j = 0; j < key_words::size; ++j)
                    v.add({static_cast<double>(word >> j & 1)}, at_points(e, point{1, head, row, start + j})[0]);
            }
}

template <Expression E>
void agree(const E& e, double tolerance = 0) {
    static const std::vector<rows> one_head = draw(true), mixed = draw(false);
    values v;
    for (const rows& r : one_head)
        collect(e,
                lanes<index_t, consecutive, simd::floats>{
                    1, r.h[0], {r.q[0]}, r.kv, simd::floats::load_unaligned(r.score.data())},
                r, v);
    for (const rows& r : mixed)
        collect(e,
                lanes<simd::ints, simd::ints, simd::floats>{1, simd::ints::load_unaligned(r.h.data()),
                                                            simd::ints::load_unaligned(r.q.data()), r.kv,
                                                            simd::floats::load_unaligned(r.score.data())},
                r, v);
    if constexpr (std::is_same_v<value_t<E>, bool> && !depends_on<E>(axes::score)) collect_words(e, v);
    compare(v, tolerance, to_string(e));
}

}  // namespace

TEST_CASE("placeholders, constants and arithmetic") {
    agree(b);
    agree(h);
    agree(q);
    agree(kv);
    agree(score);
    agree(q + 3);
    agree(3 + q);
    agree(q - 3);
    agree(3 - q);
    agree(q - kv);
    agree(kv - q);
    agree(q + kv);
    agree(q + q);
    agree(q - q + 1);
    agree(q * 3);
    agree(q * kv);
    agree(-q);
    agree(-(q - 5));
    agree(h * 100 + q);
    agree(b * 7 - h);
    agree(q + 1 - kv - 2);
    agree((q - 10) * (kv - 10) + h);
    agree(kv * kv - 3);
    agree(b + 2);
    agree(kv * 0.5f);
    agree(q * index_t{2});
}

TEST_CASE("integer division and modulo floor") {
    agree(q / 3);
    agree(q % 3);
    agree((q - 12) / 5);
    agree((q - 12) % 5);
    agree((q - 12) / -5);
    agree((q - 12) % -5);
    agree((q - 12) / (kv - 10));
    agree((q - 12) % (kv - 10));
    agree(kv / 4);
    agree((kv - 10) % 4);
    agree(q / 0 + 1);
    agree(q % 0 + 1);
    agree((kv - 9) / (q - 6));
    agree((kv - 9) % (q - 6));
    agree((q - kv) / (h + 1));
    agree(17 / (q + 1));
    agree(17 % (q + 1));
    agree(q / 4 == kv / 4);
    agree((q - kv) % 3 == 0);
}

TEST_CASE("comparisons, truth and choices") {
    agree(kv <= q);
    agree(kv < q);
    agree(q == kv);
    agree(q != kv);
    agree(q > kv);
    agree(q >= kv);
    agree(5 < q);
    agree(q <= 5);
    agree(h == 1);
    agree(h < kv - 8);
    agree(kv < 7);
    agree(score < 1.5f);
    agree(score == 0.25f);
    agree(q < score * 2.f);
    agree(q * 0.5f <= kv);
    agree(kv * 0.5f != q);
    agree(causal && q - kv < 4);
    agree(causal || kv < 3);
    agree(causal ^ (h == 1));
    agree(!causal);
    agree(!(q < 3 && kv > 2));
    agree(kv < 5 && causal);
    agree(kv < 5 || causal);
    agree((kv < 5) ^ causal);
    agree(causal && true);
    agree(causal ^ true);
    agree(h < 2 && b == 1);
    agree((q < 9) ^ (h == 1) ^ (kv == 3));
    agree(abs(q - kv));
    agree(abs(q - 7));
    agree(abs(score));
    agree(min(q, kv));
    agree(max(q, 7));
    agree(min(kv, 7));
    agree(clamp(q - kv, -3, 3));
    agree(min(q, 7.5f));
    agree(max(score, q));
    agree(min(score, 0.5f));
    agree(clamp(score, -1.f, 1.f));
    agree(where(kv <= q, q, kv));
    agree(where(causal, 1, 0));
    agree(where(kv < 5, q, 2 * q));
    agree(where(kv < 5, q, kv));
    agree(where(h == 1, kv < 4, causal));
    agree(where(kv < 4, causal, !causal));
    agree(where(causal, kv < 4, h < 2));
    agree(where(causal, q, 0.5f));
    agree(where(causal, score, -1.f));
    agree(where(q < 3, 1, 2.5f));
    agree(where(score < 0.f, q, kv));
    agree(where(causal, true, h == 0));
    agree(where(causal, -q, q));
    agree(where(causal, index_t{-1}, index_t{1} << 20));
}

TEST_CASE("floats, alone and beside integers") {
    agree(score + q);
    agree(score - 0.5f * (q - kv));
    agree(score * 2.f + 1.f);
    agree(-score);
    agree(score * score);
    agree(q * 0.25f);
    agree(kv * 0.5f + score);
    agree(q / 2 * 0.5f);
    agree(score * where(causal, 1, 0));
    agree(q - 0.5f);
    agree(h * 1.5f);
    constexpr double few_ulp = 5e-7;
    agree(score / 3.f);
    agree(q / 3.f);
    agree(score % 1.5f, few_ulp);
    agree(where(1.f / abs(score * 0.f) > 0.f, 1, 0));
    agree(where(1.f / -(q * 0.f) < 0.f, 1, 0));
    agree(score / (q + 1));
    agree(tanh(score), few_ulp);
    agree(tanh(q), few_ulp);
    agree(tanh(kv) + score, few_ulp);
    agree(exp(score), few_ulp);
    agree(exp(-abs(q - kv) * 0.25f), few_ulp);
    agree(log(abs(score) + 1.f), few_ulp);
    agree(log(q + 1), few_ulp);
    agree(sqrt(abs(score)));
    agree(sqrt(q));
    agree(softcap(5.f), few_ulp);
    agree(compose(softcap(5.f), score - 0.5f * abs(q - kv)), few_ulp);
}

TEST_CASE("a mask's products and remainders are rounded in lanes as they are at points") {
    for (const any_mask& m : {any_mask((q - kv) % 0.7f == 0.f), any_mask(q * 0.37f - kv * 0.37f < 0.37f),
                              any_mask((kv * 0.37f) % 1.3f < q % 1.7f)}) {
        std::uint64_t words[64] = {};
        m.set_bits({0, 0, {0, 64}, {0, 64}}, 0, words);
        int wrong = 0;
        for (index_t row = 0; row < 64; ++row)
            for (index_t key = 0; key < 64; ++key) wrong += (words[key] >> row & 1) != attends(m, 0, 0, row, key);
        CHECK(wrong == 0);
    }
}

TEST_CASE("tables of every type and shape") {
    constexpr index_t n = 40;
    const auto fill = [](auto x, index_t size) {
        using T = decltype(x);
        std::vector<T> out;
        for (index_t i = 0; i < size; ++i) out.push_back(static_cast<T>(i * 37 % 11 - (std::is_signed_v<T> ? 5 : 0)));
        return bitboard::kept_table(out);
    };
    const auto t8 = fill(std::int8_t{}, n);
    const auto u8 = fill(std::uint8_t{}, n);
    const auto t32 = fill(std::int32_t{}, n);
    const auto u32 = fill(std::uint32_t{}, n);
    const auto t64 = fill(std::int64_t{}, n);
    const auto real = fill(float{}, n);
    static bool flags[n];
    for (index_t i = 0; i < n; ++i) flags[i] = i * 5 % 7 < 3;
    const auto bits = table(flags);
    const auto each = [](const auto& t) {
        agree(t(q));
        agree(t(kv));
        agree(t(h));
        agree(t(q + 2));
        agree(t(2 * q));
        agree(t(abs(q - kv)));
        agree(t(q - 10));
        agree(t(q + 30));
        agree(t(kv - 10));
        agree(t(q) == t(kv));
        agree(t(3 - q));
        agree(t(b));
        agree(t(5));
    };
    const auto some = [](const auto& t) {
        agree(t(q));
        agree(t(kv));
        agree(t(2 * q));
        agree(t(q - 10));
        agree(t(q + 30));
    };
    each(t32);
    each(real);
    some(t8);
    some(u8);
    some(u32);
    some(t64);
    agree(bits(q));
    agree(bits(kv));
    agree(bits(h) || bits(q + 1));
    agree(bits(2 * q) ^ bits(kv));
    agree(!bits(q - 8));
    agree(where(bits(q), t32(q), t8(kv)));
    agree(real(q) * score + t32(h));

    static std::vector<std::int32_t> grid;
    static std::vector<float> cube;
    for (int i = 0; i < 3 * 64; ++i) grid.push_back(i * 7919 % 1000 + 1);
    for (int i = 0; i < 3 * 64; ++i) cube.push_back(0.5f * float(i * 31 % 97) + 0.5f);
    const auto two = table(grid.data(), 3, 64);
    const auto square = table(grid.data(), 12, 16);
    const auto transposed = table<std::int32_t, 2>(grid.data(), {16, 12}, {1, 16});
    const auto backward = table<std::int32_t, 1>(grid.data() + 63, {64}, {-1});
    const auto stretched = table<float, 2>(cube.data(), {3, 64}, {0, 1});
    const auto strided = table<float, 1>(cube.data(), {48}, {4});
    const auto four = table<float, 4>(cube.data(), {2, 3, 8, 4}, {96, 32, 4, 1});
    agree(two(b, q));
    agree(two(b, kv));
    agree(two(h, q));
    agree(two(h, kv));
    agree(two(h, q) == two(h, kv));
    agree(two(2, q + 1));
    agree(square(q, kv));
    agree(square(kv, q));
    agree(square(q / 2, kv / 2));
    agree(square(kv - 4, q - 3));
    agree(square(h, kv));
    agree(transposed(q, kv));
    agree(transposed(kv, q));
    agree(backward(q));
    agree(backward(kv));
    agree(stretched(h, q));
    agree(stretched(b, q) + stretched(b, kv));
    agree(strided(q));
    agree(strided(2 * q + 1));
    agree(four(b, h, q, kv));
    agree(four(b, h, kv, q));
    agree(same_document(t32));
    agree(causal_by_position(t32, t64));
    agree(alibi(real));
    agree(bias(stretched));
}

TEST_CASE("a look-up on the diagonal reads the diagonal") {
    std::vector<std::int32_t> grid;
    for (int i = 0; i < 40 * 40; ++i) grid.push_back(i);
    const auto t = table(grid.data(), 40, 40);
    agree(t(q, q));
    agree(t(q + 1, q));
    agree(t(q, q - 1) == t(kv, q));
}

TEST_CASE("functors of plain integers, and erased masks") {
    agree(scalar([](int b_, int h_, int q_, int kv_) { return (b_ + h_ + q_ * kv_) % 3 == 0; }));
    agree(causal && scalar([](int, int h_, int q_, int) { return (q_ + h_) % 2 == 0; }));
    agree(scalar([](float s, int, int h_, int q_, int kv_) { return s + float(h_ * q_ - kv_); }));
    agree(offset(as_mask([](int, int, int q_, int kv_) { return q_ > kv_; }), 3, 1));
    agree(any_mask(causal));
    agree(any_mask(last_n(4)) || any_mask(kv < 3));
    agree(offset(any_mask(chunked(4)), 2));
}

TEST_CASE("a register of wide masks is right in every lane of a window") {
    for (const index_t n : {0, 1, 2, 7, 100}) agree(last_n(n) || kv == 0);
    for (const index_t n : {1, 2, 3, 7}) agree(chunked_causal(n));
    agree(band(3, 2));
    agree(prefix_lm(4));
    agree(left_padding(3));
    agree(causal_with_offset(h * 2 - 1));
}

TEST_CASE("masks of floats say the same in lanes as point by point") {
    std::vector<float> numbers;
    for (int i = 0; i < 512; ++i) numbers.push_back(i % 7 == 3 ? std::nanf("") : static_cast<float>(i % 40) * 1.1f);
    const auto t = table(numbers.data(), 512);
    const auto same = [](const any_mask& m, const any_mask& expected) {
        int wrong = 0;
        for (index_t first = 0; first < 512; first += 64) {
            std::vector<std::uint64_t> keys(1024);
            m.set_bits({0, 0, {first, first + 64}, {0, 1024}}, 0, keys.data());
            for (index_t row = 0; row < 64; ++row)
                for (index_t key = 0; key < 1024; ++key)
                    wrong += (keys[static_cast<std::size_t>(key)] >> row & 1) !=
                             std::uint64_t{evaluate(expected, point{0, 0, first + row, key})};
        }
        CAPTURE(to_string(m));
        CHECK(wrong == 0);
    };
    const auto agrees = [&](const any_mask& m) { same(m, m); };
    // NaN differs from everything
    agrees(t(kv) != t(q));
    agrees(t(q) != 1.f);
    agrees(!(t(kv) == t(q)));
    // products are rounded, whatever is added to them
    agrees(q * 1.1f - kv * 1.1f >= 0.f);
    agrees(t(q) * t(q) - t(kv) * t(kv) >= 0.f);
    // all of float's range
    agrees(exp(q * 0.f + kv * 0.1f) < 3.2e38f);
    agrees(exp(-0.5f * (kv - q)) > 0.f);
    // of equal numbers, whether all rows share them or not
    same(log(kv + 1) <= log(q + 1), causal);
    same(exp(kv * 0.01f) <= exp(q * 0.01f), causal);
    same(tanh(kv * 0.001f) <= tanh(q * 0.001f), causal);
}

TEST_CASE("data with an entry for each pair, in words of keys") {
    constexpr index_t rows = 24, columns = 110;  // key 40 + 63 lies inside, 104 and on do not
    const auto entry = [](index_t i, index_t j) { return (7 * i + 3 * j) % 10; };
    const auto flags = tabulate<bool>(
        "flags", [=](index_t i, index_t j) { return entry(i, j) < 6; }, rows, columns);
    const auto bytes = tabulate<std::int8_t>("bytes", entry, rows, columns);
    const auto words = tabulate<std::int32_t>("words", entry, rows, columns);
    const auto wide = tabulate<std::int64_t>("wide", entry, rows, columns);
    const auto real = tabulate<float>(
        "real", [=](index_t i, index_t j) { return 0.5f * static_cast<float>(entry(i, j)); }, rows, columns);
    agree(dense(flags));
    agree(dense(bytes));
    agree(dense(wide));
    agree(!dense(flags) || kv < q);
    agree(dense(flags) ^ (dense(words) && h == 2));
    agree(!(dense(flags) ^ (kv % 2 == 0)));
    agree(flags(q, kv - 9) || flags(q, kv + 30));  // partly beyond the table
    agree(flags(q - 5, kv) && flags(kv, q));
    agree(words(q, kv) < bytes(q, kv + 1));
    agree(where(flags(q, kv), words(q, kv), 2 * q) > 7);
    agree(where(flags(q, kv), kv<40, q> 3));
    agree(real(q, kv) * 2.f + bytes(q, kv) > 6.f);
    agree(real(q, 2 * kv) > 1.f && words(q, words(q, kv)) > 3);
    agree(wide(q, kv) % 3 == 0 && dense(flags));
    agree(dense(flags) && true);
    agree(dense(flags) && scalar([](int, int h_, int q_, int kv_) { return (q_ + h_ + kv_) % 3 == 0; }));

    static std::vector<std::uint8_t> packed((rows * (columns + 3) + 7) / 8);  // rows begin at any bit
    for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < columns; ++j) {
            const index_t bit = i * (columns + 3) + j;
            packed[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>((entry(i, j) < 4) << bit % 8);
        }
    const auto bits = packed_bits(packed.data(), {1, 1, rows, columns}, {0, 0, columns + 3, 1});
    agree(bits);
    agree(bits && causal);
    agree(offset(bits, 2, 0) || dense(flags));
}

TEST_CASE("bits of registers, and their transpose") {
    std::mt19937_64 random(5);
    for (std::uint32_t i = 0; i < 100; ++i) {
        const auto bits = static_cast<std::uint32_t>(random()) & (~0u >> (32 - width));
        CHECK(simd::to_bits(simd::from_bits(bits)) == bits);
        const auto lanes = unpack(simd::from_bits(bits));
        for (std::size_t lane = 0; lane < width; ++lane) CHECK(lanes[lane] == ((bits >> lane & 1) != 0));
    }
    std::uint8_t bytes[64];
    for (std::uint8_t& x : bytes) x = static_cast<std::uint8_t>(random() % 3 * 100);
    for (int i = 0; i < 64; ++i) CHECK((simd::not_zero(bytes) >> i & 1) == (bytes[i] != 0));

    const auto transposes = [&]<int rows>(std::integral_constant<int, rows>) {
        std::uint64_t from[rows], to[64];
        for (std::uint64_t& x : from) x = random();
        for (const index_t eights : {1, 3, 8}) {
            std::fill_n(to, 64, 77);
            simd::transpose_bits<rows>(from, eights, to);
            for (index_t j = 0; j < 64; ++j)
                for (int i = 0; i < 64; ++i)
                    if (j < 8 * eights) CHECK((to[j] >> i & 1) == (i < rows ? from[i] >> j & 1 : 0));
                    else CHECK(to[j] == 77);
        }
    };
    transposes(std::integral_constant<int, 8>{});
    transposes(std::integral_constant<int, 16>{});
    transposes(std::integral_constant<int, 32>{});
}

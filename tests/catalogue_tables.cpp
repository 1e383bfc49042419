// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Summaries of tables of any rank and strides against a plain loop, tables that own their entries, bits; and that a mask
// whose leaves were visited to be replaced does not answer from what it knew before.
#include <domino/mask/builders.hpp>
#include <domino/mask/interop.hpp>
#include <domino/mask/mask.hpp>
#include <domino/tile/compare.hpp>
#include <domino/tile/stats.hpp>
#include <random>

#include "catch.hpp"

using namespace domino;

namespace probe {
struct visitor {
    int seen = 0;
};
template <Expression E>
void visit_leaves(E&, visitor& v) {
    ++v.seen;
}
}  // namespace probe

namespace {

/// Boxes of a table whose hull is not exactly its entries' minimum and maximum, of `draws` random ones.
template <class T, std::size_t Rank>
int wrong_boxes(const table_view<T, Rank>& t, int draws) {
    std::mt19937 random(5);
    int wrong = 0;
    for (int draw = 0; draw < draws; ++draw) {
        std::array<interval, Rank> box;
        for (std::size_t i = 0; i < Rank; ++i) {
            const auto x = index_t(random() % unsigned(t.extent(i))), y = index_t(random() % unsigned(t.extent(i)));
            box[i] = {std::min(x, y), std::max(x, y)};
        }
        index_t least = interval::most, most = interval::least;
        std::array<index_t, Rank> at;
        for (std::size_t i = 0; i < Rank; ++i) at[i] = box[i].lo;
        for (bool more = true; more;) {
            const auto entry = static_cast<index_t>(std::apply([&](auto... i) { return t.at(i...); }, at));
            least = std::min(least, entry), most = std::max(most, entry);
            more = false;
            for (std::size_t i = Rank; i-- > 0 && !more;) {
                more = ++at[i] <= box[i].hi;
                if (!more) at[i] = box[i].lo;
            }
        }
        const auto hull = std::apply([&](auto... i) { return t.over(i...); }, box);
        if constexpr (std::is_same_v<T, bool>) wrong += hull.may != (most == 1) || hull.must != (least == 1);
        else wrong += hull.lo != least || hull.hi != most;
    }
    return wrong;
}

}  // namespace

TEST_CASE("the hull of a box, for any rank, strides and broadcast axes") {
    std::vector<std::int16_t> values(6000);
    std::mt19937 random(4);
    for (auto& x : values) x = static_cast<std::int16_t>(random() % 2000);
    CHECK(wrong_boxes(table<std::int16_t, 1>(values.data() + 5999, {750}, {-8}), 300) == 0);
    CHECK(wrong_boxes(table<std::int16_t, 2>(values.data(), {70, 80}, {1, 75}), 300) == 0);
    CHECK(wrong_boxes(table<std::int16_t, 3>(values.data(), {4, 9, 100}, {1000, 101, 1}), 300) == 0);
    CHECK(wrong_boxes(table<std::int16_t, 4>(values.data(), {3, 4, 5, 90}, {1500, 350, 2, 3}), 300) == 0);
    CHECK(wrong_boxes(table<std::int16_t, 4>(values.data(), {3, 4, 5, 90}, {0, 350, 0, 3}), 300) == 0);
    CHECK(wrong_boxes(table<std::int16_t, 3>(values.data(), {7, 9, 33}, {500, 40, 0}), 300) == 0);
    const auto bits = tabulate<bool>(
        "bits", [](index_t i, index_t j, index_t k) { return (i * 7 + j * 3 + k) % 41 != 0; }, 5, 6, 70);
    CHECK(wrong_boxes(bits, 400) == 0);
    // Too many rows to ask: what all are.
    const auto tall = tabulate<std::int8_t>(
        "tall", [](index_t i, index_t) { return i == 299 ? 3 : 1; }, 300, 2);
    CHECK(tall.over(interval{0, 298}, interval{0, 1}) == interval{1, 3});
    CHECK(tall.over(interval{0, 255}, interval{0, 1}) == interval{1, 1});
}

TEST_CASE("a table made by tabulate owns its entries") {
    const auto make_mask = [] {
        const auto last = tabulate<std::int32_t>(
            "last", [](index_t i) { return i / 3 * 3; }, 12);
        return kv <= last(q);
    };
    const auto m = make_mask();  // the table itself is gone
    CHECK(compare(m, kv <= q / 3 * 3, {1, 1, 12, 12}).equal());
    const auto copy = m;
    CHECK(attends(copy, 0, 0, 11, 9));
    CHECK(tabulate<float>(
              "none", [](index_t) { return 1.f; }, 0)
              .empty());
    CHECK_THROWS_AS(tabulate<float>(
                        "negative", [](index_t) { return 1.f; }, -1),
                    invalid_argument);
}

TEST_CASE("bits are decided by bytes, whatever their strides") {
    std::mt19937 random(9);
    std::vector<std::uint8_t> bytes(700);
    for (auto& x : bytes) x = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 2 ? 0xff : 0);
    for (const auto& [extents, strides] :
         {std::pair<std::array<index_t, 4>, std::array<index_t, 4>>{{2, 2, 13, 50}, {1300, 650, 50, 1}},
          {{2, 2, 13, 50}, {0, 800, 61, 1}},
          {{1, 1, 40, 70}, {0, 0, 1, 41}},
          {{2, 3, 9, 17}, {2000, 600, 64, 3}}}) {
        const auto m = packed_bits(bytes.data(), extents, strides);
        int wrong = 0, decided = 0;
        for (int draw = 0; draw < 2000; ++draw) {
            const auto pick = [&](index_t n) {
                const auto x = index_t(random() % unsigned(n)), size = index_t(random() % 12) + 1;
                return span{x, std::min(x + size, n)};
            };
            const tile t{0, extents[1] - 1, pick(extents[2]), pick(extents[3])};
            index_t kept = 0;
            for (index_t row = t.q.begin; row < t.q.end; ++row)
                for (index_t key = t.kv.begin; key < t.kv.end; ++key) {
                    const index_t bit = (extents[1] - 1) * strides[1] + row * strides[2] + key * strides[3];
                    kept += bytes[static_cast<std::size_t>(bit / 8)] >> (bit % 8) & 1;
                }
            const auto is = kept == 0 ? tile_kind::empty : kept == t.pairs() ? tile_kind::full : tile_kind::partial;
            wrong += classify(m, t) != is;
            decided += is != tile_kind::partial;
        }
        CHECK(wrong == 0);
        CHECK(decided > 100);
    }
}

TEST_CASE("a mask whose leaves may have been replaced is decided by its ranges alone") {
    auto m = natten({8, 8}, {3, 3});
    const tile t{.q = {14, 18}, .kv = {3, 5}};
    CHECK(classify(m, t) == tile_kind::empty);
    probe::visitor v;
    m.visit_leaves(v);
    CHECK(v.seen == 1);
    CHECK(classify(m, t) == tile_kind::partial);
    CHECK(classify(offset(m, 0, 0), t) == tile_kind::partial);
    CHECK(attends(m, 0, 0, 9, 0));
}

TEST_CASE("tensors without entries are refused by a call, and read nowhere") {
    const auto bits = packed_bits(nullptr, {0, 1, 4, 4}, {0, 0, 4, 1});
    CHECK_FALSE(attends(bits, 0, 0, 1, 1));
    CHECK_FALSE(attends(packed_bits(nullptr, {0, 1, 4, 4}, {16, 0, 4, 1}), 0, 0, 1, 1));
    CHECK_THROWS_AS(stats(bits, {1, 1, 4, 4}), invalid_argument);
    CHECK_THROWS_AS(stats(packed_bits(nullptr, {1, 1, 4, 0}, {16, 0, 4, 0}), {1, 1, 4, 4}), invalid_argument);
    const auto bools = boolean_mask(static_cast<const bool*>(nullptr), {1, 0, 4, 4});
    CHECK_FALSE(attends(bools, 0, 0, 1, 1));
    CHECK_THROWS_AS(stats(bools, {1, 1, 4, 4}), invalid_argument);
    constexpr index_t huge = index_t{1} << 32;
    CHECK_THROWS_AS(flashinfer_packed_mask(nullptr, 1, huge, huge), invalid_argument);
    CHECK(classify(batchify(causal, 1), {0, 0, {0, huge}, {0, huge}}) == tile_kind::partial);
}

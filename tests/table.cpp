// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tables: the hull of any stretch against a plain loop, clamped look-ups, views of every kind, and errors.
#include <domino/domino.hpp>
#include <memory>
#include <random>
#include <span>

#include "catch.hpp"

using namespace domino;

namespace {

/// The message of the exception that `call` throws, or "".
template <class F>
std::string message(F call) {
    try {
        call();
    } catch (const invalid_argument& e) { return e.what(); }
    return "";
}
bool says(const std::string& text, std::initializer_list<const char*> words) {
    for (const char* word : words)
        if (text.find(word) == std::string::npos) return false;
    return true;
}

template <class T>
std::vector<T> random_entries(index_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<T> out;
    for (index_t i = 0; i < n; ++i)
        out.push_back(static_cast<T>(static_cast<int>(random() % 200) - (std::is_signed_v<T> ? 100 : 0)));
    return out;
}

/// Counts the stretches [lo, hi] whose hull is not exactly the minimum and maximum, over every lo and every `step`-th hi.
template <class T>
int wrong_hulls(const std::vector<T>& entries, index_t step) {
    const auto t = table(entries);
    const index_t n = std::ssize(entries);
    int wrong = 0;
    for (index_t lo = 0; lo < n; ++lo) {
        auto least = t.at(lo), most = least;
        for (index_t hi = lo; hi < n; ++hi) {
            least = std::min(least, t.at(hi));
            most = std::max(most, t.at(hi));
            if ((hi - lo) % step != 0) continue;
            const auto hull = t.over(interval{lo, hi});
            wrong += hull.lo != least || hull.hi != most;
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("the hull of a stretch is its minimum and maximum, for every length to 300") {
    for (index_t n = 1; n <= 300; ++n) {
        INFO(n);
        CHECK(wrong_hulls(random_entries<std::int32_t>(n, unsigned(n)), n <= 132 ? 1 : 5) == 0);
    }
    for (const index_t n : {31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 255, 256, 257, 1000}) {
        INFO(n);
        CHECK(wrong_hulls(random_entries<float>(n, 1), 3) == 0);
        CHECK(wrong_hulls(random_entries<std::int8_t>(n, 2), 3) == 0);
        CHECK(wrong_hulls(random_entries<std::uint8_t>(n, 3), 3) == 0);
        CHECK(wrong_hulls(random_entries<std::int64_t>(n, 4), 3) == 0);
    }
}

TEST_CASE("stretches of a long table, and of rows of a matrix with a pitch") {
    constexpr index_t rows = 7, columns = 333, pitch = 350;
    const auto entries = random_entries<std::int32_t>(rows * pitch, 5);
    const auto t = table<std::int32_t, 2>(entries.data(), {rows, columns}, {pitch, 1});
    std::mt19937 random(6);
    const auto pick = [&](index_t n) {
        const index_t x = index_t(random() % unsigned(n)), y = index_t(random() % unsigned(n));
        return interval{std::min(x, y), std::max(x, y)};
    };
    int wrong = 0;
    for (int draw = 0; draw < 3000; ++draw) {
        const interval i = pick(rows), j = pick(columns);
        interval want{1000, -1000};
        for (index_t r = i.lo; r <= i.hi; ++r)
            for (index_t c = j.lo; c <= j.hi; ++c)
                want = {std::min<index_t>(want.lo, entries[std::size_t(r * pitch + c)]),
                        std::max<index_t>(want.hi, entries[std::size_t(r * pitch + c)])};
        wrong += t.over(i, j) != want;
    }
    CHECK(wrong == 0);
    // other strides and ranks know nothing, which is sound
    const auto transposed = table<std::int32_t, 2>(entries.data(), {columns, rows}, {1, pitch});
    CHECK(transposed.at(index_t{3}, index_t{2}) == entries[2 * pitch + 3]);
    CHECK(transposed.over(interval{0, 0}, interval{0, 0}).contains(entries[0]));
    CHECK(table<std::int32_t, 1>(entries.data() + 9, {10}, {-1}).at(index_t{4}) == entries[5]);
    CHECK(table<std::int32_t, 3>(entries.data(), {2, 3, 4}, {0, 4, 1}).at(index_t{1}, index_t{2}, index_t{3}) ==
          entries[11]);
}

/// Counts the boxes of matrices, of which all entries but one are alike, whose hull is not the join of their entries.
template <class T>
int wrong_boxes(T usual, T other) {
    int wrong = 0;
    for (index_t rows = 1; rows <= 3; ++rows)
        for (index_t columns : {1, 15, 16, 17, 31, 32, 33, 40, 50})
            for (index_t odd = 0; odd < rows * columns; ++odd) {
                const auto entries = std::make_unique<T[]>(static_cast<std::size_t>(rows * columns));
                std::fill_n(entries.get(), rows * columns, usual);
                entries[static_cast<std::size_t>(odd)] = other;
                const auto t = table(static_cast<const T*>(entries.get()), rows, columns);
                for (index_t top = 0; top < rows; ++top)
                    for (index_t left = 0; left < columns; ++left) {
                        auto expected = t.over(interval{top, top}, interval{left, left});
                        for (index_t row = top; row < rows; ++row)
                            for (index_t column = left; column < columns; ++column)
                                expected = join(expected, t.over(interval{row, row}, interval{column, column}));
                        wrong += !(t.over(interval{top, rows - 1}, interval{left, columns - 1}) == expected);
                    }
            }
    return wrong;
}

TEST_CASE("one other entry, wherever it is, is in the hull of a matrix") {
    CHECK(wrong_boxes<std::uint8_t>(0, 1) == 0);
    CHECK(wrong_boxes<std::uint8_t>(1, 0) == 0);
    CHECK(wrong_boxes<std::int32_t>(0, 7) == 0);
    CHECK(wrong_boxes<std::int32_t>(-3, 0) == 0);
    CHECK(wrong_boxes<float>(0.f, 1.f) == 0);
    CHECK(wrong_boxes<bool>(true, false) == 0);
    CHECK(wrong_boxes<bool>(false, true) == 0);
}

TEST_CASE("a batch of documents whose last begins within the last entries: no row sees another's") {
    for (const index_t batch : {1, 2})
        for (const index_t len : {17, 100, 111}) {
            std::vector<std::int32_t> ids(static_cast<std::size_t>(batch * len), 0);
            for (index_t i = 0; i < batch * len; ++i) ids[static_cast<std::size_t>(i)] = i % len >= len / 16 * 16;
            const auto mask = same_document(table(ids, batch, len));
            CHECK(classify(mask, tile{0, 0, {0, len}, {0, len}}) == tile_kind::partial);
        }
}

TEST_CASE("NaN entries: a hull that holds one says so, and no comparison is decided by it") {
    std::vector<float> entries(100, 1.f);
    entries[70] = std::nanf("");
    entries[5] = -std::numeric_limits<float>::infinity();
    const auto t = table(entries);
    for (const auto& [lo, hi] : {std::pair<index_t, index_t>{70, 70}, {0, 99}, {64, 95}, {33, 98}})
        CHECK(t.over(interval{lo, hi}).nan);
    for (const auto& [lo, hi] : {std::pair<index_t, index_t>{0, 69}, {71, 99}, {64, 69}})
        CHECK_FALSE(t.over(interval{lo, hi}).nan);
    for (std::size_t place = 0; place < 48; ++place) {
        std::vector<float> one(48, float(place));
        one[place] = std::nanf("");
        for (index_t first = 0; first < 48; first += 16)
            CHECK(table(one).over(interval{first, first + 15}).nan == (first == index_t(place) / 16 * 16));
    }
    CHECK(t.over(interval{0, 40}).lo == entries[5]);
    CHECK(classify(t(kv) > 0.f, {0, 0, 0, {6, 70}}) == tile_kind::full);
    CHECK(classify(t(kv) > 0.f, {0, 0, 0, {6, 71}}) == tile_kind::partial);
    CHECK(classify(t(kv) == t(kv), {0, 0, 0, {60, 80}}) == tile_kind::partial);
    CHECK_FALSE(attends(t(kv) == t(kv), 0, 0, 0, 70));
}

TEST_CASE("bools are truth values") {
    static const bool flags[70] = {true, true, false};
    const auto t = table(flags);
    CHECK(classify(t(kv), {0, 0, 0, {0, 2}}) == tile_kind::full);
    CHECK(classify(t(kv), {0, 0, 0, {0, 3}}) == tile_kind::partial);
    CHECK(classify(t(kv), {0, 0, 0, {2, 70}}) == tile_kind::empty);
    CHECK(attends(t(kv) && !t(q), 0, 0, 2, 1));
    for (std::size_t place = 0; place < 16; ++place) {
        bool one[16] = {}, all_but_one[16];
        one[place] = true;
        for (std::size_t i = 0; i < 16; ++i) all_but_one[i] = i != place;
        CHECK(table(one).over(interval{0, 15}) == truth::unknown());
        CHECK(table(all_but_one).over(interval{0, 15}) == truth::unknown());
    }
}

TEST_CASE("an unsigned entry beyond an index is negative, in a hull as at a point") {
    std::vector<std::uint64_t> entries(70);
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = i % 9 == 4 ? ~std::uint64_t{0} : i;
    CHECK(wrong_hulls(entries, 1) == 0);
    const auto mask = table(entries)(kv) == 5;
    CHECK(attends(mask, 0, 0, 0, 5));
    CHECK(classify(mask, {.q = 0, .kv = {3, 14}}) == tile_kind::partial);
}

TEST_CASE("look-ups are clamped into the table at points and in ranges") {
    const std::vector<int> entries{10, 20, 30};
    const auto t = table(entries);
    CHECK(t.at(index_t{-5}) == 10);
    CHECK(t.at(index_t{99}) == 30);
    CHECK(t.over(interval{-5, -1}) == interval{10, 10});
    CHECK(t.over(interval{2, 99}) == interval{30, 30});
    CHECK(t.over(interval{-9, 1}) == interval{10, 20});
    CHECK(attends(t(kv - 5) == 10, 0, 0, 0, 0));
}

TEST_CASE("an empty table answers 0 and reads nothing") {
    const auto t = table(static_cast<const int*>(nullptr), 0);
    CHECK(t.at(index_t{3}) == 0);
    CHECK(t.over(interval{0, 9}) == interval{0, 0});
    const auto two = table(static_cast<const float*>(nullptr), 0, 5);
    CHECK(two.at(index_t{0}, index_t{0}) == 0.f);
    CHECK(stats(t(kv) == 0, {1, 1, 0, 0}).pairs == 0);
    CHECK(says(message([&] { stats(t(kv) == 0, {1, 1, 1, 1}); }), {"table", "0 entries"}));
}

TEST_CASE("views of pointers, vectors, arrays and spans see the buffer, not a copy") {
    std::vector<int> entries{1, 2, 3};
    int raw[] = {1, 2, 3};
    std::array<int, 3> fixed{1, 2, 3};
    const auto from_vector = table(entries), from_array = table(raw), from_fixed = table(fixed);
    const auto from_span = table(std::span<const int>(entries)), from_pointer = table(entries.data(), 3);
    for (const auto* t : {&from_vector, &from_array, &from_fixed, &from_span, &from_pointer}) {
        CHECK(t->extent(0) == 3);
        CHECK(t->at(index_t{1}) == 2);
        CHECK(t->name() == "table");
    }
    entries[1] = 7;
    CHECK(from_vector.at(index_t{1}) == 7);
    CHECK(table(entries, "ids").name() == "ids");
}

TEST_CASE("a vector as rows and columns; who owns nothing is refused") {
    const std::vector<int> entries{1, 2, 3, 4, 5, 6};
    const auto t = table(entries, 2, 3, "six");
    CHECK(t.at(index_t{1}, index_t{0}) == 4);
    CHECK(t.name() == "six");
    CHECK_THROWS_WITH(table(entries, 2, 4), "domino: table data: expected 2 x 4 entries, got 6");
    CHECK_THROWS_WITH(table(entries, -2, 3), "domino: table rows: expected at least 0, got -2");
    const std::shared_ptr<std::vector<int>> nobody;
    CHECK_THROWS_WITH(table(nobody), "domino: table data: expected a vector, got null");
    CHECK_THROWS_WITH(table(nobody, 2, 3), "domino: table data: expected a vector, got null");
}

TEST_CASE("numbers that an index cannot hold, and cuts of no length") {
    CHECK_THROWS_WITH(kv < ~std::uint64_t{0},
                      "domino: a number of an expression: expected at most 2^63 - 1, got 18446744073709551615");
    CHECK(attends(kv < (~std::uint64_t{0} >> 1), 0, 0, 0, 5));
    CHECK_THROWS_WITH(cut::every(0), "domino: cut::every(n): expected at least 1, got 0");
    CHECK_THROWS_WITH(cut::lines(0), "domino: cut::lines(n): expected at least 1, got 0");
}

TEST_CASE("by_row: one row for all batch entries, or a row for each") {
    const std::vector<int> entries{1, 2, 3, 4, 5, 6};
    const auto shared = by_row(table(entries), kv);
    const auto own = by_row(table(entries.data(), 2, 3), kv);
    CHECK(evaluate(shared, point{1, 0, 0, 2}) == 3);
    CHECK(evaluate(own, point{1, 0, 0, 2}) == 6);
    CHECK_FALSE(depends_on<decltype(shared)>(axes::b));
    CHECK(depends_on<decltype(own)>(axes::b));
}

TEST_CASE("a bare look-up must cover the call's shape, and the error names the table") {
    const std::vector<int> entries(10, 1);
    const auto ids = table(entries, "segment ids");
    const auto batch_ids = table(entries.data(), 2, 5, "batch ids");
    CHECK(stats(same_document(ids), {1, 1, 10, 10}).visible == 100);
    for (const mask_shape shape : {mask_shape{1, 1, 11, 10}, {1, 1, 10, 11}}) {
        CHECK(
            says(message([&] { stats(same_document(ids), shape); }), {"table 'segment ids'", "0 to 10", "10 entries"}));
        CHECK(says(message([&] { materialize(same_document(ids), shape); }), {"table 'segment ids'"}));
        CHECK(says(message([&] { materialize_bits(any_mask(same_document(ids)), shape); }), {"table 'segment ids'"}));
        CHECK(says(message([&] { visualize(causal && same_document(ids), shape); }), {"table 'segment ids'"}));
    }
    CHECK(stats(same_document(batch_ids), {2, 3, 5, 5}).visible == 150);
    CHECK(says(message([&] {
                   stats(same_document(batch_ids), {3, 1, 5, 5});
               }),
               {"table 'batch ids'", "dimension 0", "2 entries"}));
    CHECK(says(message([&] {
                   stats(same_document(batch_ids), {2, 1, 5, 6});
               }),
               {"table 'batch ids'", "dimension 1", "5 entries"}));
    CHECK(stats(ids(kv + 0) == 1, {1, 1, 20, 20}).visible == 400);  // not bare: clamped
}

TEST_CASE("each bare index must be covered, whatever stands beside it") {
    const std::vector<float> values(3 * 7, 1.f);
    const auto of_heads = score + table(values.data(), 3, 7, "bias")(h, kv - q + 3);
    const auto inspected = [&](index_t heads) {
        return message([&] { detail::inspect(of_heads, mask_shape{1, heads, 5, 5}.all(), "score_mod"); });
    };
    CHECK(inspected(3).empty());
    CHECK(says(inspected(4), {"table 'bias'", "0 to 3", "dimension 0", "3 entries"}));
}

TEST_CASE("a box of many rows is within what all entries are") {
    const std::vector<std::int64_t> positions(300 * 5, 4);
    const auto t = table(positions.data(), 300, 5);
    const tile all{{0, 300}, 0, {0, 5}, {0, 5}};
    CHECK(detail::fits_lanes(detail::inspect(t(b, kv) <= t(b, q), all)));
    CHECK(detail::fits_lanes(detail::inspect(last_n_by_position(3, t, t), all)));
    CHECK(classify(t(b, kv) == 4, all) == tile_kind::full);
    CHECK(classify(t(b, kv) == 5, all) == tile_kind::empty);
}

TEST_CASE("wrong tables are refused") {
    const int one = 1;
    CHECK(says(message([] { table(static_cast<const int*>(nullptr), 3); }), {"table data", "null"}));
    CHECK(says(message([] { table(static_cast<const float*>(nullptr), 3, 2); }), {"table data", "null"}));
    CHECK(says(message([&] { table(&one, -1); }), {"table extent", "at least 0", "-1"}));
    CHECK(says(message([&] { table(&one, 2, -3); }), {"table extent", "-3"}));
    constexpr index_t huge = index_t{1} << 40;
    CHECK_FALSE(message([&] { table<int, 2>(&one, {huge, huge}, {0, 0}); }).empty());
    // strides, too, must be products that fit, though there be no entries
    const auto zero = [](index_t...) { return 0; };
    CHECK(says(message([&] { tabulate<int>("none", zero, 0, huge, huge); }), {"tabulate extents", "60 bits"}));
    CHECK(says(message([&] { tabulate<int>("none", zero, huge, huge, 0); }), {"tabulate extents", "60 bits"}));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The walk over a row block's keys, and the counts of stats, against loops over every element.
#include <domino/tile/stats.hpp>
#include <limits>
#include <random>

#include "bitboard.hpp"
#include "catch.hpp"

using namespace domino;
using bitboard::leaf;

namespace {

struct block {
    tile rows;
    index_t grain;
};

std::vector<block> blocks() {
    std::mt19937 random(3);
    const auto below = [&](index_t n) { return index_t(random() % std::uint64_t(n)); };
    std::vector<block> all;
    for (int i = 0; i < 60; ++i) {
        const index_t row = below(30), key = below(2) * below(20);
        all.push_back({{0, 0, {row, row + 1 + below(12)}, {key, key + 1 + below(70)}}, 1 + below(3) * below(9)});
    }
    return all;
}

struct count {
    index_t empty = 0, partial = 0, full = 0, visible = 0, skipped = 0;
};

/// What stats must say, tile by tile and pair by pair.
count brute(const leaf& l, index_t q_len, index_t kv_len, tile_size size) {
    count sum;
    for (index_t i = 0; i < q_len; i += size.q)
        for (index_t j = 0; j < kv_len; j += size.kv) {
            index_t kept = 0, pairs = 0;
            for (index_t row = i; row < std::min(i + size.q, q_len); ++row)
                for (index_t key = j; key < std::min(j + size.kv, kv_len); ++key) ++pairs, kept += l.keep(row, key);
            sum.visible += kept;
            (kept == 0 ? sum.empty : kept == pairs ? sum.full : sum.partial) += 1;
            sum.skipped += kept == 0 ? pairs : 0;
        }
    return sum;
}

}  // namespace

TEST_CASE("runs cover every kept key, in order, on the grain, with the right kinds") {
    for (const leaf& l : bitboard::leaves())
        for (const block& piece : blocks()) {
            const tile& rows = piece.rows;
            const index_t grain = piece.grain;
            int wrong = 0;
            index_t at = rows.kv.begin;
            tile_kind last = tile_kind::empty;
            const auto check_gap = [&](index_t begin, index_t end) {
                for (index_t key = begin; key < end; ++key)
                    for (index_t row = rows.q.begin; row < rows.q.end; ++row) wrong += l.keep(row, key);
            };
            for_each_run(l.mask, rows, grain, [&](const run& r) {
                wrong += r.kv.begin < at || r.kv.empty() || r.kind == tile_kind::empty;
                wrong += r.kv.begin != rows.kv.begin && r.kv.begin % grain != 0;
                wrong += r.kv.end != rows.kv.end && r.kv.end % grain != 0;
                wrong += r.kv.begin == at && r.kind == last;  // neighbours of a kind are joined
                check_gap(at, r.kv.begin);
                if (r.kind == tile_kind::full)
                    for (index_t key = r.kv.begin; key < r.kv.end; ++key)
                        for (index_t row = rows.q.begin; row < rows.q.end; ++row) wrong += !l.keep(row, key);
                at = r.kv.end;
                last = r.kind;
            });
            wrong += at > rows.kv.end;
            check_gap(at, rows.kv.end);
            if (wrong)
                FAIL_CHECK(l.name << " rows " << rows.q.begin << ".." << rows.q.end << " keys " << rows.kv.begin << ".."
                                  << rows.kv.end << " grain " << grain);
        }
    SUCCEED();
}

TEST_CASE("each grain of a run is what classify says of it") {
    for (const leaf& l : bitboard::catalogue())
        for (const block& piece : blocks()) {
            const tile& rows = piece.rows;
            const index_t grain = piece.grain;
            std::vector<tile_kind> kinds;
            for_each_run(l.mask, rows, grain, [&](const run& r) {
                for (index_t key = r.kv.begin; key < r.kv.end; key = (key / grain + 1) * grain) {
                    tile t = rows;
                    t.kv = {key, std::min((key / grain + 1) * grain, r.kv.end)};
                    if (classify(l.mask, t) != r.kind) kinds.push_back(r.kind);
                }
            });
            INFO(l.name);
            CHECK(kinds.empty());
        }
}

TEST_CASE("shares of the keys meet on the grain and are equal, up to a grain, in live keys") {
    for (const leaf& l : bitboard::leaves())
        for (const block& piece : blocks())
            for (const index_t parts : {1, 2, 3, 7}) {
                const index_t grain = piece.grain, live = count_live(l.mask, piece.rows, grain);
                int wrong = 0;
                index_t at = piece.rows.kv.begin, shares = 0;
                for_each_share(l.mask, piece.rows, grain, parts, [&](span keys) {
                    wrong += keys.begin != at || keys.end < at;
                    at = keys.end;
                    ++shares;
                    if (shares == parts) return;
                    tile before = piece.rows;
                    before.kv.end = at;
                    const index_t missing = live * shares / parts - count_live(l.mask, before, grain);
                    wrong += missing < 0 || missing >= grain;
                    wrong += at % grain != 0 && at != piece.rows.kv.begin && at != piece.rows.kv.end;
                });
                wrong += at != piece.rows.kv.end || shares != parts;
                if (wrong)
                    FAIL_CHECK(l.name << " rows " << piece.rows.q.begin << ".." << piece.rows.q.end << " keys "
                                      << piece.rows.kv.begin << ".." << piece.rows.kv.end << " grain " << grain
                                      << " parts " << parts);
            }
    SUCCEED();
}

TEST_CASE("shares leave out what nobody sees") {
    const auto sinks_and_window = kv < 96 || kv >= 9504;  // 96 keys at either end
    std::vector<span> shares;
    for_each_share(sinks_and_window, {0, 0, 9599, {0, 9600}}, 48, 4, [&](span keys) { shares.push_back(keys); });
    CHECK(shares == std::vector<span>{{0, 48}, {48, 9504}, {9504, 9552}, {9552, 9600}});
    CHECK(count_live(sinks_and_window, {0, 0, 9599, {0, 9600}}, 48) == 192);
}

TEST_CASE("no rows or no keys: no runs") {
    for (const tile t : {tile{0, 0, {3, 3}, {0, 9}}, {0, 0, {3, 9}, {4, 4}}, {{0, 0}, 0, {0, 9}, {0, 9}}}) {
        int runs = 0;
        for_each_run(full, t, 4, [&](const run&) { ++runs; });
        CHECK(runs == 0);
    }
}

TEST_CASE("runs of keys from below 0 on") {
    index_t live = 0;
    for_each_run(kv < q - 5, {0, 0, {0, 8}, {-10, 5}}, 8, [&](const run& r) { live += r.kv.size(); });
    CHECK(live == 15);
    CHECK_THROWS_AS(for_each_run(causal, {0, 0, {0, 8}, {0, 8}}, 0, [](const run&) {}), invalid_argument);
}

TEST_CASE("stats counts what a loop counts, over odd shapes and tiles") {
    for (const leaf& l : bitboard::catalogue())
        for (const auto& [q_len, kv_len] : {std::pair<index_t, index_t>{1, 1}, {7, 13}, {33, 20}, {20, 41}})
            for (const tile_size size : {tile_size{1, 1}, {4, 6}, {5, 3}, {16, 64}}) {
                const count want = brute(l, q_len, kv_len, size);
                const mask_stats got = stats(l.mask, {1, 1, q_len, kv_len}, size);
                INFO(l.name << " " << q_len << " x " << kv_len << " in tiles " << size.q << " x " << size.kv);
                CHECK(got.visible == want.visible);
                CHECK(got.empty == want.empty);
                CHECK(got.partial == want.partial);
                CHECK(got.full == want.full);
                CHECK(got.skipped == want.skipped);
                CHECK(got.pairs == q_len * kv_len);
            }
}

TEST_CASE("stats of masks that ranges cannot decide: visible is exact, skipped is a bound") {
    for (const leaf& l : bitboard::others())
        for (const auto& [q_len, kv_len] : {std::pair<index_t, index_t>{7, 13}, {33, 20}, {8, 8}}) {
            const count want = brute(l, q_len, kv_len, {4, 6});
            if (l.name == "segments" || l.name == "rows") continue;  // their tables hold 8 entries; next test
            const mask_stats got = stats(l.mask, {1, 1, q_len, kv_len}, {4, 6});
            INFO(l.name);
            CHECK(got.visible == want.visible);
            CHECK(got.skipped <= want.skipped);
            CHECK(got.empty <= want.empty);
            CHECK(got.full <= want.full);
            CHECK(got.tiles() == want.empty + want.partial + want.full);
        }
    for (const leaf& l : bitboard::others()) {
        const mask_stats got = stats(l.mask, {1, 1, 8, 8}, {3, 3});
        CHECK(got.visible == brute(l, 8, 8, {3, 3}).visible);
    }
}

TEST_CASE("batch entries and heads: counted apart where the mask tells them apart") {
    const std::vector<int> lengths{3, 9, 0};
    const auto by_batch = kv_length(table(lengths));
    CHECK(stats(by_batch, {3, 4, 5, 10}).visible == (3 + 9 + 0) * 4 * 5);
    CHECK(stats(q - kv <= h && causal, {2, 3, 4, 4}).visible == 2 * (4 + 7 + 9));
    CHECK(stats(causal, {2, 3, 4, 4}).visible == 2 * 3 * 10);
    CHECK(stats(causal, {2, 3, 4, 4}).pairs == 2 * 3 * 16);
    CHECK(stats(causal, {2, 3, 4, 4}).density() == 0.625);
    CHECK(stats(by_batch, {3, 4, 5, 10}, {5, 10}).empty == 4);  // the third entry sees nothing
    CHECK(stats(none, {2, 1, 4, 4}).skipped_share() == 1.0);
    for (const mask_shape shape : {mask_shape{0, 3, 4, 4}, {2, 0, 4, 4}, {2, 3, 0, 4}, {2, 3, 4, 0}}) {
        const mask_stats none_at_all = stats(causal, shape);
        CHECK(none_at_all.visible + none_at_all.tiles() + none_at_all.pairs + none_at_all.skipped == 0);
        CHECK(none_at_all.density() == 0);
    }
}

TEST_CASE("a million tokens square") {
    constexpr index_t n = 1'048'576, window = 1024;
    const auto s = stats(causal, {1, 1, n, n});
    CHECK(s.visible == n * (n + 1) / 2);
    CHECK(s.partial == n / 64);
    CHECK(s.full == (n / 64) * (n / 64 - 1) / 2);
    CHECK(s.skipped == s.empty * 64 * 64);
    CHECK(stats(last_n(window), {1, 1, n, n}).visible == n * window - window * (window - 1) / 2);
    CHECK(stats(full, {1, 1, n, n}).visible == n * n);
}

TEST_CASE("wrong shapes and tiles are refused") {
    CHECK_THROWS_AS(stats(causal, {-1, 1, 4, 4}), invalid_argument);
    CHECK_THROWS_AS(stats(causal, {1, 1, -4, 4}), invalid_argument);
    CHECK_THROWS_AS(stats(causal, {1, 1, 4, -4}), invalid_argument);
    CHECK_THROWS_AS(stats(causal, {1, 1, 4, 4}, {0, 64}), invalid_argument);
    CHECK_THROWS_AS(stats(causal, {1, 1, 4, 4}, {64, -1}), invalid_argument);
    CHECK_THROWS_AS(stats(q * (index_t{1} << 62) < kv, {1, 1, 4, 4}), invalid_argument);  // may leave 64 bits
    CHECK_THROWS_AS(stats(causal, {index_t{1} << 40, index_t{1} << 40, 4, 4}), invalid_argument);
    // a choice computes nothing: its largest integer may stand for no limit
    constexpr index_t none = std::numeric_limits<index_t>::max();
    CHECK(stats(q - kv < where(h == 0, none, 2), {1, 2, 8, 8}).visible == 64 + 36 + 7);
    CHECK(stats(q - kv < min(where(h == 0, none, 2), 8), {1, 1, 8, 8}).visible == 64);
    CHECK_THROWS_AS(stats(q - kv < where(h == 0, none, 2) + 1, {1, 2, 8, 8}), invalid_argument);
}

TEST_CASE("what needs more than 32 bits is not for lanes: constants as well as results") {
    const tile t{0, 0, {0, 9}, {0, 9}};
    const auto fits = [&](const auto& m) { return detail::fits_lanes(detail::inspect(m, t)); };
    constexpr index_t large = index_t{1} << 40;
    CHECK(fits(causal));
    CHECK(fits(last_n(large >> 10)));
    CHECK_FALSE(fits(last_n(large)));
    CHECK_FALSE(fits(last_n(std::numeric_limits<index_t>::max())));
    CHECK_FALSE(fits(any_mask(q < large)));
    CHECK_FALSE(fits(q * large / large <= kv));
    CHECK_FALSE(fits(where(kv < 3, q, large) > kv));
}

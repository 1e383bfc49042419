// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The oracle of the range domain: an 8 x 8 mask is one word, so a tile's true verdict is two ANDs. Masks are drawn by
// plain lambdas written from the formulas, which share nothing with the library.
#pragma once

#include <cstdint>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace bitboard {

using domino::any_mask;
using domino::index_t;
using domino::tile_kind;

constexpr index_t side = 8;
using board = std::uint64_t;  // bit side * row + column
using rule = std::function<bool(index_t q, index_t kv)>;

/// The board whose corner is (q0, k0).
inline board draw(const rule& keep, index_t q0 = 0, index_t k0 = 0) {
    board cells = 0;
    for (index_t i = 0; i < side; ++i)
        for (index_t j = 0; j < side; ++j)
            if (keep(q0 + i, k0 + j)) cells |= board{1} << (side * i + j);
    return cells;
}

/// A tile of the board, half open, and its cells.
struct box {
    index_t q0, q1, k0, k1;
    board cells;
    domino::tile at(index_t q, index_t k) const { return {0, 0, {q + q0, q + q1}, {k + k0, k + k1}}; }
};

/// All 1,296 of them: every tile of every geometry up to 8 x 8.
inline const std::vector<box>& boxes() {
    static const std::vector<box> all = [] {
        std::vector<box> out;
        for (index_t q0 = 0; q0 < side; ++q0)
            for (index_t q1 = q0 + 1; q1 <= side; ++q1)
                for (index_t k0 = 0; k0 < side; ++k0)
                    for (index_t k1 = k0 + 1; k1 <= side; ++k1)
                        out.push_back({q0, q1, k0, k1, draw([&](index_t i, index_t j) {
                                           return q0 <= i && i < q1 && k0 <= j && j < k1;
                                       })});
        return out;
    }();
    return all;
}

inline tile_kind truth(board mask, board cells) {
    return (mask & cells) == 0 ? tile_kind::empty : (mask & cells) == cells ? tile_kind::full : tile_kind::partial;
}

/// How the verdicts of a mask compare with the truth.
struct tally {
    std::int64_t checks = 0, unsound = 0, loose = 0;
    double tight() const { return checks ? 1.0 - double(loose) / double(checks) : 1.0; }
    void operator+=(const tally& other) {
        checks += other.checks;
        unsound += other.unsound;
        loose += other.loose;
    }
};

/// Classifies every tile of the board with corner (q0, k0).
template <class Mask>
tally compare(const Mask& mask, board drawn, index_t q0 = 0, index_t k0 = 0) {
    tally count;
    for (const box& t : boxes()) {
        const tile_kind verdict = domino::classify(mask, t.at(q0, k0)), exact = truth(drawn, t.cells);
        ++count.checks;
        if (verdict == exact) continue;
        if (verdict == tile_kind::partial) ++count.loose;
        else ++count.unsound;
    }
    return count;
}

struct leaf {
    std::string name;
    any_mask mask;
    rule keep;
};

/// A table of `entries` that lives as long as the program.
template <class T>
auto kept_table(std::vector<T> entries) {
    static std::vector<std::unique_ptr<std::vector<T>>> store;
    store.push_back(std::make_unique<std::vector<T>>(std::move(entries)));
    return domino::table(*store.back());
}

/// The catalogue's entries with small parameters: each must be classified exactly.
inline std::vector<leaf> catalogue() {
    using namespace domino;
    std::vector<leaf> all;
    const auto add = [&](std::string name, std::vector<index_t> parameters, const any_mask& m, rule keep) {
        for (const index_t n : parameters) name.append(" ").append(std::to_string(n));
        all.push_back({std::move(name), m, std::move(keep)});
    };
    add("full", {}, full, [](index_t, index_t) { return true; });
    add("none", {}, none, [](index_t, index_t) { return false; });
    add("causal", {}, causal, [](index_t i, index_t j) { return j <= i; });
    for (index_t o = -7; o <= 7; ++o)  // bottom-right alignment in every geometry
        add("offset", {o}, causal_with_offset(o), [o](index_t i, index_t j) { return j <= i + o; });
    for (index_t n = 1; n <= 4; ++n)
        add("last", {n}, last_n(n), [n](index_t i, index_t j) { return j <= i && j > i - n; });
    for (const index_t l : {index_t{0}, index_t{1}, index_t{2}, index_t{3}, unbounded})
        for (const index_t r : {index_t{0}, index_t{1}, index_t{2}, index_t{3}, unbounded})
            add("band", {l, r}, band(l, r), [l, r](index_t i, index_t j) { return i - l <= j && j <= i + r; });
    for (index_t n = 0; n <= 8; ++n) {
        add("prefix", {n}, prefix_lm(n), [n](index_t i, index_t j) { return j < n || j <= i; });
        add("length", {n}, kv_length(n), [n](index_t, index_t j) { return j < n; });
        add("pad", {n}, left_padding(n), [n](index_t, index_t j) { return n <= j; });
    }
    for (index_t n = 1; n <= 4; ++n) {
        const rule same = [n](index_t i, index_t j) {
            const auto chunk = [n](index_t x) {
                index_t c = 0;
                for (; x >= n; x -= n) ++c;
                for (; x < 0; x += n) --c;
                return c;
            };
            return chunk(i) == chunk(j);
        };
        add("chunk", {n}, chunked(n), same);
        add("causal chunk", {n}, chunked_causal(n), [same](index_t i, index_t j) { return j <= i && same(i, j); });
    }
    return all;
}

/// Masks that ranges cannot always decide: strides, sinks, unsorted documents, bit patterns, functors.
inline std::vector<leaf> others() {
    using namespace domino;
    std::vector<leaf> all;
    std::mt19937 random(7);
    const auto clamp8 = [](index_t i) { return static_cast<std::size_t>(i < 0 ? 0 : i > 7 ? 7 : i); };
    for (index_t s = 2; s <= 3; ++s)
        all.push_back({"dilated", (q - kv) % s == 0, [s](index_t i, index_t j) {
                           const index_t d = i > j ? i - j : j - i;
                           return d == d / s * s;
                       }});
    for (index_t n = 1; n <= 3; ++n)
        all.push_back({"sink", causal && (q - kv < 2 || kv < n),
                       [n](index_t i, index_t j) { return j <= i && (j + 2 > i || j < n); }});
    for (int draws = 0; draws < 3; ++draws) {
        std::vector<int> ids, lo, hi;
        std::vector<std::uint8_t> bits;
        for (int i = 0; i < 8; ++i) {
            ids.push_back(static_cast<int>(random() % 4) - 1);
            lo.push_back(static_cast<int>(random() % 9));
            hi.push_back(static_cast<int>(random() % 9));
        }
        for (int i = 0; i < 64; ++i) bits.push_back(static_cast<std::uint8_t>(random() % 2));
        all.push_back({"segments", same_document(kept_table(ids)),
                       [=](index_t i, index_t j) { return ids[clamp8(i)] == ids[clamp8(j)] && ids[clamp8(i)] >= 0; }});
        all.push_back({"rows", kv >= kept_table(lo)(q) && kv < kept_table(hi)(q),
                       [=](index_t i, index_t j) { return j >= lo[clamp8(i)] && j < hi[clamp8(i)]; }});
        all.push_back({"pattern", kept_table(bits)(domino::clamp(q, 0, 7) * 8 + domino::clamp(kv, 0, 7)) == 1,
                       [=](index_t i, index_t j) { return bits[clamp8(i) * 8 + clamp8(j)] == 1; }});
    }
    all.push_back({"opaque", scalar([](int, int, int i, int j) { return (i * j) % 3 != 1; }),
                   [](index_t i, index_t j) { return static_cast<int>(i * j) % 3 != 1; }});
    all.push_back({"global", kv == 2 || q == 2 || abs(q - kv) <= 1,
                   [](index_t i, index_t j) { return j == 2 || i == 2 || i - j == 0 || i - j == 1 || j - i == 1; }});
    return all;
}

inline std::vector<leaf> leaves() {
    std::vector<leaf> all = catalogue();
    for (leaf& l : others()) all.push_back(std::move(l));
    return all;
}

}  // namespace bitboard

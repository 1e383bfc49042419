// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Laws of the algebra of masks and score mods on random instances: both sides keep the same pairs, and neither side's
// tile verdicts contradict them.
#include <domino/score/alibi.hpp>
#include <domino/score/softcap.hpp>

#include "bitboard.hpp"
#include "catch.hpp"

using namespace domino;

namespace {

struct sides {
    any_mask left, right;
};
/// Three masks and two small numbers, n >= 1.
using law_rule = std::function<sides(const any_mask& x, const any_mask& y, const any_mask& z, index_t n, index_t m)>;
struct law {
    const char* name;
    law_rule state;
};

#define STATE(...)                                                                               \
    [](const any_mask& x, const any_mask& y, const any_mask& z, index_t n, index_t m) -> sides { \
        (void)x, (void)y, (void)z, (void)n, (void)m;                                             \
        return {__VA_ARGS__};                                                                    \
    }

const std::vector<law> laws{
    {"double negation", STATE(!!x, x)},
    {"De Morgan, and", STATE(!(x && y), !x || !y)},
    {"De Morgan, or", STATE(!(x || y), !x && !y)},
    {"and commutes", STATE(x&& y, y&& x)},
    {"or commutes", STATE(x || y, y || x)},
    {"xor commutes", STATE(x ^ y, y ^ x)},
    {"and associates", STATE((x && y) && z, x && (y && z))},
    {"or associates", STATE((x || y) || z, x || (y || z))},
    {"xor associates", STATE((x ^ y) ^ z, x ^ (y ^ z))},
    {"and distributes over or", STATE(x && (y || z), (x && y) || (x && z))},
    {"or distributes over and", STATE(x || (y && z), (x || y) && (x || z))},
    {"and distributes over xor", STATE(x && (y ^ z), (x && y) ^ (x && z))},
    {"absorption, and", STATE(x && (x || y), x)},
    {"absorption, or", STATE(x || (x && y), x)},
    {"idempotence, and", STATE(x&& x, x)},
    {"idempotence, or", STATE(x || x, x)},
    {"x ^ x is none", STATE(x ^ x, none)},
    {"x ^ none is x", STATE(x ^ none, x)},
    {"x ^ full is !x", STATE(x ^ full, !x)},
    {"full is neutral for and", STATE(x&& full, x)},
    {"none is neutral for or", STATE(none || x, x)},
    {"none annihilates and", STATE(none&& x, none)},
    {"full annihilates or", STATE(x || full, full)},
    {"excluded middle", STATE(x || !x, full)},
    {"contradiction", STATE(x && !x, none)},
    {"xor by cases", STATE(x ^ y, (x && !y) || (!x && y))},
    {"where by cases", STATE(where(x, y, z), (x && y) || (!x && z))},
    {"where of constants", STATE(where(x, true, false), x)},
    {"where of one branch", STATE(where(x, y, y), y)},
    {"negation of where", STATE(!where(x, y, z), where(x, !y, !z))},
    {"where, condition negated", STATE(where(!x, y, z), where(x, z, y))},
    {"offset of nothing", STATE(offset(x, 0, 0), x)},
    {"offsets add up", STATE(offset(offset(x, n, m), m, 2), offset(x, n + m, m + 2))},
    {"offset distributes over and", STATE(offset(x&& y, n, m), offset(x, n, m) && offset(y, n, m))},
    {"offset distributes over not", STATE(offset(!x, n, m), !offset(x, n, m))},
    {"offset distributes over where",
     STATE(offset(where(x, y, z), n, m), where(offset(x, n, m), offset(y, n, m), offset(z, n, m)))},
    {"offset and back", STATE(offset(offset(x, n, m), -n, -m), x)},
    {"bands move with both indices", STATE(offset(band(n, m), 5, 5), band(n, m))},
    {"windows move with both indices", STATE(offset(last_n(n), n, n), last_n(n))},
    {"chunks move by a chunk", STATE(offset(chunked(n), n, n), chunked(n))},
    {"a causal offset is an offset of causal", STATE(causal_with_offset(m), offset(causal, m))},
    {"band(n - 1, 0) is last_n(n)", STATE(band(n - 1, 0), last_n(n))},
    {"band(unbounded, 0) is causal", STATE(band(unbounded, 0), causal)},
    {"a band is two half planes", STATE(band(n, m), band(n, unbounded) && band(unbounded, m))},
    {"bands intersect", STATE(band(n, m) && band(m, n), band(std::min(n, m), std::min(n, m)))},
    {"bands unite when nested", STATE(band(n, m) || band(n + m, m), band(n + m, m))},
    {"the shorter window wins", STATE(last_n(n) && last_n(n + m), last_n(n))},
    {"causal && last_n(n) is last_n(n)", STATE(any_mask(causal) && last_n(n), causal&& last_n(n))},
    {"causal chunks are chunks that are causal", STATE(chunked_causal(n), any_mask(causal) && any_mask(chunked(n)))},
    {"chunks of a multiple hold the chunks", STATE(chunked(n) && chunked(n * 2), chunked(n))},
    {"chunks by modulo", STATE(chunked(n), q - q % n == kv - kv % n)},
    {"a prefix is a length or causal", STATE(prefix_lm(m), kv_length(m) || causal)},
    {"padding left and right part the keys", STATE(left_padding(m), !kv_length(m))},
    {"the symmetric window", STATE(abs(q - kv) <= n, band(n, n))},
    {"less is not greater or equal", STATE(q % n < kv, !(q % n >= kv))},
    {"equal is neither less nor greater", STATE(q / n == kv, !(q / n < kv) && !(q / n > kv))},
    {"min and max by where", STATE(min(q, kv + m) == max(n, kv), where(q < kv + m, q, kv + m) == where(kv > n, kv, n))},
    {"clamp by min and max", STATE(clamp(q, m, m + n) <= kv, min(max(q, m), m + n) <= kv)},
};

}  // namespace

TEST_CASE("laws of masks hold at every point, and no verdict breaks them") {
    CHECK(laws.size() >= 30);
    const auto grid = bitboard::leaves();
    std::mt19937 random(42);
    for (const law& l : laws)
        for (int instance = 0; instance < 60; ++instance) {
            const auto pick = [&]() -> const any_mask& { return grid[random() % grid.size()].mask; };
            const any_mask &x = pick(), &y = pick(), &z = pick();
            const auto n = static_cast<index_t>(random() % 5 + 1), m = static_cast<index_t>(random() % 6);
            const auto [left, right] = l.state(x, y, z, n, m);
            for (const auto& [q0, k0] : {std::pair<index_t, index_t>{0, 0}, {4, 1}}) {
                const auto seen = [](const any_mask& mask) {
                    return [&mask](index_t i, index_t j) { return attends(mask, 0, 0, i, j); };
                };
                const auto drawn = bitboard::draw(seen(left), q0, k0);
                INFO(l.name << ": " << to_string(left) << " and " << to_string(right) << ", n " << n << ", m " << m);
                CHECK(drawn == bitboard::draw(seen(right), q0, k0));
                CHECK(bitboard::compare(left, drawn, q0, k0).unsound == 0);
                CHECK(bitboard::compare(right, drawn, q0, k0).unsound == 0);
            }
        }
}

TEST_CASE("and, or, xor and not are the words' own") {
    const auto grid = bitboard::leaves();
    std::mt19937 random(43);
    for (int instance = 0; instance < 2000; ++instance) {
        const auto &x = grid[random() % grid.size()], &y = grid[random() % grid.size()];
        const auto seen = [](const any_mask& mask) {
            return bitboard::draw([&](index_t i, index_t j) { return attends(mask, 0, 0, i, j); });
        };
        const bitboard::board a = bitboard::draw(x.keep), c = bitboard::draw(y.keep);
        INFO(x.name << ", " << y.name);
        CHECK(seen(x.mask) == a);
        CHECK(seen(x.mask && y.mask) == (a & c));
        CHECK(seen(x.mask || y.mask) == (a | c));
        CHECK(seen(x.mask ^ y.mask) == (a ^ c));
        CHECK(seen(!x.mask) == ~a);
    }
}

TEST_CASE("a sequence in chunks is the sequence: each chunk of queries through an offset") {
    for (const bitboard::leaf& l : bitboard::leaves()) {
        int wrong = 0;
        for (index_t chunk = 1; chunk <= 5; ++chunk)
            for (index_t begin = 0; begin < 8; begin += chunk) {
                const any_mask part = offset(l.mask, begin);
                for (index_t i = 0; i < std::min<index_t>(chunk, 8 - begin); ++i)
                    for (index_t j = 0; j < 8; ++j) wrong += attends(part, 0, 0, i, j) != l.keep(begin + i, j);
            }
        INFO(l.name);
        CHECK(wrong == 0);
    }
}

TEST_CASE("score mods compose left to right and associate") {
    static const std::vector<float> slopes{0.5f, 0.25f};
    const auto first = alibi(table(slopes));
    const auto second = softcap(4.f);
    const auto third = score * 0.5f + where(causal, 1.f, -1.f);
    const auto s = [](const auto& mod, float x, index_t i, index_t j) {
        return evaluate(as_score_mod(mod), point{0, i % 2, i, j, x});
    };
    for (const float x : {-7.f, -0.5f, 0.f, 3.f})
        for (index_t i = 0; i < 6; ++i)
            for (index_t j = 0; j < 6; ++j) {
                const float want = s(third, s(second, s(first, x, i, j), i, j), i, j);
                CHECK(s(compose(first, second, third), x, i, j) == Catch::Approx(want));
                CHECK(s(compose(compose(first, second), third), x, i, j) == s(compose(first, second, third), x, i, j));
                CHECK(s(compose(first, compose(second, third)), x, i, j) == s(compose(first, second, third), x, i, j));
                CHECK(s(compose(score, first), x, i, j) == s(first, x, i, j));
                CHECK(s(compose(first, score), x, i, j) == s(first, x, i, j));
            }
}

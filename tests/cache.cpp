// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The caches hold what was put into them, for every element type, through long random lives; what they refuse changes
// nothing.

#include <deque>
#include <functional>
#include <limits>
#include <map>

#include "cache_model.hpp"
#include "catch.hpp"
#include "compare.hpp"

namespace {

using model::at;
using model::index_t;
using model::position_t;
using model::sequence;
using model::shape;
using model::step;

template <class T>
struct stored;
template <>
struct stored<float> {
    static constexpr index_t block = 0;
    static bool holds(float got, const float* vector, index_t c, index_t) { return got == vector[c]; }
};
template <>
struct stored<domino::float16> {
    static constexpr index_t block = 0;
    static bool holds(float got, const float* vector, index_t c, index_t) {
        return std::abs(got - vector[c]) <= std::abs(vector[c]) * 0x1p-11f + 0x1p-25f;
    }
};
template <>
struct stored<domino::bfloat16> {
    static constexpr index_t block = 0;
    static bool holds(float got, const float* vector, index_t c, index_t) {
        return std::abs(got - vector[c]) <= std::abs(vector[c]) * 0x1p-8f;
    }
};
template <>
struct stored<std::int8_t> {
    static constexpr index_t block = 2;
    static bool holds(float got, const float* vector, index_t c, index_t channels) {
        float largest = 0;
        for (index_t i = c / channels * channels; i < c / channels * channels + channels; ++i)
            largest = std::max(largest, std::abs(vector[i]));
        return std::abs(got - vector[c]) <= largest / 127 * 0.5001f;
    }
};

/// Where a cache's view holds a token of the model: at the column that the caller says.
template <class T, class Cache>
bool holds(const Cache& cache, const shape& s, index_t b, index_t column, const model::token& t) {
    for (index_t layer = 0; layer < s.layers; ++layer)
        for (index_t h = 0; h < s.heads; ++h) {
            const float* key = t.key.data() + (layer * s.heads + h) * s.head_dim;
            const float* value = t.value.data() + (layer * s.heads + h) * s.value_dim;
            for (index_t c = 0; c < s.head_dim; ++c)
                if (!stored<T>::holds(model::element(cache.keys(layer), b, h, column, c), key, c, 2)) return false;
            for (index_t c = 0; c < s.value_dim; ++c)
                if (!stored<T>::holds(model::element(cache.values(layer), b, h, column, c), value, c, 2)) return false;
        }
    return true;
}

/// A few tokens with positions that go on after `last`, some padding, some repeated.
sequence more_tokens(const shape& s, const sequence& before, index_t count, inputs::random& r, bool plain = false) {
    position_t last = -1;
    for (const auto& t : before) last = std::max(last, t.position);
    sequence out;
    for (index_t i = 0; i < count; ++i) {
        if (!plain && r.coin(0.1)) {
            out.push_back(model::make_token(s, -1, r));
            continue;
        }
        if (plain || !r.coin(0.1) || last < 0) last += !plain && r.coin(0.1) ? 3 : 1;
        out.push_back(model::make_token(s, last, r));
    }
    return out;
}

void append(sequence& to, const sequence& added) { to.insert(to.end(), added.begin(), added.end()); }

/// What the model keeps when a cache is told keep(b, first, kept).
void keep_model(sequence& tokens, index_t first, const std::vector<index_t>& kept) {
    sequence out(tokens.begin(), tokens.begin() + first);
    for (const index_t i : kept) out.push_back(tokens[at(i)]);
    tokens = out;
}

std::vector<index_t> some_of(index_t first, index_t end, inputs::random& r) {
    std::vector<index_t> out;
    for (index_t i = first; i < end; ++i)
        if (r.coin()) out.push_back(i);
    return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The message of what was refused.
std::string refusal(const std::function<void()>& f) {
    try {
        f();
    } catch (const domino::invalid_argument& e) { return e.what(); }
    return "no exception";
}

/// Everything a cache shows: to see that a refused call changed nothing.
template <class Cache>
std::vector<float> snapshot(const Cache& cache, index_t layers) {
    std::vector<float> out;
    for (index_t layer = 0; layer < layers; ++layer)
        for (const auto& part : {model::dense(cache.keys(layer)), model::dense(cache.values(layer))})
            out.insert(out.end(), part.begin(), part.end());
    const auto positions = cache.positions();
    for (index_t b = 0; b < cache.batch(); ++b) {
        out.push_back(static_cast<float>(cache.end(b)));
        for (index_t i = 0; i < positions.extent(1); ++i) out.push_back(static_cast<float>(positions.at(b, i)));
    }
    return out;
}

template <class T>
void linear_life(std::uint64_t seed) {
    inputs::random r(seed);
    const shape s{2, r.between(1, 3), 2 * r.between(1, 4), 2 * r.between(1, 4)};
    const index_t batch = r.between(1, 3), cells = r.between(1, 40);
    domino::linear_cache<T> cache({s.layers, batch, s.heads, cells, s.head_dim, s.value_dim, stored<T>::block});
    std::vector<sequence> tokens(at(batch));
    for (int i = 0; i < 30; ++i) {
        if (r.coin(0.7)) {
            std::vector<sequence> added;
            bool fits = true;
            for (const auto& t : tokens) {
                added.push_back(more_tokens(s, t, r.below(6), r));
                fits &= std::ssize(t) + std::ssize(added.back()) <= cells;
            }
            const auto before = snapshot(cache, s.layers);
            const std::string text = refusal([&] { step(added).into(cache, s); });
            CHECK((text == "no exception") == fits);
            if (!fits) CHECK(compare::same_bits(before, snapshot(cache, s.layers)));
            if (fits)
                for (index_t b = 0; b < batch; ++b) append(tokens[at(b)], added[at(b)]);
        } else {
            const index_t b = r.below(batch), end = std::ssize(tokens[at(b)]), first = r.between(0, end);
            const auto kept = some_of(first, end, r);
            cache.keep(b, first, kept);
            keep_model(tokens[at(b)], first, kept);
        }
        bool ok = true;
        const auto positions = cache.positions();
        for (index_t b = 0; b < batch; ++b) {
            REQUIRE(cache.end(b) == std::ssize(tokens[at(b)]));
            for (index_t t = 0; t < positions.extent(1); ++t) {
                if (t >= cache.end(b)) {
                    ok &= positions.at(b, t) == -1;
                    continue;
                }
                ok &= positions.at(b, t) == tokens[at(b)][at(t)].position;
                ok &= holds<T>(cache, s, b, t, tokens[at(b)][at(t)]);
            }
        }
        REQUIRE(ok);
    }
}

/// A ring must hold every token that the next query can see, and no position that is not a token's.
template <class T>
void ring_life(std::uint64_t seed) {
    inputs::random r(seed);
    const shape s{2, r.between(1, 3), 2 * r.between(1, 4), 2 * r.between(1, 4)};
    const index_t batch = r.between(1, 3), window = r.between(1, 12), most = r.between(1, 6), cells = window + most - 1;
    domino::ring_cache<T> cache({s.layers, batch, s.heads, cells, s.head_dim, s.value_dim, stored<T>::block}, window);
    std::vector<sequence> tokens(at(batch));
    int refused = 0;
    for (int i = 0; i < 60; ++i) {
        const auto before = snapshot(cache, s.layers);
        if (r.coin(0.8)) {
            std::vector<sequence> added;
            for (const auto& t : tokens) added.push_back(more_tokens(s, t, r.between(0, most), r, seed % 2 == 0));
            const std::string text = refusal([&] { step(added).into(cache, s); });
            if (text == "no exception") {
                for (index_t b = 0; b < batch; ++b) append(tokens[at(b)], added[at(b)]);
            } else {
                ++refused;
                CHECK(compare::same_bits(before, snapshot(cache, s.layers)));
            }
        } else {
            const index_t b = r.below(batch), end = std::ssize(tokens[at(b)]),
                          first = std::max<index_t>(0, end - r.below(4));
            const auto kept = some_of(first, end, r);
            if (refusal([&] { cache.keep(b, first, kept); }) == "no exception") keep_model(tokens[at(b)], first, kept);
            else CHECK(compare::same_bits(before, snapshot(cache, s.layers)));
        }
        bool ok = true;
        const auto positions = cache.positions();
        for (index_t b = 0; b < batch; ++b) {
            REQUIRE(cache.end(b) == std::ssize(tokens[at(b)]));
            position_t last = -1;
            for (const auto& t : tokens[at(b)]) last = std::max(last, t.position);
            index_t found = 0, held = 0;
            for (index_t t = 0; t < std::ssize(tokens[at(b)]); ++t) {
                const auto& token = tokens[at(b)][at(t)];
                if (token.position < 0 || last + 1 - token.position >= window) continue;  // unseen by the next query
                ++found;
                ok &= positions.at(b, t % cells) == token.position;
                ok &= holds<T>(cache, s, b, t % cells, token);
            }
            for (index_t c = 0; c < positions.extent(1); ++c) {
                const auto p = positions.at(b, c);
                held += p >= 0 && last + 1 - p < window;
            }
            ok &= held == found;
        }
        REQUIRE(ok);
    }
    if (seed % 2 == 0) CHECK(refused == 0);  // consecutive positions within the promised chunk are never refused...
}

template <class T>
void paged_life(std::uint64_t seed) {
    inputs::random r(seed);
    const shape s{2, r.between(1, 3), 2 * r.between(1, 4), 2 * r.between(1, 4)};
    const index_t pages = r.between(4, 24), page_size = r.between(1, 5);
    domino::paged_cache<T> cache({s.layers, pages, s.heads, page_size, s.head_dim, s.value_dim, stored<T>::block});
    std::map<index_t, sequence> tokens;
    int refused = 0;
    for (int i = 0; i < 80; ++i) {
        const auto any = [&] {
            auto it = tokens.begin();
            std::advance(it, r.below(std::ssize(tokens)));
            return it->first;
        };
        const index_t action = tokens.empty() ? 0 : r.below(10);
        if (action == 0) {
            const index_t id = cache.open();
            REQUIRE(tokens.count(id) == 0);
            tokens[id] = {};
        } else if (action == 1) {
            const index_t id = any(), length = r.between(0, cache.end(id)), copy = cache.fork(id, length);
            REQUIRE(tokens.count(copy) == 0);
            tokens[copy] = sequence(tokens[id].begin(), tokens[id].begin() + length);
        } else if (action == 2 && tokens.size() > 3) {
            const index_t id = any();
            cache.close(id);
            tokens.erase(id);
        } else if (action == 3) {
            const index_t id = any(), end = cache.end(id), first = r.between(0, end);
            const auto kept = some_of(first, end, r);
            const auto free = cache.pool().free();
            if (refusal([&] { cache.keep(id, first, kept); }) == "no exception") keep_model(tokens[id], first, kept);
            else CHECK(cache.pool().free() == free);
        } else if (action == 4) {
            const index_t id = any();
            position_t middle = 0;
            for (const auto& t : tokens[id]) middle = std::max(middle, t.position / 2);
            cache.evict_before(id, middle);
            for (index_t first = 0; first < std::ssize(tokens[id]); first += page_size) {
                const auto begin = tokens[id].begin() + first,
                           end = begin + std::min(page_size, std::ssize(tokens[id]) - first);
                if (std::all_of(begin, end, [&](const auto& t) { return t.position < middle; }))
                    for (auto t = begin; t != end; ++t) t->position = -1;
            }
        } else {
            std::vector<index_t> ids;
            for (const auto& [id, unused] : tokens)
                if (r.coin()) ids.push_back(id);
            if (ids.size() > 1 && r.coin()) std::swap(ids.front(), ids.back());
            auto batch = cache.select(ids);
            std::vector<sequence> added;
            for (const index_t id : ids) added.push_back(more_tokens(s, tokens[id], r.below(6), r));
            const auto before = snapshot(batch, s.layers);
            const auto free = cache.pool().free();
            if (refusal([&] { step(added).into(batch, s); }) == "no exception") {
                for (std::size_t j = 0; j < ids.size(); ++j) append(tokens[ids[j]], added[j]);
            } else {
                ++refused;
                CHECK(cache.pool().free() == free);
                CHECK(compare::same_bits(before, snapshot(batch, s.layers)));
            }
        }
        std::vector<index_t> uses(at(pages));
        index_t in_use = 0;
        bool ok = true;
        for (const auto& [id, expected] : tokens) {
            const auto one = cache.select({id});
            const auto positions = one.positions();
            REQUIRE(cache.end(id) == std::ssize(expected));
            for (index_t t = 0; t < std::ssize(expected); ++t) {
                ok &= positions.at(index_t{0}, t) == expected[at(t)].position;
                ok &= expected[at(t)].position < 0 || holds<T>(one, s, 0, t, expected[at(t)]);
            }
            for (const auto page : cache.pages(id))
                if (page >= 0) ++uses[at(page)];
        }
        for (index_t page = 0; page < pages; ++page) {
            ok &= cache.pool().uses(static_cast<std::int32_t>(page)) == uses[at(page)];
            in_use += uses[at(page)] > 0;
        }
        REQUIRE(ok);
        REQUIRE(cache.pool().free() == pages - in_use);
    }
    for (const auto& [id, unused] : tokens) cache.close(id);
    CHECK(cache.pool().free() == pages);
}

}  // namespace

TEST_CASE("a linear cache holds what was appended", "[cache]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        linear_life<float>(seed), linear_life<domino::float16>(seed), linear_life<domino::bfloat16>(seed),
            linear_life<std::int8_t>(seed);
    }
}

TEST_CASE("a ring holds what its window sees", "[cache]") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        ring_life<float>(seed), ring_life<domino::float16>(seed), ring_life<domino::bfloat16>(seed),
            ring_life<std::int8_t>(seed);
    }
}

TEST_CASE("a paged cache holds what its sequences appended, and gives every page back", "[cache]") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        paged_life<float>(seed), paged_life<domino::float16>(seed), paged_life<domino::bfloat16>(seed),
            paged_life<std::int8_t>(seed);
    }
}

TEST_CASE("forks share pages until one writes", "[cache]") {
    const shape s{1, 1, 2, 2};
    inputs::random r(7);
    domino::paged_cache<float> cache({.batch = 6, .cells = 4, .head_dim = 2});
    const index_t prompt = cache.open();
    auto one = cache.select({prompt});
    const sequence six = more_tokens(s, {}, 6, r, true);
    step({six}).into(one, s);
    CHECK(cache.pool().free() == 4);
    const index_t fork = cache.fork(prompt);
    CHECK(cache.pool().free() == 4);
    CHECK(cache.pool().uses(cache.pages(prompt)[1]) == 2);
    auto both = cache.select({prompt, fork});
    step({more_tokens(s, six, 1, r, true), more_tokens(s, six, 1, r, true)}).into(both, s);
    CHECK(cache.pool().free() == 3);  // one copied the page, the other kept it
    CHECK(cache.pages(prompt)[0] == cache.pages(fork)[0]);
    CHECK(cache.pages(prompt)[1] != cache.pages(fork)[1]);
    CHECK(model::element(both.keys(0), 0, 0, 5, 1) == model::element(both.keys(0), 1, 0, 5, 1));
    CHECK(model::element(both.keys(0), 0, 0, 6, 1) != model::element(both.keys(0), 1, 0, 6, 1));
    cache.close(prompt);
    CHECK(cache.pool().free() == 4);
    CHECK(cache.pool().uses(cache.pages(fork)[0]) == 1);
}

TEST_CASE("the last copy needs no page of its own", "[cache]") {
    const shape s{1, 1, 2, 2};
    inputs::random r(8);
    domino::paged_cache<float> cache({.batch = 2, .cells = 4, .head_dim = 2});
    const index_t a = cache.open();
    auto one = cache.select({a});
    const sequence two = more_tokens(s, {}, 2, r, true);
    step({two}).into(one, s);
    const index_t b = cache.fork(a);
    auto both = cache.select({a, b});
    CHECK_NOTHROW(step({more_tokens(s, two, 1, r, true), more_tokens(s, two, 1, r, true)}).into(both, s));
    CHECK(cache.pool().free() == 0);
}

TEST_CASE("an entry that brings no token takes no page", "[cache]") {
    domino::paged_cache<float> cache({.batch = 2, .cells = 4, .head_dim = 2});
    const index_t a = cache.open();
    auto one = cache.select({a});
    one.extend(std::vector<position_t>{0, 1});
    const index_t fork = cache.fork(a), other = cache.open();
    auto all = cache.select({a, fork, other});
    CHECK_NOTHROW(all.extend(std::vector<position_t>{-1, -1, 0}, std::vector<index_t>{0, 0, 1}));
    CHECK(cache.pool().free() == 0);
    CHECK(cache.pages(a)[0] == cache.pages(fork)[0]);
    cache.close(other);
    cache.evict_before(a, 2), cache.evict_before(fork, 2);
    CHECK(cache.pool().free() == 2);
    one.extend({});
    CHECK(cache.pool().free() == 2);
    // positions go on where they were, though nothing is left of them
    CHECK(has(refusal([&] { one.extend(std::vector<position_t>{0}); }), "below 1"));
    CHECK_NOTHROW(one.extend(std::vector<position_t>{2}));
    cache.keep(a, 0);
    CHECK_NOTHROW(one.extend(std::vector<position_t>{0}));
}

TEST_CASE("positions go on behind what was evicted, whatever is kept or forked of it", "[cache][errors]") {
    domino::paged_cache<float> cache({.batch = 8, .cells = 2, .head_dim = 4});
    const index_t a = cache.open();
    auto one = cache.select({a});
    one.extend(std::vector<position_t>{0, 1, 2, 3, 4});
    cache.evict_before(a, 4);
    auto other = cache.select({cache.fork(a, 4)});
    cache.keep(a, 4);
    for (auto* s : {&one, &other}) {
        CHECK(has(refusal([&] { s->extend(std::vector<position_t>{2}); }), "below 3"));
        CHECK_NOTHROW(s->extend(std::vector<position_t>{3}));
    }
}

TEST_CASE("a selection of a closed sequence is not the next one's of its number", "[cache][errors]") {
    domino::paged_cache<float> cache({.batch = 8, .cells = 2, .head_dim = 4});
    const index_t a = cache.open();
    auto one = cache.select({a});
    one.extend(std::vector<position_t>{0, 1});
    cache.close(a);
    const index_t next = cache.open();
    CHECK(next == a);
    CHECK(has(refusal([&] { one.extend(std::vector<position_t>{5}); }), "closed"));
    CHECK(has(refusal([&] { one.keep(0, 0); }), "closed"));
    CHECK(has(refusal([&] { one.positions(); }), "closed"));
    CHECK(cache.end(next) == 0);
    CHECK_NOTHROW(cache.select({next}).extend(std::vector<position_t>{5}));
}

TEST_CASE("overflow names the cache's size and overwrites nothing", "[cache][errors]") {
    domino::linear_cache<float> cache({.batch = 2, .cells = 4, .head_dim = 2});
    const std::vector<position_t> three{0, 1, 2, 0, 1, 2}, two{3, 4, 3, 4}, one{3, 3};
    cache.extend(three);
    CHECK(has(refusal([&] { cache.extend(two); }), "full"));
    CHECK(has(refusal([&] { cache.extend(two, std::vector<index_t>{1, 2}); }), "batch entry 1"));
    CHECK(cache.end(0) == 3);
    CHECK_NOTHROW(cache.extend(one));
    CHECK(has(refusal([&] { cache.extend(one); }), "full"));
}

TEST_CASE("a ring refuses what would hide a key from a query", "[cache][errors]") {
    domino::ring_cache<float> ring({.cells = 5, .head_dim = 2}, 4);  // chunks of two
    ring.extend(std::vector<position_t>{0, 1, 2});
    CHECK_NOTHROW(ring.extend(std::vector<position_t>{3, 4}));
    CHECK(has(refusal([&] { ring.extend(std::vector<position_t>{5, 6, 7}); }), "position 5"));
    CHECK_NOTHROW(ring.extend(std::vector<position_t>{5, 6}));  // 0 and 1 are gone
    CHECK(ring.positions().at(index_t{0}, index_t{0}) == 5);
    CHECK(has(refusal([&] { ring.keep(0, 4); }), "overwritten 1"));  // 4 sees 1
    CHECK_NOTHROW(ring.keep(0, 5));
    CHECK_NOTHROW(ring.keep(0, 0));  // a new start
    CHECK_NOTHROW(ring.extend(std::vector<position_t>{0}));
    CHECK(has(refusal([] { domino::ring_cache<float>({.cells = 3, .head_dim = 2}, 4); }), "cells"));
    CHECK(has(refusal([] { domino::ring_cache<float>({.cells = 3, .head_dim = 2}, 0); }), "window"));
}

TEST_CASE("a ring goes on after padding has taken all cells, and to the last position", "[cache]") {
    domino::ring_cache<float> ring({.cells = 1, .head_dim = 2}, 1);
    ring.extend(std::vector<position_t>{3});
    for (int i = 0; i < 3; ++i) CHECK_NOTHROW(ring.extend(std::vector<position_t>{-1}));
    CHECK_NOTHROW(ring.extend({}));
    CHECK(has(refusal([&] { ring.extend(std::vector<position_t>{2}); }), "below 3"));
    const position_t last = std::numeric_limits<position_t>::max();
    CHECK_NOTHROW(ring.extend(std::vector<position_t>{last}));
    CHECK_NOTHROW(ring.extend(std::vector<position_t>{-1}));

    domino::ring_cache<float> two({.cells = 2, .head_dim = 2}, 2);
    two.extend(std::vector<position_t>{0, 1});
    CHECK(has(refusal([&] { two.extend(std::vector<position_t>{-1, -1}); }), "position 2"));
}

TEST_CASE("a ring of one cell keeps padding", "[cache]") {
    domino::ring_cache<float> ring({.cells = 1, .head_dim = 2}, 1);
    ring.extend(std::vector<position_t>{0});
    ring.extend(std::vector<position_t>{-1});
    CHECK_NOTHROW(ring.keep(0, ring.end(0)));
    CHECK(ring.end(0) == 2);
    CHECK_NOTHROW(ring.extend(std::vector<position_t>{1}));
}

TEST_CASE("pages that are foreign or free", "[cache][errors]") {
    domino::page_pool pool(2);
    CHECK(has(refusal([&] { pool.release(2); }), "one of 2 pages"));
    CHECK(has(refusal([&] { pool.release(-1); }), "one of 2 pages"));
    CHECK(has(refusal([&] { pool.release(0); }), "free"));
    const auto page = pool.allocate();
    pool.share(page);
    pool.release(page), pool.release(page);
    CHECK(has(refusal([&] { pool.release(page); }), "free"));
    CHECK(has(refusal([&] { pool.share(page); }), "free"));
    pool.allocate(), pool.allocate();
    CHECK(has(refusal([&] { pool.allocate(); }), "in use"));
}

TEST_CASE("sequences that are not there", "[cache][errors]") {
    domino::paged_cache<float> cache({.batch = 2, .cells = 4, .head_dim = 2});
    CHECK(has(refusal([&] { cache.end(0); }), "sequence"));
    const index_t a = cache.open();
    cache.close(a);
    for (const auto& f : std::vector<std::function<void()>>{[&] { cache.close(a); }, [&] { cache.fork(a, 0); },
                                                            [&] { cache.select({a}); }, [&] { cache.keep(a, 0); },
                                                            [&] { cache.evict_before(a, 0); }})
        CHECK(has(refusal(f), "sequence"));
    const index_t b = cache.open();
    CHECK(has(refusal([&] { cache.select({b, b}); }), "twice"));
    CHECK(has(refusal([&] { cache.fork(b, 1); }), "tokens"));
    auto one = cache.select({b});
    const std::vector<position_t> nine{0, 1, 2, 3, 4, 5, 6, 7, 8};
    CHECK(has(refusal([&] { one.extend(nine); }), "3 free pages"));
    CHECK(cache.pool().free() == 2);
    one.extend(std::vector<position_t>{0});
    cache.keep(b, 0);
    const std::vector<float> x(2);
    CHECK(has(refusal([&] { one.store(0, domino::bhsd(x.data(), 1, 1, 1, 2), domino::bhsd(x.data(), 1, 1, 1, 2)); }),
              "extend()"));
    cache.close(b);
    CHECK(has(refusal([&] { one.keys(0); }), "sequence"));
}

TEST_CASE("positions that run backwards, counts and tensors that do not fit", "[cache][errors]") {
    domino::linear_cache<float> cache({.layers = 2, .batch = 2, .heads = 2, .cells = 8, .head_dim = 4, .value_dim = 3});
    cache.extend(std::vector<position_t>{5, -1, 0, 1});
    CHECK(has(refusal([&] { cache.extend(std::vector<position_t>{4, 2}); }), "below 5"));
    CHECK(has(refusal([&] { cache.extend(std::vector<position_t>{6, 4, 2, 3}); }), "below 6"));
    CHECK_NOTHROW(cache.extend(std::vector<position_t>{5, 2}));
    CHECK(has(refusal([&] { cache.extend(std::vector<position_t>{6, 7, 8}); }), "batch"));
    CHECK(has(refusal([&] { cache.extend(std::vector<position_t>{6, 7}, std::vector<index_t>{1}); }), "counts"));
    CHECK(has(refusal([&] { cache.extend(std::vector<position_t>{6, 7}, std::vector<index_t>{1, 2}); }), "counts"));
    CHECK(has(refusal([&] { cache.extend(std::vector<position_t>{6, 7}, std::vector<index_t>{1, -1}); }), "counts"));

    const std::vector<float> x(64);
    const auto tensor = [&](index_t b, index_t h, index_t n, index_t d) { return domino::bhsd(x.data(), b, h, n, d); };
    CHECK_NOTHROW(cache.store(1, tensor(2, 2, 1, 4), tensor(2, 2, 1, 3)));
    CHECK(has(refusal([&] { cache.store(2, tensor(2, 2, 1, 4), tensor(2, 2, 1, 3)); }), "layer"));
    CHECK(has(refusal([&] { cache.store(-1, tensor(2, 2, 1, 4), tensor(2, 2, 1, 3)); }), "layer"));
    CHECK(has(refusal([&] { cache.store(0, tensor(1, 2, 1, 4), tensor(2, 2, 1, 3)); }), "batch"));
    CHECK(has(refusal([&] { cache.store(0, tensor(2, 3, 1, 4), tensor(2, 2, 1, 3)); }), "heads"));
    CHECK(has(refusal([&] { cache.store(0, tensor(2, 2, 2, 4), tensor(2, 2, 1, 3)); }), "last extend"));
    CHECK(has(refusal([&] { cache.store(0, tensor(2, 2, 1, 4), tensor(2, 2, 1, 4)); }), "head_dim"));
    cache.keep(0, 0);
    CHECK(has(refusal([&] { cache.store(0, tensor(2, 2, 1, 4), tensor(2, 2, 1, 3)); }), "last extend"));

    CHECK(has(refusal([&] { cache.keep(1, 3, std::vector<index_t>{2}); }), "kept"));
    CHECK(has(refusal([&] { cache.keep(1, 1, std::vector<index_t>{1, 1}); }), "kept"));
    CHECK(has(refusal([&] { cache.keep(1, 1, std::vector<index_t>{3}); }), "kept"));
    CHECK(has(refusal([&] { cache.keep(1, 4); }), "first"));
    CHECK(has(refusal([&] { cache.keep(2, 0); }), "b: "));
}

TEST_CASE("shapes that cannot be", "[cache][errors]") {
    using cache = domino::linear_cache<std::int8_t>;
    CHECK(has(refusal([] { cache({.cells = 4, .head_dim = 0}); }), "head_dim"));
    CHECK(has(refusal([] { cache({.cells = 0, .head_dim = 4}); }), "cells"));
    CHECK(has(refusal([] { cache({.batch = -1, .cells = 4, .head_dim = 4}); }), "batch"));
    CHECK(has(refusal([] { cache({.heads = 0, .cells = 4, .head_dim = 4}); }), "heads"));
    CHECK(has(refusal([] { cache({.layers = 0, .cells = 4, .head_dim = 4}); }), "layers"));
    CHECK(has(refusal([] { cache({.cells = 4, .head_dim = 4, .scale_block = 3}); }), "scale_block"));
    CHECK(has(refusal([] { cache({.cells = index_t{1} << 40, .head_dim = index_t{1} << 30}); }), "overflow"));
}

TEST_CASE("int8: what is not finite poisons its own block alone", "[cache]") {
    domino::cache_rows<std::int8_t> rows(1, 1, 1, 6, 2);
    const float x[6] = {1, -2, std::nanf(""), 3, 0, 0};
    rows.write(0, 0, 0, x);
    const auto view = rows.view(1);
    CHECK(model::element(view, 0, 0, 0, 1) == -2);
    CHECK(std::isnan(model::element(view, 0, 0, 0, 2)));
    CHECK(model::element(view, 0, 0, 0, 5) == 0);
    const float y[6] = {1, 2, 3, std::numeric_limits<float>::infinity(), 1e-42f, -1e-42f};
    rows.write(0, 0, 0, y);
    CHECK(std::isnan(model::element(rows.view(1), 0, 0, 0, 3)));
    CHECK(std::abs(model::element(rows.view(1), 0, 0, 0, 4)) <= 1e-42f);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention over the caches' own views, by positions, equals attention over the tokens that were appended: far beyond a
// ring's and a page's end, over cells poisoned with NaN, for every element type, after forks and drafts thrown away.

#include <domino/compiled_elsewhere.hpp>
#include <set>

#include "cache_model.hpp"
#include "catch.hpp"

namespace {

using model::at;
using model::index_t;
using model::position_t;
using model::sequence;
using model::shape;
using model::step;

constexpr index_t no_window = index_t{1} << 30;

domino::any_mask mask_for(const domino::table_view<position_t, 2>& q_pos,
                          const domino::table_view<position_t, 2>& kv_pos, index_t window) {
    using namespace domino;
    return causal_by_position(q_pos, kv_pos) && q_pos(b, q) - kv_pos(b, kv) < window;
}

/// The worst difference, for random queries at the last few positions of each entry, from the oracle over all its tokens.
template <class Cache>
double worst(const Cache& cache, const shape& s, const std::vector<const sequence*>& tokens, index_t window,
             inputs::random& r) {
    const index_t batch = cache.batch(), group = 2, heads = group * s.heads, len = r.between(1, 3);
    std::vector<position_t> q_positions;
    for (const sequence* t : tokens) {
        position_t last = 0;
        for (const auto& token : *t) last = std::max(last, token.position);
        for (index_t i = 0; i < len; ++i) q_positions.push_back(last + static_cast<position_t>(i));
    }
    std::vector<float> q(at(batch * heads * len * s.head_dim)), o(at(batch * heads * len * s.value_dim), 99.f);
    for (float& x : q) x = static_cast<float>(r.normal());
    const index_t layer = r.below(s.layers);
    const auto q_pos = domino::table(q_positions.data(), batch, len);
    domino::attention(domino::bhsd<const float>(q.data(), batch, heads, len, s.head_dim), cache.keys(layer),
                      cache.values(layer), domino::bhsd(o.data(), batch, heads, len, s.value_dim),
                      mask_for(q_pos, cache.positions(), window));
    double most = 0;
    for (index_t b = 0; b < batch; ++b)
        for (index_t h = 0; h < heads; ++h)
            for (index_t i = 0; i < len; ++i) {
                const index_t row = (b * heads + h) * len + i;
                const auto expected = model::attend(s, layer, h / group, *tokens[at(b)], q.data() + row * s.head_dim,
                                                    q_positions[at(b * len + i)], window);
                for (index_t c = 0; c < s.value_dim; ++c) {
                    const double got = double(o[at(row * s.value_dim + c)]);
                    most = std::max(most, got == got ? std::abs(got - expected[at(c)]) : 1e9);
                }
            }
    return most;
}

/// What the cache made of a token's numbers, so that rounding is not held against it.
template <class Cache>
void read_back(model::token& t, const Cache& cache, const shape& s, index_t b, index_t column) {
    for (index_t layer = 0; layer < s.layers; ++layer)
        for (index_t h = 0; h < s.heads; ++h) {
            for (index_t c = 0; c < s.head_dim; ++c)
                t.key[at((layer * s.heads + h) * s.head_dim + c)] = model::element(cache.keys(layer), b, h, column, c);
            for (index_t c = 0; c < s.value_dim; ++c)
                t.value[at((layer * s.heads + h) * s.value_dim + c)] =
                    model::element(cache.values(layer), b, h, column, c);
        }
}

/// `cells`: where token i lies in the views.
template <class Cache>
void append(Cache& cache, const shape& s, const std::vector<sequence*>& tokens, index_t most, index_t cells, bool pads,
            inputs::random& r) {
    std::vector<sequence> added;
    for (const sequence* t : tokens) {
        position_t last = -1;
        for (const auto& token : *t) last = std::max(last, token.position);
        added.emplace_back();
        for (index_t n = r.between(0, most); n > 0; --n)
            added.back().push_back(model::make_token(s, pads && r.coin(0.1) ? -1 : ++last, r));
    }
    step(added).into(cache, s);
    for (index_t b = 0; b < std::ssize(tokens); ++b)
        for (auto& token : added[at(b)]) {
            const index_t column = std::ssize(*tokens[at(b)]) % cells;
            read_back(token, cache, s, b, column);
            tokens[at(b)]->push_back(token);
        }
    const auto positions = cache.positions();
    for (index_t layer = 0; layer < s.layers; ++layer) {
        const auto is_empty = [&](index_t b, index_t column) { return positions.at(b, column) < 0; };
        model::poison(cache.keys(layer), is_empty), model::poison(cache.values(layer), is_empty);
    }
}

constexpr double bound = 2e-5;  // outputs of order 1, a few hundred roundings of 2^-24

template <class T>
void linear(std::uint64_t seed) {
    inputs::random r(seed);
    const shape s{2, r.between(1, 2), 8, 6};
    const index_t batch = r.between(1, 3), cells = 260;
    domino::linear_cache<T> cache({s.layers, batch, s.heads, cells, s.head_dim, s.value_dim, 2});
    std::vector<sequence> tokens(at(batch));
    std::vector<sequence*> all;
    for (auto& t : tokens) all.push_back(&t);
    for (index_t used = 0; used <= cells - 30; used += 30) {
        append(cache, s, all, 30, cells, true, r);
        if (std::ssize(tokens[0]) > 3 && r.coin()) {
            const index_t keep = std::ssize(tokens[0]) - 3;
            cache.keep(0, keep, std::vector<index_t>{keep + 1});
            tokens[0].erase(tokens[0].begin() + keep + 2), tokens[0].erase(tokens[0].begin() + keep);
        }
        CHECK(worst(cache, s, {all.begin(), all.end()}, r.coin() ? no_window : 40, r) < bound);
    }
}

template <class T>
void ring(std::uint64_t seed) {
    inputs::random r(seed);
    const shape s{2, r.between(1, 2), 8, 6};
    const index_t batch = r.between(1, 3), window = r.between(1, 150), most = r.between(3, 20),
                  cells = window + most + 4;
    domino::ring_cache<T> cache({s.layers, batch, s.heads, cells, s.head_dim, s.value_dim, 2}, window);
    std::vector<sequence> tokens(at(batch));
    std::vector<sequence*> all;
    for (auto& t : tokens) all.push_back(&t);
    for (int i = 0; i < 60; ++i) {
        append(cache, s, all, most, cells, false, r);
        if (std::ssize(tokens[0]) > 3 && r.coin()) {
            const index_t keep = std::ssize(tokens[0]) - 2;
            cache.keep(0, keep);
            tokens[0].resize(at(keep));
        }
        CHECK(worst(cache, s, {all.begin(), all.end()}, window, r) < bound);
    }
    CHECK(std::ssize(tokens[0]) > cells);
}

template <class T>
void paged(std::uint64_t seed) {
    inputs::random r(seed);
    const shape s{2, r.between(1, 2), 8, 6};
    const index_t page_size = r.pick(std::vector<index_t>{1, 3, 16, 32});
    domino::paged_cache<T> cache({s.layers, 2000 / page_size, s.heads, page_size, s.head_dim, s.value_dim, 2});
    std::vector<index_t> ids{cache.open()};
    std::vector<sequence> tokens(4);
    for (int i = 0; i < 14; ++i) {
        if (ids.size() < 4 && i % 3 == 2) {
            const std::size_t original = at(r.below(std::ssize(ids)));
            const index_t len = r.between(0, std::ssize(tokens[original]));
            tokens[ids.size()] = sequence(tokens[original].begin(), tokens[original].begin() + len);
            ids.push_back(cache.fork(ids[original], len));
        }
        std::vector<sequence*> all;
        for (std::size_t j = 0; j < ids.size(); ++j) all.push_back(&tokens[j]);
        auto batch = cache.select(ids);
        append(batch, s, all, 30, no_window, true, r);
        const index_t window = r.coin() ? no_window : 40;
        CHECK(worst(batch, s, {all.begin(), all.end()}, window, r) < bound);
    }
    // a window has passed: the first pages go, the answer stays
    const index_t free = cache.pool().free();
    for (std::size_t j = 0; j < ids.size(); ++j) {
        position_t last = 0;
        for (const auto& t : tokens[j]) last = std::max(last, t.position);
        cache.evict_before(ids[j], last - 40);
    }
    CHECK(cache.pool().free() > free);
    auto batch = cache.select(ids);
    CHECK(worst(batch, s, {&tokens[0], &tokens[1], &tokens[2], &tokens[3]}, 40, r) < bound);
}

/// A source that remembers which tokens were asked for.
template <class Source>
struct watched {
    using element = typename Source::element;
    Source source;
    std::set<index_t>* asked;
    index_t batch() const { return source.batch(); }
    index_t heads() const { return source.heads(); }
    index_t len() const { return source.len(); }
    index_t head_dim() const { return source.head_dim(); }
    domino::row_run<element> rows(index_t b, index_t h, index_t kv) const {
        asked->insert(kv);
        return source.rows(b, h, kv);
    }
};

}  // namespace

TEST_CASE("attention over a linear cache", "[cache]") {
    for (std::uint64_t seed = 300; seed < 303; ++seed)
        linear<float>(seed), linear<domino::float16>(seed), linear<domino::bfloat16>(seed), linear<std::int8_t>(seed);
}

TEST_CASE("attention over a ring, many times around", "[cache]") {
    for (std::uint64_t seed = 310; seed < 313; ++seed)
        ring<float>(seed), ring<domino::float16>(seed), ring<domino::bfloat16>(seed), ring<std::int8_t>(seed);
}

TEST_CASE("attention over pages: forks, ragged batches, evicted pages", "[cache]") {
    for (std::uint64_t seed = 320; seed < 323; ++seed)
        paged<float>(seed), paged<domino::float16>(seed), paged<domino::bfloat16>(seed), paged<std::int8_t>(seed);
}

TEST_CASE("pages that no query sees are not asked for", "[cache]") {
    inputs::random r(330);
    const shape s{1, 1, 8, 8};
    domino::paged_cache<float> cache({.batch = 100, .cells = 64, .head_dim = 8});
    auto one = cache.select({cache.open()});
    sequence tokens;
    for (position_t p = 0; p < 6000; ++p) tokens.push_back(model::make_token(s, p, r));
    step({tokens}).into(one, s);
    const position_t query[1] = {5000};
    const auto q_pos = domino::table(query, 1, 1);
    std::vector<float> q(8, 0.5f), o(8);
    std::set<index_t> asked;
    const auto keys = one.keys(0), values = one.values(0);
    domino::attention(domino::bhsd<const float>(q.data(), 1, 1, 1, 8), watched<decltype(keys)>{keys, &asked},
                      watched<decltype(values)>{values, &asked}, domino::bhsd(o.data(), 1, 1, 1, 8),
                      mask_for(q_pos, one.positions(), 200));
    REQUIRE(!asked.empty());
    CHECK(*asked.begin() >= 4801 - 96);  // a tile has 96 keys
    CHECK(*asked.rbegin() <= 5000 + 96);
}

TEST_CASE("an empty cache gives zeros", "[cache]") {
    domino::linear_cache<float> linear({.batch = 2, .cells = 4, .head_dim = 8});
    domino::paged_cache<domino::float16> cache({.batch = 2, .cells = 4, .head_dim = 8});
    auto pages = cache.select({cache.open(), cache.open()});
    const std::vector<position_t> positions(2, 3);
    const auto q_pos = domino::table(positions.data(), 2, 1);
    const std::vector<float> q(16, 1.f);
    const auto zeros = [&](const auto& c) {
        std::vector<float> o(16, 7.f);
        domino::attention(domino::bhsd(q.data(), 2, 1, 1, 8), c.keys(0), c.values(0),
                          domino::bhsd(o.data(), 2, 1, 1, 8), mask_for(q_pos, c.positions(), no_window));
        return o == std::vector<float>(16, 0.f);
    };
    CHECK(zeros(linear));
    CHECK(zeros(pages));
}

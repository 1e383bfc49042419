// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention layer of every kind of model equals its formula in float64, without a cache and with each kind of one,
// whatever the chunks, the padding, the batch and the element type.

#include <domino/info/positions.hpp>
#include <functional>

#include "cache_model.hpp"
#include "catch.hpp"
#include "layer_model.hpp"

namespace {

using layer_model::at;
using layer_model::index_t;
using layer_model::position_t;

/// The largest difference; activations are of order 1.
double difference(const domino::matrix& got, index_t first, const std::vector<layer_model::numbers>& expected,
                  index_t from, index_t count) {
    double worst = 0;
    for (index_t i = 0; i < count; ++i)
        for (index_t c = 0; c < got.cols(); ++c) {
            const double x = double(got(first + i, c)), y = expected[at(from + i)][at(c)];
            worst = std::max(worst, x == x ? std::abs(x - y) / (1 + std::abs(y)) : 1e9);
        }
    return worst;
}

/// float32 throughout: a few hundred roundings of 2^-24 on numbers of order 1.
constexpr double bound = 3e-5;

std::vector<position_t> positions_with_padding(index_t n, inputs::random& r) {
    std::vector<position_t> out;
    position_t next = 0;
    for (index_t i = 0; i < n; ++i) out.push_back(r.coin(0.15) ? -1 : next++);
    return out;
}

std::vector<position_t> plain_positions(index_t n) {
    std::vector<position_t> out;
    for (index_t i = 0; i < n; ++i) out.push_back(static_cast<position_t>(i));
    return out;
}

/// Hands a sequence to a cached layer in random chunks and compares each with the formula over the whole.
template <class Cache>
double in_chunks(const domino::attention_layer& layer, const domino::matrix& x,
                 const std::vector<position_t>& positions, Cache& cache, index_t most, inputs::random& r,
                 const std::vector<layer_model::numbers>& expected) {
    double worst = 0;
    for (index_t begin = 0; begin < x.rows();) {
        const index_t n = std::min(r.between(1, most), x.rows() - begin);
        const std::span<const position_t> now(positions.data() + begin, at(n));
        cache.extend(now, std::span<const index_t>{});
        const domino::matrix y = layer(x.middleRows(begin, n), now, cache, 0);
        worst = std::max(worst, difference(y, 0, expected, begin, n));
        begin += n;
    }
    return worst;
}

domino::cache_shape shape_for(const domino::attention_config& c, index_t batch, index_t cells) {
    return {.batch = batch, .heads = c.kv_heads, .cells = cells, .head_dim = c.head_dim};
}

/// NaN in every cell that no token was written to. Only what a view shows can be reached: a cache that was filled and
/// emptied shows it all.
template <class Cache>
void poison(Cache& cache, const domino::attention_config& c, index_t cells) {
    const std::vector<float> nan(at(c.kv_heads * cells * c.head_dim), std::nanf(""));
    cache.extend(plain_positions(cells), std::span<const index_t>{});
    const auto x = domino::bhsd(nan.data(), 1, c.kv_heads, cells, c.head_dim);
    cache.store(0, x, x);
}

std::string refusal(const std::function<void()>& f) {
    try {
        f();
    } catch (const domino::invalid_argument& e) { return e.what(); }
    return "no exception";
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the uncached layer is its formula", "[layer]") {
    inputs::random r(201);
    for (const auto& w : layer_model::layers(r))
        for (index_t n : {1, 2, 7, 40}) {
            const domino::attention_layer layer(w.config, w.view());
            const auto x = layer_model::random_tokens(2 * n, w.config.width, r);
            auto positions = plain_positions(n);
            const auto padded = positions_with_padding(n, r);
            positions.insert(positions.end(), padded.begin(), padded.end());
            const auto y = layer(x, 2, positions);
            CAPTURE(n, w.config.heads, w.config.kv_heads, w.config.window);
            CHECK(difference(y, 0, layer_model::run(w, x.topRows(n), plain_positions(n)), 0, n) < bound);
            CHECK(difference(y, n, layer_model::run(w, x.bottomRows(n), padded), 0, n) < bound);
        }
}

TEST_CASE("cached is uncached, in any chunks, in every cache, over poisoned cells", "[layer]") {
    inputs::random r(202);
    for (const auto& w : layer_model::layers(r)) {
        const auto& c = w.config;
        if (!c.is_causal) continue;  // an encoder's early tokens see later ones, which no cache has yet
        CAPTURE(c.heads, c.kv_heads, c.window);
        const domino::attention_layer layer(c, w.view());
        const index_t n = 45, most = 6;
        const auto x = layer_model::random_tokens(n, c.width, r);
        for (const auto& positions : {plain_positions(n), positions_with_padding(n, r)}) {
            const auto expected = layer_model::run(w, x, positions);
            domino::linear_cache<float> linear(shape_for(c, 1, n + 3));
            poison(linear, c, n + 3), linear.keep(0, 0);
            CHECK(in_chunks(layer, x, positions, linear, most, r, expected) < bound);

            domino::paged_cache<float> pages(shape_for(c, 20, 4));
            const index_t old = pages.open();
            auto full = pages.select({old});
            poison(full, c, 80), pages.close(old);
            auto one = pages.select({pages.open()});
            CHECK(in_chunks(layer, x, positions, one, most, r, expected) < bound);

            if (c.window == 0) continue;
            // padding takes cells too: of the plain positions a ring of window + most - 1 cells holds all it needs
            const bool plain = positions == plain_positions(n);
            domino::ring_cache<float> ring(shape_for(c, 1, plain ? c.window + most - 1 : n), c.window);
            poison(ring, c, c.window), ring.keep(0, 0);
            CHECK(in_chunks(layer, x, positions, ring, most, r, expected) < bound);
        }
    }
}

TEST_CASE("smaller elements cost their rounding, no more", "[layer]") {
    inputs::random r(203);
    for (const auto& w : layer_model::layers(r)) {
        if (!w.config.is_causal) continue;
        const domino::attention_layer layer(w.config, w.view());
        const index_t n = 30;
        const auto x = layer_model::random_tokens(n, w.config.width, r);
        const auto positions = plain_positions(n);
        const auto expected = layer_model::run(w, x, positions);
        const auto error = [&](auto cached) {
            double worst = 0;
            for (index_t begin = 0; begin < n; begin += 10) {
                const auto y = cached(x.middleRows(begin, 10), std::span(positions).subspan(at(begin), 10));
                worst = std::max(worst, difference(y, 0, expected, begin, 10));
            }
            return worst;
        };
        using domino::kv_caching_attention;
        const double half = error(kv_caching_attention<domino::float16>::from_uncached(layer, n));
        const double brain = error(kv_caching_attention<domino::bfloat16>::from_uncached(layer, n));
        const double byte = error(kv_caching_attention<std::int8_t>::from_uncached(layer, n));
        CAPTURE(half, brain, byte);
        CHECK(error(kv_caching_attention<float>::from_uncached(layer, n)) < bound);
        CHECK(half < 0.02);
        CHECK(brain < 0.15);
        CHECK(byte < 0.15);
        CHECK(half > bound);  // they do round
    }
}

TEST_CASE("a ragged batch is its single sequences", "[layer]") {
    inputs::random r(204);
    for (const auto& w : layer_model::layers(r)) {
        const auto& c = w.config;
        if (!c.is_causal) continue;
        const domino::attention_layer layer(c, w.view());
        const index_t lengths[3] = {17, 9, 12};
        std::vector<domino::matrix> x;
        std::vector<std::vector<layer_model::numbers>> expected;
        for (const index_t n : lengths) {
            x.push_back(layer_model::random_tokens(n, c.width, r));
            expected.push_back(layer_model::run(w, x.back(), plain_positions(n)));
        }
        auto cached = domino::kv_caching_attention<float>::from_uncached(layer, 17, 3);
        domino::paged_cache<float> pages(shape_for(c, 15, 4));
        const std::vector<index_t> ids{pages.open(), pages.open(), pages.open()};
        auto batch = pages.select(ids);
        for (index_t done[3] = {0, 0, 0}, step = 0; step < 40; ++step) {
            index_t counts[3], len = 0;
            for (int b = 0; b < 3; ++b) {
                counts[b] = std::min(r.between(0, 3), lengths[b] - done[b]);
                len = std::max(len, counts[b]);
            }
            domino::matrix tokens(3 * len, c.width);
            std::vector<position_t> positions(at(3 * len), -1);
            tokens.setConstant(7);
            for (int b = 0; b < 3; ++b)
                for (index_t i = 0; i < counts[b]; ++i) {
                    tokens.row(b * len + i) = x[at(b)].row(done[b] + i);
                    positions[at(b * len + i)] = static_cast<position_t>(done[b] + i);
                }
            const auto y = cached(tokens, positions, counts);
            batch.extend(positions, counts);
            const auto z = layer(tokens, positions, batch, 0);
            for (int b = 0; b < 3; ++b) {
                CHECK(difference(y, b * len, expected[at(b)], done[b], counts[b]) < bound);
                CHECK(difference(z, b * len, expected[at(b)], done[b], counts[b]) < bound);
                done[b] += counts[b];
            }
        }
    }
}

TEST_CASE("penzai's vector: a pad in the middle", "[layer]") {
    // tokens [5, 0, 7] with pad 0 have positions [0, -1, 1], and the row of 7 sees cells 0 and 2
    const std::vector<int> tokens{5, 0, 7};
    const auto positions = domino::token_positions(tokens.data(), 1, 3);
    const auto table = domino::attention_layer::table_of(positions, 1);
    inputs::random r(205);
    const auto w = layer_model::layers(r)[0];
    const domino::attention_layer layer(w.config, w.view());
    const auto mask = layer.mask(table, table);
    const bool expected[3][3] = {{1, 0, 0}, {0, 0, 0}, {1, 0, 1}};
    for (index_t i = 0; i < 3; ++i)
        for (index_t j = 0; j < 3; ++j) CHECK(domino::evaluate(mask, domino::point{0, 0, i, j}) == expected[i][j]);
}

TEST_CASE("models as data", "[layer]") {
    for (const auto& c : domino::models) {
        CAPTURE(std::string(c.name));
        CHECK(domino::model_named(c.name).name == c.name);
        CHECK(c.heads % c.kv_heads == 0);
        CHECK(c.heads * c.head_dim >= c.width / 2);
        for (index_t i = 0; i < c.layers; ++i) CHECK((c.attention(i).window > 0) == (c.is_local(i) && c.window > 0));
    }
    const auto& gemma3 = domino::model_named("gemma3_4b");
    CHECK(gemma3.attention(4).window == 1024);
    CHECK(gemma3.attention(4).rotary->wavelength == 10'000);
    CHECK(gemma3.attention(5).window == 0);
    CHECK(gemma3.attention(5).rotary->scale == 8);
    CHECK(domino::model_named("gemma2_2b").attention(0).window == 4096);
    CHECK(domino::model_named("gemma2_2b").attention(1).window == 0);
    CHECK(std::abs(*domino::model_named("gemma3_27b").attention(0).query_scale - 1 / std::sqrt(168.f)) < 1e-8f);
    CHECK(has(refusal([&] { gemma3.attention(34); }), "layer"));
    CHECK(has(refusal([] { domino::model_named("gpt"); }), "gpt"));
}

TEST_CASE("weights, inputs and caches that do not fit", "[layer][errors]") {
    inputs::random r(206);
    const auto w = layer_model::layers(r)[5];  // Gemma 3: norms
    const auto& c = w.config;
    const auto refuses = [&](const char* word,
                             const std::function<void(domino::attention_config&, domino::layer_weights&)>& change) {
        domino::attention_config config = c;
        domino::layer_weights weights = w.view();
        change(config, weights);
        CAPTURE(word);
        CHECK(has(refusal([&] { domino::attention_layer(config, weights); }), word));
    };
    refuses("weights.q", [](auto& x, auto&) { ++x.heads; });
    refuses("config.heads", [](auto& x, auto&) { x.heads = 3, x.kv_heads = 2; });
    refuses("config.heads", [](auto& x, auto&) { x.heads = 0; });
    refuses("weights.q_norm", [](auto&, auto& y) { y.q_norm = y.q_norm.first(3); });
    refuses("weights.o_bias", [](auto&, auto& y) { y.o_bias = y.k_norm; });
    refuses("config.width", [](auto& x, auto&) { x.width = 0; });
    refuses("config.window", [](auto& x, auto&) { x.window = -1; });
    refuses("config.window", [](auto& x, auto&) { x.window = 4, x.is_causal = false; });
    refuses("config.softcap", [](auto& x, auto&) { x.softcap = -1; });
    refuses("softcap", [](auto& x, auto&) { x.softcap = 1e-40f; });
    refuses("softcap", [](auto& x, auto&) { x.softcap = INFINITY; });
    refuses("config.query_scale", [](auto& x, auto&) { x.query_scale = INFINITY; });
    refuses("config.norm_epsilon", [](auto& x, auto&) { x.norm_epsilon = NAN; });
    refuses("rope.scale", [](auto& x, auto&) { x.rotary->scale = 0.5f; });
    refuses("rope.wavelength", [](auto& x, auto&) { x.rotary->wavelength = 0; });
    refuses("rope.channels", [](auto& x, auto&) { x.rotary->channels = 3; });
    refuses("rope.channels", [](auto& x, auto&) { x.rotary->channels = 2 * x.head_dim; });

    const domino::attention_layer layer(c, w.view());
    const auto x = layer_model::random_tokens(4, c.width, r);
    const auto four = plain_positions(4), three = plain_positions(3);
    const std::vector<float> four_weights(4);
    CHECK(has(refusal([&] { layer(x.leftCols(3), 1, four); }), "x: "));
    CHECK(has(refusal([&] { layer(x, 1, three); }), "positions"));
    CHECK(has(refusal([&] { layer(x, 3, four); }), "batch"));
    CHECK(has(refusal([&] { layer(x, 0, four); }), "batch"));
    CHECK(has(refusal([&] { layer(x, 3, four, domino::causal); }), "batch"));
    CHECK(has(refusal([&] { layer.output(x); }), "linear: x"));
    CHECK(has(refusal([&] { domino::linear(x, w.view().q, four_weights); }), "linear: bias"));
    auto p = layer.project(x, four);
    const auto source = domino::bhsd(x.data(), 1, 1, 4, 1);
    CHECK(has(refusal([&] { layer.attend(p.q.leftCols(1), source, source, domino::causal); }), "queries"));
    auto cached = domino::kv_caching_attention<float>::from_uncached(layer, 6);
    p.v = p.v.topRows(3).eval();
    CHECK(has(refusal([&] { layer.store(p, cached.cache(), 0); }), "values"));
    CHECK(has(refusal([&] { cached(x, three); }), "x: "));
    CHECK(cached.cache().end(0) == 0);
    CHECK_NOTHROW(cached(x, four));
    CHECK(has(refusal([&] { cached(x, four); }), "full"));
    domino::linear_cache<float> other({.heads = c.kv_heads + 1, .cells = 8, .head_dim = c.head_dim});
    other.extend(four);
    CHECK(has(refusal([&] { layer(x, four, other, 0); }), "heads"));
    domino::linear_cache<float> wide({.heads = c.kv_heads, .cells = 8, .head_dim = c.head_dim + 1});
    wide.extend(four);
    CHECK(has(refusal([&] { layer(x, four, wide, 0); }), "head_dim"));
}

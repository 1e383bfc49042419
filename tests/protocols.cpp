// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One suite for all attention functions: the float64 reference, the materialized and the tiled one stand for each
// other in every option. The oracle is written here from the formulas, with dropout's generator written a second time.

#include <algorithm>
#include <cmath>
#include <domino/attention_fn.hpp>
#include <domino/compiled_elsewhere.hpp>
#include <domino/info/mask_info.hpp>
#include <domino/mask/mask.hpp>
#include <functional>

#include "catch.hpp"
#include "executors.hpp"
#include "inputs.hpp"
#include "threefry.hpp"

using namespace domino;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct shape {
    index_t batch, heads, kv_heads, q_len, kv_len, head_dim, value_dim;
};

/// Tensors, options and the oracle of one call.
struct problem {
    shape s;
    std::vector<float> q, k, v, o, lse;
    attention_options options{};
    std::function<bool(index_t, index_t, index_t, index_t)> keep = [](auto...) { return true; };
    bool softcapped = false;

    problem(const shape& extents, inputs::random& r) : s(extents) {
        const auto draw = [&](index_t n) {
            std::vector<float> out;
            for (index_t i = 0; i < n; ++i) out.push_back(static_cast<float>(r.normal()));
            return out;
        };
        q = draw(s.batch * s.heads * s.q_len * s.head_dim);
        k = draw(s.batch * s.kv_heads * s.kv_len * s.head_dim);
        v = draw(s.batch * s.kv_heads * s.kv_len * s.value_dim);
        o.assign(std::size_t(s.batch * s.heads * s.q_len * s.value_dim), 77.f);
        lse.assign(std::size_t(s.batch * s.heads * s.q_len), 77.f);
    }
    auto Q() const { return bhsd(q.data(), s.batch, s.heads, s.q_len, s.head_dim); }
    auto K() const { return bhsd(k.data(), s.batch, s.kv_heads, s.kv_len, s.head_dim); }
    auto V() const { return bhsd(v.data(), s.batch, s.kv_heads, s.kv_len, s.value_dim); }
    auto O() { return bhsd(o.data(), s.batch, s.heads, s.q_len, s.value_dim); }

    template <AttentionFn F>
    void run(const F& attend, const any_mask& mask_mod) {
        options.lse = lse.data();
        const auto any = scalar([](float x, int, int, int, int) { return 2.f * std::tanh(x / 2.f); });
        if (softcapped) attend(Q(), K(), V(), O(), mask_mod, any, options);
        else attend(Q(), K(), V(), O(), mask_mod, score, options);
    }

    /// The largest difference from the formulas, over output and log-sum-exp; infinity where a class differs.
    double difference() const {
        double worst = 0;
        const auto add = [&](double expected, float got) {
            if (std::isfinite(expected) != std::isfinite(got) || std::isnan(expected) != std::isnan(got) ||
                (std::isinf(expected) && expected != double(got)))
                worst = infinity;
            else if (std::isfinite(expected))
                worst = std::max(worst, std::abs(expected - double(got)) / (1 + std::abs(expected)));
        };
        const auto scale = double(options.scale.value_or(1 / std::sqrt(float(s.head_dim))));
        std::size_t row = 0;
        for (index_t b_ = 0; b_ < s.batch; ++b_)
            for (index_t h_ = 0; h_ < s.heads; ++h_)
                for (index_t i = 0; i < s.q_len; ++i, ++row) {
                    const index_t group = h_ / (s.heads / s.kv_heads), position = i + options.q_offset;
                    const index_t keys = options.kv_lengths.empty() ? s.kv_len : options.kv_lengths[std::size_t(b_)];
                    std::vector<double> weight;
                    double sum = options.smooth_softmax ? 1 : 0;
                    if (!options.sinks.empty()) sum = std::exp(double(options.sinks[std::size_t(h_)]));
                    for (index_t j = 0; j < keys; ++j) {
                        double dot = 0;
                        for (index_t c = 0; c < s.head_dim; ++c)
                            dot += double(q[std::size_t((row * std::size_t(s.head_dim)) + std::size_t(c))]) *
                                   double(k[std::size_t(((b_ * s.kv_heads + group) * s.kv_len + j) * s.head_dim + c)]);
                        dot *= scale;
                        if (softcapped) dot = 2 * std::tanh(dot / 2);
                        weight.push_back(keep(b_, h_, position, j) ? std::exp(dot) : 0);
                        sum += weight.back();
                    }
                    add(std::log(sum), lse[row]);
                    if (sum == 0 && options.empty_rows == empty_rows::uniform) {
                        std::fill(weight.begin(), weight.end(), 1.0);
                        sum = double(keys);
                    }
                    const dropout_options& d = options.dropout;
                    for (index_t c = 0; c < s.value_dim; ++c) {
                        double total = 0;
                        for (index_t j = 0; j < keys; ++j) {
                            const double p = sum == 0 ? 0 : weight[std::size_t(j)] / sum;
                            const bool dropped = d.rate > 0 && !d.deterministic &&
                                                 !second::keeps(double(d.rate), d.key, b_, h_, position, j);
                            const double kept = d.rate > 0 && !d.deterministic ? p / (1 - double(d.rate)) : p;
                            if (p > 0 && !dropped)
                                total +=
                                    kept *
                                    double(
                                        v[std::size_t(((b_ * s.kv_heads + group) * s.kv_len + j) * s.value_dim + c)]);
                        }
                        add(total, o[row * std::size_t(s.value_dim) + std::size_t(c)]);
                    }
                }
        return worst;
    }
};

const std::vector<shape> shapes{{1, 1, 1, 1, 1, 1, 1},    {2, 4, 2, 7, 13, 5, 3},  {1, 6, 2, 33, 100, 8, 8},
                                {1, 2, 2, 70, 97, 16, 9}, {1, 8, 1, 1, 193, 4, 4}, {2, 3, 3, 17, 96, 7, 17},
                                {1, 2, 1, 3, 0, 4, 4},    {1, 1, 1, 0, 5, 2, 2},   {1, 4, 2, 40, 31, 3, 2}};

constexpr double bound = 4e-6;

/// Masks with rows that see nothing among them.
struct mask_choice {
    any_mask mask;
    std::function<bool(index_t, index_t, index_t, index_t)> keep;
};
std::vector<mask_choice> masks() {
    return {{full, [](auto...) { return true; }},
            {causal, [](auto, auto, index_t i, index_t j) { return j <= i; }},
            {kv < q - 2 && q % 3 != 0, [](auto, auto, index_t i, index_t j) { return j < i - 2 && i % 3 != 0; }},
            {q - kv < 5 && kv - q < 3 && h != 1,
             [](auto, index_t head, index_t i, index_t j) { return i - j < 5 && j - i < 3 && head != 1; }},
            {none, [](auto...) { return false; }}};
}

static_assert(AttentionFn<reference_attention> && AttentionFn<materialized_attention> && AttentionFn<tiled_attention>);
static_assert(!AttentionFn<int>);
/// A user's own.
struct counting_attention {
    int* calls;
    template <class... Arguments>
    void operator()(const Arguments&... arguments) const {
        ++*calls;
        attention(arguments...);
    }
};
static_assert(AttentionFn<counting_attention>);

}  // namespace

TEMPLATE_TEST_CASE("attention functions agree with the formulas in every option", "", reference_attention,
                   materialized_attention, tiled_attention) {
    inputs::random r(11);
    for (const shape& s : shapes)
        for (const mask_choice& m : masks()) {
            problem p(s, r);
            p.keep = m.keep;
            const std::vector<float> sinks = [&] {
                std::vector<float> out;
                for (index_t i = 0; i < s.heads; ++i)
                    out.push_back(i % 3 == 2 ? -std::numeric_limits<float>::infinity() : float(r.normal() * 3));
                return out;
            }();
            const std::vector<index_t> lengths(std::size_t(s.batch), s.kv_len / 2);
            for (int variant = 0; variant < 64; ++variant) {
                if (variant >= 8 && !r.coin(0.25)) continue;
                p.options = {};
                p.softcapped = variant % 2;
                if (variant & 2) p.options.sinks = sinks;
                if (variant & 4) p.options.empty_rows = empty_rows::uniform;
                if (variant & 8) p.options.dropout = {.rate = 0.25f, .key = 5 + std::uint64_t(variant)};
                if (variant & 16) {
                    p.options.q_offset = s.kv_len - s.q_len;
                    p.options.kv_lengths = lengths;
                }
                if (variant & 32) {
                    p.options.scale = -0.7f;
                    if (!(variant & 2)) p.options.smooth_softmax = true;
                }
                p.run(TestType{}, m.mask);
                const double difference = p.difference();
                if (!(difference < bound)) {
                    CAPTURE(variant, to_string(m.mask), s.q_len, s.kv_len, s.heads);
                    CHECK(difference < bound);
                }
            }
        }
    SUCCEED();
}

TEMPLATE_TEST_CASE("a NaN that a row sees makes it NaN, though all else be hidden", "", reference_attention,
                   materialized_attention, tiled_attention) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> q_rows(4 * 8, 1.f), kv_rows(4 * 8, 1.f), out(4 * 8), lse(4);
    q_rows[3] = nan;      // of the first row, which sees one key
    q_rows[2 * 8] = nan;  // of the third
    const auto Q = bhsd(q_rows.data(), 1, 1, 4, 8), KV = bhsd(kv_rows.data(), 1, 1, 4, 8),
               O = bhsd(out.data(), 1, 1, 4, 8);
    TestType{}(Q, KV, KV, O, causal, score, {.lse = {lse.data()}});
    const auto weights = attention_weights(Q, KV, 0, 0, causal);
    for (const std::size_t row : {0u, 1u, 2u, 3u}) {
        CHECK(std::isnan(out[row * 8]) == (row % 2 == 0));
        CHECK(std::isnan(lse[row]) == (row % 2 == 0));
        CHECK(std::isnan(weights[row * 4]) == (row % 2 == 0));
    }
}

TEMPLATE_TEST_CASE("a boolean tensor is a mask, whatever axes it broadcasts", "", reference_attention,
                   materialized_attention, tiled_attention) {
    inputs::random r(12);
    const shape s{2, 4, 2, 9, 20, 4, 4};
    for (int axes_kept = 0; axes_kept < 16; ++axes_kept) {
        const std::array<index_t, 4> extents{axes_kept & 1 ? 2 : 1, axes_kept & 2 ? 4 : 1, axes_kept & 4 ? 9 : 1,
                                             axes_kept & 8 ? 20 : 1};
        std::vector<std::uint8_t> bits;
        for (index_t i = 0; i < extents[0] * extents[1] * extents[2] * extents[3]; ++i) bits.push_back(r.coin(0.6));
        problem p(s, r);
        p.keep = [&](index_t b_, index_t h_, index_t i, index_t j) {
            const auto pick = [&](index_t x, std::size_t axis) { return extents[axis] == 1 ? 0 : x; };
            return bits[std::size_t(((pick(b_, 0) * extents[1] + pick(h_, 1)) * extents[2] + pick(i, 2)) * extents[3] +
                                    pick(j, 3))] != 0;
        };
        p.run(TestType{}, boolean_mask(bits.data(), extents));
        CHECK(p.difference() < bound);
    }
    const std::uint8_t few[6]{};
    problem p(s, r);
    CHECK_THROWS_WITH(p.run(TestType{}, boolean_mask(few, {2, 1, 1, 3})),
                      "domino: boolean_mask: expected kv_len of 1 or at least 20, got 3");
    CHECK_THROWS_WITH(boolean_mask(few, {2, -1, 1, 3}), "domino: boolean_mask: extent: expected at least 0, got -1");
    CHECK_THROWS_WITH(boolean_mask(static_cast<const bool*>(nullptr), {1, 1, 1, 3}),
                      "domino: boolean_mask: expected a buffer, got null");
}

TEMPLATE_TEST_CASE("sinks take weight and give none", "", reference_attention, materialized_attention,
                   tiled_attention) {
    // two keys of score 0 and values 1 and 2, for one row and for more than a panel
    constexpr index_t most_rows = 70;
    const std::vector<float> zeros(most_rows, 0.f), values{1.f, 2.f};
    std::vector<float> out(most_rows), lse(most_rows);
    const auto run = [&](const any_mask& m, attention_options options) {
        options.lse = lse.data();
        for (const index_t rows : {index_t{1}, most_rows}) {
            TestType{}(bhsd(zeros.data(), 1, 1, rows, 1), bhsd(zeros.data(), 1, 1, 2, 1),
                       bhsd(values.data(), 1, 1, 2, 1), bhsd(out.data(), 1, 1, rows, 1), m, score, options);
            CHECK(std::count(out.begin(), out.begin() + rows, out[0]) == rows);
            CHECK(std::count(lse.begin(), lse.begin() + rows, lse[0]) == rows);
        }
        return out[0];
    };
    constexpr float nothing = -std::numeric_limits<float>::infinity();
    const float sink[]{0.f}, no_sink[]{nothing}, large[]{1000.f}, small[]{-1000.f};
    CHECK(run(full, {.sinks = sink}) == Catch::Approx(1.0));  // 1/3 * 1 + 1/3 * 2
    CHECK(lse[0] == Catch::Approx(std::log(3.0)));
    CHECK(run(full, {.smooth_softmax = true}) == Catch::Approx(1.0));
    CHECK(lse[0] == Catch::Approx(std::log(3.0)));
    CHECK(run(full, {.sinks = no_sink}) == 1.5f);
    CHECK(lse[0] == Catch::Approx(std::log(2.0)));
    CHECK(run(full, {.sinks = large}) == 0.f);
    CHECK(lse[0] == 1000.f);
    CHECK(run(full, {.sinks = small}) == 1.5f);
    // all masked: the sink takes everything, and no policy is needed
    for (const empty_rows policy : {empty_rows::zeros, empty_rows::uniform, empty_rows::error}) {
        CHECK(run(none, {.sinks = sink, .empty_rows = policy}) == 0.f);
        CHECK(lse[0] == 0.f);
        CHECK(run(none, {.sinks = large, .empty_rows = policy}) == 0.f);
        CHECK(lse[0] == 1000.f);
    }
    CHECK(run(none, {.sinks = no_sink}) == 0.f);
    CHECK(lse[0] == nothing);
    CHECK(run(none, {.sinks = no_sink, .empty_rows = empty_rows::uniform}) == 1.5f);
    CHECK(lse[0] == nothing);
    CHECK(run(none, {.empty_rows = empty_rows::uniform}) == 1.5f);
    CHECK(lse[0] == nothing);
    CHECK(run(none, {}) == 0.f);
    CHECK(!std::signbit(out[0]));
}

TEMPLATE_TEST_CASE("wrong options of the softmax are named", "", reference_attention, materialized_attention,
                   tiled_attention) {
    inputs::random r(13);
    problem p({2, 3, 3, 4, 5, 2, 2}, r);
    const auto refused = [&](const attention_options& options, const std::string& words) {
        p.options = options;
        CHECK_THROWS_WITH(p.run(TestType{}, causal), "domino: " + words);
        CHECK(p.o == std::vector<float>(p.o.size(), 77.f));
    };
    const float two[]{0.f, 0.f}, nan[]{0.f, NAN, 0.f}, high[]{0.f, INFINITY, 0.f}, good[]{0.f, 1.f, 2.f};
    refused({.sinks = two}, "options.sinks: expected 3 entries, one a head, got 2");
    refused({.sinks = nan}, "options.sinks: expected finite logits or -inf, got nan");
    refused({.sinks = high}, "options.sinks: expected finite logits or -inf, got inf");
    refused({.sinks = good, .smooth_softmax = true},
            "options.smooth_softmax: expected not both it and options.sinks, for it is a sink of 0, got both");
    refused({.dropout = {.rate = -0.1f}}, "options.dropout.rate: expected 0 to 1, got -0.100000");
    refused({.dropout = {.rate = 1.5f}}, "options.dropout.rate: expected 0 to 1, got 1.500000");
    refused({.dropout = {.rate = NAN}}, "options.dropout.rate: expected 0 to 1, got nan");

    p.options = {.empty_rows = empty_rows::error};
    CHECK_NOTHROW(p.run(TestType{}, causal));
    CHECK_THROWS_WITH(p.run(TestType{}, causal && (h != 1 || q < 3) && (h != 2 || b != 0)),
                      "domino: mask: expected a key that every row sees, got none for b 0, h 1, row 3");
    // by then all rows are written, the empty ones as zeros
    problem zeros = p;
    zeros.options = {};
    zeros.run(TestType{}, causal && (h != 1 || q < 3) && (h != 2 || b != 0));
    CHECK(p.o == zeros.o);
    CHECK(p.lse == zeros.lse);
    CHECK(std::find(p.o.begin(), p.o.end(), 77.f) == p.o.end());
}

TEMPLATE_TEST_CASE("masks and score mods that do not suit a call are refused by all", "", reference_attention,
                   materialized_attention, tiled_attention) {
    inputs::random r(14);
    problem p({1, 2, 2, 4, 5, 2, 2}, r);
    const TestType attend{};
    const auto call = [&](const auto& mask_mod, const auto& score_mod) {
        attend(p.Q(), p.K(), p.V(), p.O(), mask_mod, score_mod, {});
    };
    CHECK_THROWS_WITH(call(mask_info(causal, {1, 2, 4, 6}), score), "domino: mask: expected kv_len 5 as K, got 6");
    CHECK_THROWS_WITH(call(mask_info(causal, {3, 1, 4, 5}), score), "domino: mask: expected batch 1 as Q, got 3");
    CHECK_THROWS_WITH(call(mask_info(causal, {1, 3, 4, 5}), score), "domino: mask: expected heads 2 as Q, got 3");
    constexpr index_t wide = index_t{1} << 40;
    CHECK_THROWS_WITH(call(causal, score + (q + wide)),
                      "domino: score_mod: expected integers within 32 bits over the call's shape, got wider ones");
    CHECK_THROWS_WITH(call(causal, score + q * wide * wide), Catch::Contains("domino: score_mod: expected"));
    CHECK(p.o == std::vector<float>(p.o.size(), 77.f));
    CHECK_NOTHROW(call(mask_info(causal, {1, 1, 4, 5}), score));
    const auto causal_output = p.o;
    CHECK_NOTHROW(call(kv * wide <= q * wide, score));  // of masks they are evaluated by elements
    CHECK(p.o == causal_output);
}

TEMPLATE_TEST_CASE("dropout at its ends", "", reference_attention, materialized_attention, tiled_attention) {
    inputs::random r(14);
    problem p({1, 4, 2, 20, 50, 8, 8}, r);
    p.run(TestType{}, causal);
    const auto plain = p.o;
    const auto lse = p.lse;
    p.options = {.dropout = {.rate = 0.5f, .key = 1, .deterministic = true}};
    p.run(TestType{}, causal);
    CHECK(p.o == plain);
    p.options = {.dropout = {.rate = 1.f, .key = 1}};
    p.run(TestType{}, causal);
    CHECK(p.o == std::vector<float>(plain.size(), 0.f));
    CHECK(p.lse == lse);
    p.options = {.dropout = {.rate = 0.5f, .key = 1}};
    p.run(TestType{}, causal);
    const auto first = p.o;
    CHECK(p.lse == lse);
    CHECK(first != plain);
    p.run(TestType{}, causal);
    CHECK(p.o == first);
    p.options = {.dropout = {.rate = 0.5f, .key = 2}};
    p.run(TestType{}, causal);
    CHECK(p.o != first);
}

TEST_CASE("masked NaN stays without influence under dropout and sinks") {
    inputs::random r(15);
    problem p({1, 2, 1, 40, 64, 8, 8}, r);
    const float sinks[]{0.5f, 1.f};
    p.options = {.sinks = sinks, .dropout = {.rate = 0.3f, .key = 3}};
    p.run(tiled_attention{}, kv < 50);
    const auto expected = p.o;
    for (std::size_t i = 50 * 8; i < p.v.size(); ++i) p.v[i] = p.k[i] = NAN;
    p.run(tiled_attention{}, kv < 50);
    CHECK(p.o == expected);
}

TEST_CASE("dropout is the same for any cut of the queries and any threads") {
    inputs::random r(16);
    const shape s{1, 4, 2, 150, 210, 8, 8};
    problem whole(s, r);
    const dropout_options dropout{.rate = 0.4f, .key = 99};
    whole.options = {.dropout = dropout};
    whole.run(tiled_attention{}, causal && last_n(150));
    for (const index_t chunk : {1, 7, 64}) {
        std::vector<float> o(whole.o.size(), 0.f);
        const auto O = bhsd(o.data(), 1, 4, 150, 8);
        for (index_t begin = 0; begin < 150; begin += chunk) {
            const index_t n = std::min<index_t>(chunk, 150 - begin);
            const auto part = [&](const auto& t) {
                auto view = t;
                view.data += begin * view.strides[2];
                view.extents[2] = n;
                return view;
            };
            attention(part(whole.Q()), whole.K(), whole.V(), part(O), causal && last_n(150),
                      {.q_offset = begin, .dropout = dropout});
        }
        double worst = 0;
        for (std::size_t i = 0; i < o.size(); ++i) worst = std::max(worst, std::abs(double(o[i]) - double(whole.o[i])));
        CHECK(worst < 2e-6);  // what is dropped is the same; sums may be cut elsewhere
    }
    const auto expected = whole.o;
    for (const index_t workers : {2, 3, 7}) {
        executors::adversary pool(workers);
        whole.options.executor = pool;
        whole.run(tiled_attention{}, causal && last_n(150));
        CHECK(whole.o == expected);
    }
}

TEST_CASE("rows without weight take the mean of values of any type and length") {
    inputs::random r(17);
    const shape s{1, 2, 1, 5, 1000, 4, 6};
    problem p(s, r);
    std::vector<float16> k, v;
    for (const float x : p.k) k.push_back(float16(x));
    for (const float x : p.v) v.push_back(float16(x));
    attention(p.Q(), bhsd(k.data(), 1, 1, 1000, 4), bhsd(v.data(), 1, 1, 1000, 6), p.O(), q == 2 && h == 0,
              {.empty_rows = empty_rows::uniform});
    for (index_t row = 0; row < 10; ++row)
        for (index_t c = 0; c < 6; ++c) {
            double mean = 0;
            for (index_t j = 0; j < 1000; ++j) mean += double(float(v[std::size_t(j * 6 + c)])) / 1000;
            const float got = p.o[std::size_t(row * 6 + c)];
            if (row == 2) CHECK(std::abs(double(got)) < 1);  // this one sees its keys
            else CHECK(std::abs(double(got) - mean) < 1e-7);
        }
}

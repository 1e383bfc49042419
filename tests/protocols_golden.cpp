// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnax 0.2.0, case by case: mask builders, mask mods, score mods, attention, the generator. Where Domino differs on
// purpose, a rule says which cases, and they are counted.

#include <cmath>
#include <domino/attention_fn.hpp>
#include <domino/compiled_elsewhere.hpp>
#include <domino/mask/mask.hpp>
#include <domino/score/score.hpp>
#include <functional>

#include "catch.hpp"
#include "golden.hpp"

using namespace domino;

namespace {

using ints = std::vector<std::int32_t>;
using golden::test_case;

auto bits_of(const auto& mask_mod, mask_shape shape) { return materialize(mask_mod, shape).data; }
std::size_t size(mask_shape s) { return static_cast<std::size_t>(s.batch * s.heads * s.q_len * s.kv_len); }

/// generate.py's mask mods.
any_mask mask_mod(index_t kind, index_t p, const table_view<std::int32_t, 2>& t) {
    switch (kind) {
        case 0: return causal;
        case 1: return kv < q;
        case 2: return last_n(p);
        case 3: return abs(q - kv) < p;
        case 4: return h % 2 == 0 || kv <= q;
        case 5: return kv < t(b, 0);
        case 6: return (q + kv) % 3 != b;
        case 7: return t(b, q) == t(b, kv);
        case 8: return q / 2 == kv / 2;
        case 9: return (q - kv) % p == 0;
        case 10: return (kv - q) / p < h;
        default: return q > 1;
    }
}

using score_function = std::function<float(float, int, int, int, int)>;

/// generate.py's score mods, and the buffers that they look at.
struct score_mods {
    index_t p, batch, heads, q_len, kv_len;
    table_view<std::int32_t, 2> t;
    std::vector<float> slopes = alibi_slopes(heads);
    std::vector<float> all = golden::numbers(7, batch* heads* q_len* kv_len);
    std::vector<float> by_key = golden::numbers(8, heads* kv_len), by_query = golden::numbers(9, batch* q_len);
    ints lengths = {};

    auto broadcast(const std::vector<float>& values, const index_t (&strides)[4]) const {
        const index_t extents[4]{batch, heads, q_len, kv_len};
        return bias(table(values.data(), extents, strides));
    }
    static score_function from(const auto& expression) {
        return [expression](float s, int b_, int h_, int q_, int kv_) {
            return evaluate(expression, point{b_, h_, q_, kv_, s});
        };
    }

    score_function make(index_t kind) {
        switch (kind) {
            case 0: return from(mask_mod_to_score_mod(causal));
            case 1: return from(mask_mod_to_score_mod(make_sliding_window_mask(p)));
            case 2: return from(mask_mod_to_score_mod(make_sliding_window_mask(p, false)));
            case 3:
                for (index_t i = 0; i < batch; ++i) lengths.push_back(static_cast<std::int32_t>(t.at(i, index_t{0})));
                return from(mask_mod_to_score_mod(prefix_lm(table(lengths.data(), batch))));
            case 4: return from(mask_mod_to_score_mod(make_document_mask(t)));
            case 5: return from(alibi(table(slopes)));
            case 6: return from(broadcast(all, {heads * q_len * kv_len, q_len * kv_len, kv_len, 1}));
            case 7: return from(broadcast(by_key, {0, kv_len, 0, 1}));
            case 8: return from(broadcast(by_query, {q_len, 0, 1, 0}));
            default: return from(mask_mod_to_score_mod(mask_mod(kind - 9, p, t)));
        }
    }
};

/// compose_score_mods over those that are there; the absent ones are absent in the call too.
template <class F, class... S>
void compose_all(score_mods& mods, const ints& kinds, std::size_t i, const F& f, const S&... made) {
    if constexpr (sizeof...(S) <= 3) {
        if (i == kinds.size()) f(compose_score_mods(made...));
        else if (kinds[i] < 0) compose_all(mods, kinds, i + 1, f, made..., std::nullopt);
        else compose_all(mods, kinds, i + 1, f, made..., scalar(mods.make(kinds[i])));
    }
}

}  // namespace

TEST_CASE("attnax: mask builders") {
    std::size_t count = 0, refused = 0;
    for (const test_case& c : golden::cases("attnax/masks.txt", "padding")) {
        const index_t batch = c.take(), len = c.take(), pad = c.take();
        const ints tokens = c.take(batch * len);
        const mask_shape shape{batch, 1, 1, len};
        INFO(c.line);
        CHECK(bits_of(make_padding_mask(table(tokens.data(), batch, len), pad), shape) ==
              golden::bits(c.answer, size(shape)));
        ++count;
    }
    for (const test_case& c : golden::cases("attnax/masks.txt", "causal")) {
        const mask_shape shape{1, 1, c.take(), c.integers[0]};
        CHECK(bits_of(make_causal_mask(), shape) == golden::bits(c.answer, size(shape)));
        ++count;
    }
    for (const test_case& c : golden::cases("attnax/masks.txt", "window")) {
        const index_t q_len = c.take(), kv_len = c.take(), window = c.take();
        const bool one_sided = c.take() != 0;
        const mask_shape shape{1, 1, q_len, kv_len};
        INFO(c.line);
        ++count;
        if (c.answer == "error") {
            CHECK_THROWS_WITH(
                make_sliding_window_mask(window, one_sided),
                "domino: make_sliding_window_mask: window_size: expected at least 1, got " + std::to_string(window));
            ++refused;
            continue;
        }
        CHECK(bits_of(make_sliding_window_mask(window, one_sided), shape) == golden::bits(c.answer, size(shape)));
    }
    for (const test_case& c : golden::cases("attnax/masks.txt", "document")) {
        const index_t batch = c.take(), len = c.take();
        const ints ids = c.take(batch * len);
        const mask_shape shape{batch, 1, len, len};
        INFO(c.line);
        CHECK(bits_of(make_document_mask(table(ids.data(), batch, len)), shape) == golden::bits(c.answer, size(shape)));
        ++count;
    }
    CHECK(count == 453);
    CHECK(refused == 36);
}

TEST_CASE("attnax: combine_masks") {
    std::size_t count = 0, absent = 0;
    for (const test_case& c : golden::cases("attnax/masks.txt", "combine")) {
        const index_t batch = c.take(), len = c.take(), window = c.take(), present = c.take();
        const ints tokens = c.take(batch * len);
        const auto t = table(tokens.data(), batch, len);
        const any_mask padding = make_padding_mask(t), diagonal = make_causal_mask(),
                       near = make_sliding_window_mask(window, false), document = make_document_mask(t);
        const mask_shape shape{batch, 1, len, len};
        const auto check = [&](const auto& combined) {
            INFO(c.line);
            if (c.answer == "none") {
                CHECK(std::same_as<decltype(combined), const std::remove_const_t<decltype(full)>&>);
                ++absent;
            } else CHECK(bits_of(combined, shape) == golden::bits(c.answer, size(shape)));
        };
        constexpr auto no = std::nullopt;
        switch (present) {
            case 0: check(combine_masks(no, no, no, no)); break;
            case 1: check(combine_masks(padding, no, no, no)); break;
            case 2: check(combine_masks(no, diagonal, no, no)); break;
            case 3: check(combine_masks(padding, diagonal, no, no)); break;
            case 4: check(combine_masks(no, no, near, no)); break;
            case 5: check(combine_masks(padding, no, near, no)); break;
            case 6: check(combine_masks(no, diagonal, near, no)); break;
            case 7: check(combine_masks(padding, diagonal, near, no)); break;
            case 8: check(combine_masks(no, no, no, document)); break;
            case 9: check(combine_masks(padding, no, no, document)); break;
            case 10: check(combine_masks(no, diagonal, no, document)); break;
            case 11: check(combine_masks(padding, diagonal, no, document)); break;
            case 12: check(combine_masks(no, no, near, document)); break;
            case 13: check(combine_masks(padding, no, near, document)); break;
            case 14: check(combine_masks(no, diagonal, near, document)); break;
            default: check(combine_masks(padding, diagonal, near, document));
        }
        ++count;
    }
    CHECK(count == 150);
    CHECK(absent > 0);
}

TEST_CASE("attnax: mask_mod_to_boolean_mask") {
    std::size_t count = 0;
    for (const test_case& c : golden::cases("attnax/masks.txt", "boolean")) {
        const index_t kind = c.take(), p = c.take(), batch = c.take(), heads = c.take(), q_len = c.take(),
                      kv_len = c.take();
        const ints entries = c.take(batch * 8);
        const mask_shape shape{batch, heads, q_len, kv_len};
        INFO(c.line);
        CHECK(mask_mod_to_boolean_mask(mask_mod(kind, p, table(entries.data(), batch, 8)), shape).data ==
              golden::bits(c.answer, size(shape)));
        ++count;
    }
    CHECK(count == 400);
}

TEST_CASE("attnax: score mods and compose_score_mods") {
    std::size_t count = 0, exact = 0, elements = 0;
    for (const test_case& c : golden::cases("attnax/scores.txt", "score")) {
        const index_t p = c.take(), batch = c.take(), heads = c.take(), q_len = c.take(), kv_len = c.take(),
                      seed = c.take();
        const ints entries = c.take(batch * 8), kinds = c.take(c.take());
        score_mods mods{p, batch, heads, q_len, kv_len, table(entries.data(), batch, 8)};
        const auto scores = golden::numbers(seed, batch * heads * q_len * kv_len);
        const auto expected = golden::floats(c.answer);
        INFO(c.line);
        REQUIRE(expected.size() == scores.size());
        compose_all(mods, kinds, 0, [&](const auto& composed) {
            std::size_t i = 0;
            bool same = true;
            for (index_t b_ = 0; b_ < batch; ++b_)
                for (index_t h_ = 0; h_ < heads; ++h_)
                    for (index_t q_ = 0; q_ < q_len; ++q_)
                        for (index_t kv_ = 0; kv_ < kv_len; ++kv_, ++i) {
                            const float got = evaluate(as_score_mod(composed), point{b_, h_, q_, kv_, scores[i]});
                            // the last bit: attnax's slopes are rounded from double at another place
                            same &= got == expected[i] || std::abs(got - expected[i]) < 1e-6f * std::abs(expected[i]);
                            exact += got == expected[i];
                            ++elements;
                        }
            CHECK(same);
        });
        ++count;
    }
    CHECK(count == 350);
    CHECK(exact > elements * 99 / 100);
    for (const test_case& c : golden::cases("attnax/scores.txt", "slopes")) {
        INFO(c.line);
        const auto expected = golden::floats(c.answer), got = alibi_slopes(c.take());
        REQUIRE(got.size() == expected.size());
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) <= 1.2e-7f * expected[i]);
        ++count;
    }
    CHECK(count == 350 + 48);
}

namespace {

/// A row where attnax spreads the weight over all keys and Domino, whose masked keys have no influence, over those that
/// the mask keeps: score mods made every score that the mask keeps the lowest float, and the mask hides some others.
bool spreads_over_masked(const std::vector<float>& scores, const std::vector<bool>& kept) {
    bool any_masked = false, any_kept = false, all_lowest = true;
    for (std::size_t i = 0; i < kept.size(); ++i)
        if (kept[i]) {
            any_kept = true;
            all_lowest &= scores[i] == std::numeric_limits<float>::lowest();
        } else any_masked = true;
    return any_masked && any_kept && all_lowest;
}

struct attention_count {
    std::size_t cases = 0, rows = 0, different = 0, uniform = 0;
};

template <AttentionFn F>
attention_count check_attention(const F& attend, float tolerance) {
    attention_count count;
    for (const test_case& c : golden::cases("attnax/attention.txt", "attention")) {
        const index_t kind = c.take(), mod = c.take(), p = c.take(), batch = c.take(), heads = c.take(),
                      kv_heads = c.take(), q_len = c.take(), kv_len = c.take(), dim = c.take(), seed = c.take();
        c.take();  // attnax's block size
        const ints entries = c.take(batch * 8);
        const auto t = table(entries.data(), batch, 8);
        score_mods mods{p, batch, heads, q_len, kv_len, t};
        const auto Q = golden::numbers(seed, batch * heads * q_len * dim),
                   K = golden::numbers(seed + 1, batch * kv_heads * kv_len * dim),
                   V = golden::numbers(seed + 2, batch * kv_heads * kv_len * dim), expected = golden::floats(c.answer);
        std::vector<float> O(Q.size(), 99.f);
        const any_mask keep = kind < 0 ? any_mask(full) : mask_mod(kind, p, t);
        const score_function change = mod < 0 ? score_function() : mods.make(mod);
        const attention_options options{.empty_rows = empty_rows::uniform};
        const auto run = [&](const auto& score_mod) {
            attend(bhsd(Q.data(), batch, heads, q_len, dim), bhsd(K.data(), batch, kv_heads, kv_len, dim),
                   bhsd(V.data(), batch, kv_heads, kv_len, dim), bhsd(O.data(), batch, heads, q_len, dim), keep,
                   score_mod, options);
        };
        if (change) run(scalar(change));
        else run(score);

        INFO(c.line);
        REQUIRE(expected.size() == O.size());
        ++count.cases;
        for (index_t row = 0; row < batch * heads * q_len; ++row) {
            const index_t q_ = row % q_len, h_ = row / q_len % heads, b_ = row / q_len / heads;
            std::vector<bool> kept;
            std::vector<float> scores;
            for (index_t kv_ = 0; kv_ < kv_len; ++kv_) {
                kept.push_back(attends(keep, b_, h_, q_, kv_));
                scores.push_back(change ? change(0.f, int(b_), int(h_), int(q_), int(kv_)) : 0.f);
            }
            ++count.rows;
            count.uniform += std::none_of(kept.begin(), kept.end(), [](bool x) { return x; });
            const bool different = spreads_over_masked(scores, kept);
            count.different += different;
            float worst = 0;
            for (index_t i = row * dim; i < (row + 1) * dim; ++i)
                worst = std::max(worst, std::abs(O[std::size_t(i)] - expected[std::size_t(i)]));
            if (!different) {
                CHECK(worst <= tolerance);
                continue;
            }
            for (index_t c_ = 0; c_ < dim; ++c_) {  // attnax's answer there: the mean of all values
                float mean = 0;
                const index_t head = b_ * kv_heads + h_ / (heads / kv_heads);
                for (index_t i = 0; i < kv_len; ++i) mean += V[std::size_t((head * kv_len + i) * dim + c_)];
                CHECK(std::abs(expected[std::size_t(row * dim + c_)] - mean / float(kv_len)) <= 5e-6f);
            }
        }
    }
    return count;
}

}  // namespace

TEMPLATE_TEST_CASE("attnax: attention", "", reference_attention, materialized_attention, tiled_attention) {
    const attention_count count = check_attention(TestType{}, 5e-6f);
    CHECK(count.cases == 420);
    CHECK(count.uniform > 100);
    CHECK(count.rows == 4444);
    CHECK(count.different == 276);
}

TEST_CASE("JAX: threefry_2x32") {
    std::size_t count = 0;
    for (const test_case& c : golden::cases("attnax/attention.txt", "threefry")) {
        const auto in = c.take<std::uint32_t>(4);
        std::istringstream words(c.answer);
        std::uint32_t first = 0, second = 0;
        words >> std::hex >> first >> second;
        CHECK(threefry({in[0], in[1]}, {in[2], in[3]}) == word_pair{first, second});
        ++count;
    }
    CHECK(count == 100);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The point domain: what each operator means. Compiling is passing, for the most part.
#include <bit>
#include <cmath>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <domino/score/softcap.hpp>
#include <functional>

#include "catch.hpp"

using namespace domino;

namespace {

template <class E>
constexpr auto at(const E& e, index_t q_, index_t kv_, float score_ = 0) {
    return evaluate(e, point{1, 2, q_, kv_, score_});
}
template <class M>
constexpr bool sees(const M& m, index_t q_, index_t kv_) {
    return attends(m, 1, 2, q_, kv_);
}

// ---- values and their types
static_assert(at(b, 5, 7) == 1 && at(h, 5, 7) == 2 && at(q, 5, 7) == 5 && at(kv, 5, 7) == 7);
static_assert(at(score, 5, 7, 0.5f) == 0.5f);
static_assert(std::bit_cast<std::uint32_t>(at(abs(score), 5, 7, -0.f)) == 0);
static_assert(std::same_as<value_t<decltype(q)>, index_t> && std::same_as<value_t<decltype(score)>, float>);
static_assert(std::same_as<value_t<decltype(q + 1)>, index_t> && std::same_as<value_t<decltype(q + 1u)>, index_t>);
static_assert(std::same_as<value_t<decltype(q + 1.0)>, float> && std::same_as<value_t<decltype(q * score)>, float>);
static_assert(std::same_as<value_t<decltype(q < 1)>, bool> && std::same_as<value_t<decltype(tanh(q))>, float>);
static_assert(std::same_as<value_t<decltype(where(q < 1, q, 0.5f))>, float>);
static_assert(std::same_as<value_t<decltype(where(q < 1, q < 2, true))>, bool>);
static_assert(at(q + kv, 5, 7) == 12 && at(q - kv, 5, 7) == -2 && at(q * kv, 5, 7) == 35 && at(-q, 5, 7) == -5);
static_assert(at(3 - q, 5, 7) == -2 && at(2 * q, 5, 7) == 10 && at(q - 3, 5, 7) == 2);
static_assert(at(q * (index_t{1} << 40), 5, 7) == index_t{5} << 40);  // no 32-bit arithmetic anywhere

// ---- division and modulo round toward minus infinity, whatever the signs; by zero they are 0
static_assert(at(q / kv, 7, 2) == 3 && at(q / kv, -7, 2) == -4 && at(q / kv, 7, -2) == -4 && at(q / kv, -7, -2) == 3);
static_assert(at(q % kv, 7, 2) == 1 && at(q % kv, -7, 2) == 1 && at(q % kv, 7, -2) == -1 && at(q % kv, -7, -2) == -1);
static_assert(at(q / kv, 6, 2) == 3 && at(q / kv, -6, 2) == -3 && at(q / kv, 6, -2) == -3 && at(q / kv, -6, -2) == 3);
static_assert(at(q % kv, 6, 3) == 0 && at(q % kv, -6, 3) == 0 && at(q % kv, 6, -3) == 0 && at(q % kv, -6, -3) == 0);
static_assert(at(q / kv, 0, 5) == 0 && at(q / kv, -1, 5) == -1 && at(q % kv, -1, 5) == 4 && at(q % kv, 1, -5) == -4);
static_assert(at(q / kv, 7, 0) == 0 && at(q % kv, 7, 0) == 0 && at(q / 0, 7, 7) == 0 && at(q % 0, 7, 7) == 0);
constexpr bool division_law() {
    for (index_t x = -20; x <= 20; ++x)
        for (index_t y = -7; y <= 7; ++y) {
            if (y == 0) continue;
            const index_t n = at(q / kv, x, y), r = at(q % kv, x, y);
            if (n * y + r != x || (y > 0 ? r < 0 || r >= y : r > 0 || r <= y)) return false;
        }
    return true;
}
static_assert(division_law());

// ---- an integer beside a float is a float; integers among themselves stay integers first
static_assert(at(q / 2.0f, 7, 0) == 3.5f && at(q / 2, 7, 0) == 3 && at(q / 2 * 0.5f, 7, 0) == 1.5f);
static_assert(at(score - 0.5f * (q - kv), 3, 1, 10.f) == 9.f && at(score + q, 3, 1, 0.5f) == 3.5f);
static_assert(at(q / 2 == 3.5f, 7, 0) == false && at(q / 2.f == 3.5f, 7, 0));
static_assert(at(q < 2.5f, 2, 0) && !at(q < 2.5f, 3, 0) && at(2.5 > q, 2, 0));

// ---- comparisons
static_assert(at(q == kv, 3, 3) && !at(q == kv, 3, 4) && at(q != kv, 3, 4) && !at(q != kv, 3, 3));
static_assert(at(q < kv, 3, 4) && !at(q < kv, 4, 4) && at(q <= kv, 4, 4) && !at(q <= kv, 5, 4));
static_assert(at(q > kv, 5, 4) && !at(q > kv, 4, 4) && at(q >= kv, 4, 4) && !at(q >= kv, 3, 4));
static_assert(at(3 < q, 4, 0) && !at(3 < q, 3, 0) && at(3 >= q, 3, 0) && at(3 == q, 3, 0));

// ---- truth, and precedence as in C++
#pragma GCC diagnostic ignored "-Wparentheses"
static_assert(at(q < 5 && kv < 5, 4, 4) && !at(q < 5 && kv < 5, 4, 5) && at(q < 5 || kv < 5, 4, 5));
static_assert(at((q < 5) ^ (kv < 5), 4, 5) && !at((q < 5) ^ (kv < 5), 4, 4) && at(!(q < 5), 5, 0));
static_assert(at(true && q < 5, 4, 0) && !at(q < 5 && false, 4, 0) && at(q > 5 || true, 4, 0));
static_assert(at(q + kv * 2, 1, 10) == 21 && at((q + kv) * 2, 1, 10) == 22 && at(q - kv - 1, 9, 3) == 5);
static_assert(at(q - (kv - 1), 9, 3) == 7 && at(q / 2 * 2, 7, 0) == 6 && at(q % 4 + 1, 7, 0) == 4);
static_assert(at(q < 1 || q < 5 && kv < 1, 0, 9) && !at((q < 1 || q < 5) && kv < 1, 0, 9));

// ---- functions
static_assert(at(abs(q - kv), 3, 8) == 5 && at(abs(q - kv), 8, 3) == 5 && at(abs(score), 0, 0, -2.5f) == 2.5f);
static_assert(at(min(q, kv), 3, 8) == 3 && at(max(q, kv), 3, 8) == 8 && at(min(q, 2), 3, 8) == 2 &&
              at(max(9, kv), 3, 8) == 9);
static_assert(at(clamp(q, 2, 5), 1, 0) == 2 && at(clamp(q, 2, 5), 3, 0) == 3 && at(clamp(q, 2, 5), 9, 0) == 5);
static_assert(at(min(q, 2.5f), 3, 0) == 2.5f && at(clamp(score, -1.f, 1.f), 0, 0, -7.f) == -1.f);
static_assert(at(where(kv <= q, q, kv), 3, 8) == 8 && at(where(kv <= q, q, kv), 8, 3) == 8);
static_assert(at(where(kv <= q, 1, 0) + where(kv < 4, 1, 0), 3, 2) == 2 && at(where(q < 5, kv<3, kv> 3), 6, 4));
static_assert(at(where(true, q, kv), 1, 2) == 1 && at(where(kv <= q, score, -1.5f), 1, 2, 3.f) == -1.5f);

// ---- the catalogue is constexpr where it holds no buffer
static_assert(sees(causal, 3, 3) && !sees(causal, 3, 4) && sees(full, 0, 9) && !sees(none, 9, 0));
static_assert(sees(causal_with_offset(2), 3, 5) && !sees(causal_with_offset(2), 3, 6) &&
              !sees(causal_with_offset(-1), 3, 3));
static_assert(sees(last_n(3), 5, 3) && !sees(last_n(3), 5, 2) && !sees(last_n(3), 5, 6) && !sees(last_n(0), 5, 5));
static_assert(sees(band(2, 1), 5, 3) && !sees(band(2, 1), 5, 2) && sees(band(2, 1), 5, 6) && !sees(band(2, 1), 5, 7));
static_assert(sees(prefix_lm(4), 0, 3) && !sees(prefix_lm(4), 0, 4) && sees(prefix_lm(4), 6, 6));
static_assert(sees(chunked(4), 3, 0) && !sees(chunked(4), 4, 3) && sees(chunked(4), 4, 7) &&
              !sees(chunked_causal(4), 4, 7));
static_assert(sees(kv_length(4), 9, 3) && !sees(kv_length(4), 9, 4) && sees(left_padding(4), 9, 4) &&
              !sees(left_padding(4), 9, 3));
static_assert(sees(causal && !chunked(2), 3, 1) && !sees(causal && !chunked(2), 3, 2));

// ---- which indices an expression reads is a compile-time fact
template <class E>
constexpr axes reads(const E&) {
    return E::depends_on;
}
static_assert(reads(causal) == (axes::q | axes::kv) && reads(full) == axes::none && reads(kv_length(3)) == axes::kv);
static_assert(reads(score - q * 0.5f) == (axes::score | axes::q) &&
              reads(where(b < 1, h, 2) == 0) == (axes::b | axes::h));
static_assert(depends_on<decltype(causal)>(axes::q) && !depends_on<decltype(causal)>(axes::b | axes::h | axes::score));
static_assert(reads(offset(kv_length(3), 1, 1)) == axes::kv &&
              reads(compose(softcap(5.f), score + q)) == (axes::score | axes::q));

// ---- causal && last_n(n) is last_n(n): the second mask begins with the first
template <class X, class Y>
constexpr bool same_type(const X&, const Y&) {
    return std::same_as<X, Y>;
}
static_assert(std::is_empty_v<std::remove_const_t<decltype(causal)>>);
static_assert(same_type(causal && last_n(9), last_n(9)) && same_type(causal && (causal && last_n(9)), last_n(9)));
static_assert(same_type(causal && causal, causal) &&
              same_type(causal && (last_n(9) && kv_length(3)), last_n(9) && kv_length(3)));
static_assert(!same_type(causal && kv_length(3), kv_length(3)) && !same_type(causal || causal, causal));
static_assert(!same_type(kv_length(2) && kv_length(3), kv_length(3)));  // they hold data: equal types, other masks
static_assert(sees(kv_length(2) && kv_length(3), 0, 1) && !sees(kv_length(2) && kv_length(3), 0, 2));

// ---- functors and the concepts
struct generic {
    constexpr auto operator()(auto, auto, auto q_, auto kv_) const { return kv_ * 2 <= q_; }
};
struct plain {
    constexpr bool operator()(int, int, int q_, int kv_) const { return q_ != kv_; }
};
struct score_functor {
    constexpr auto operator()(auto s, auto, auto, auto q_, auto kv_) const { return s + 2 * (q_ - kv_); }
};
struct plain_score {
    constexpr float operator()(float s, int, int h_, int, int) const { return s * float(h_); }
};
struct three_indices {
    bool operator()(int, int, int) const;
};
struct gives_number {
    constexpr auto operator()(auto, auto, auto q_, auto kv_) const { return q_ - kv_; }
};
struct gives_truth {
    constexpr auto operator()(auto s, auto, auto, auto, auto) const { return s < 1.f; }
};
static_assert(MaskMod<decltype(causal)> && MaskMod<bool> && MaskMod<any_mask> && MaskMod<generic> && MaskMod<plain>);
static_assert(!MaskMod<int> && !MaskMod<decltype(q - kv)> && !MaskMod<decltype(score < 1.f)> &&
              !MaskMod<three_indices>);
static_assert(!MaskMod<gives_number> && !MaskMod<std::string> && !MaskMod<score_functor>);
static_assert(ScoreMod<decltype(score)> && ScoreMod<decltype(q - kv)> && !ScoreMod<float> && ScoreMod<score_functor> &&
              ScoreMod<plain_score>);
static_assert(!ScoreMod<decltype(causal)> && !ScoreMod<bool> && !ScoreMod<gives_truth> && !ScoreMod<generic> &&
              !ScoreMod<three_indices>);
static_assert(sees(generic{}, 4, 2) && !sees(generic{}, 4, 3) && sees(causal && generic{}, 4, 2) &&
              sees(generic{} || causal, 4, 4));
static_assert(sees(plain{}, 4, 3) && !sees(causal && plain{}, 4, 4) && sees(plain{} ^ causal, 3, 4) &&
              !sees(causal ^ plain{}, 4, 3));
// two closures of ints would join as pointers, to a constant true; and !f of a std::function asks whether there is one
constexpr auto before = [](int, int, int q_, int kv_) { return kv_ < q_; };
constexpr auto odd = [](int, int, int, int kv_) { return kv_ % 2 == 1; };
static_assert(sees(before && odd, 4, 3) && !sees(before && odd, 4, 2) && sees(before || odd, 4, 5) &&
              sees(generic{} ^ odd, 4, 3) && !sees(!before, 4, 3) && sees(!generic{} && before, 4, 3));
static_assert(std::same_as<bool, decltype(!std::function<bool(int, int, int, int)>(before))>);
static_assert(!std::is_constructible_v<any_mask, decltype(q - kv)> && !std::is_constructible_v<any_mask, int>);
static_assert(at(as_score_mod(score_functor{}), 5, 3, 1.f) == 5.f &&
              at(as_score_mod(plain_score{}), 5, 3, 1.5f) == 3.f);

// ---- substitution
static_assert(sees(offset(causal, 2), 1, 3) && !sees(offset(causal, 2), 1, 4) && sees(offset(causal, 2, 3), 1, 0) &&
              !sees(offset(causal, 2, 3), 1, 1));
static_assert(at(compose(score + 1.f, score * 2.f), 0, 0, 3.f) == 8.f &&
              at(compose(score * 2.f, score + 1.f), 0, 0, 3.f) == 7.f);
static_assert(at(compose(), 0, 0, 3.f) == 3.f && at(compose(score * 2.f), 0, 0, 3.f) == 6.f);
static_assert(at(compose(score + 1.f, score* score), 0, 0, 3.f) == 16.f);  // every occurrence

}  // namespace

TEST_CASE("functions of a float are those of <cmath>") {
    for (const float x : {-3.f, -0.5f, 0.f, 0.25f, 4.f, 30.f}) {
        CHECK(at(tanh(score), 0, 0, x) == std::tanh(x));
        CHECK(at(exp(score), 0, 0, x) == std::exp(x));
        if (x > 0) CHECK(at(log(score), 0, 0, x) == std::log(x));
        if (x >= 0) CHECK(at(sqrt(score), 0, 0, x) == std::sqrt(x));
        CHECK(at(tanh(q), static_cast<index_t>(x), 0) == std::tanh(float(static_cast<index_t>(x))));
    }
    CHECK(at(score % 3.f, 0, 0, 7.5f) == 1.5f);
    CHECK(at(score % 3.f, 0, 0, -7.5f) == 1.5f);  // floors, like the integers
    CHECK(at(score % -3.f, 0, 0, 7.5f) == -1.5f);
}

TEST_CASE("NaN: every comparison is false but !=; min and max keep the left operand") {
    const float nan = std::nanf("");
    CHECK_FALSE(at(score == score, 0, 0, nan));
    CHECK(at(score != score, 0, 0, nan));
    CHECK_FALSE(at(score < 1.f, 0, 0, nan));
    CHECK_FALSE(at(score >= 1.f, 0, 0, nan));
    CHECK(std::isnan(at(min(score, 1.f), 0, 0, nan)));
    CHECK(at(min(1.f, score), 0, 0, nan) == 1.f);
    CHECK(std::isnan(at(max(score, 1.f), 0, 0, nan)));
    CHECK(at(max(1.f, score), 0, 0, nan) == 1.f);
}

TEST_CASE("run-time scalars are held by value") {
    index_t window = 3;
    const auto mask = q - kv < window;
    window = 100;
    CHECK(sees(mask, 5, 3));
    CHECK_FALSE(sees(mask, 5, 2));
    any_mask m = causal;
    if (window > 10) m = m && last_n(2);
    CHECK(sees(m, 5, 4));
    CHECK_FALSE(sees(m, 5, 3));
}

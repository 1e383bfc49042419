// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An expression prints as the C++ that makes it: what is between the quotes here, typed as code, is the same tree.
#include <domino/domino.hpp>

#include "catch.hpp"

using namespace domino;

// The text of an expression must be the text in the source; CHECK_TEXT's one operand is both.
#define CHECK_TEXT(...) CHECK(to_string(__VA_ARGS__) == #__VA_ARGS__)

TEST_CASE("only needed parentheses are printed") {
    CHECK_TEXT(kv <= q);
    CHECK_TEXT(kv <= q && q - kv < 1024);
    CHECK_TEXT(q + kv * 2 - 1);
    CHECK_TEXT((q + kv) * 2);
    CHECK_TEXT(q - (kv - 1));
    CHECK_TEXT(q - kv - 1);
    CHECK_TEXT(q / (kv * 2));
    CHECK_TEXT(q / kv * 2);
    CHECK_TEXT(q % (kv / 2));
    CHECK_TEXT(q * (kv % 4));
    CHECK_TEXT(q - (kv + h));
    CHECK_TEXT(-(q + kv));
    CHECK_TEXT(-q + kv);
    CHECK_TEXT(-q * kv);
    CHECK_TEXT(-(q * kv));
    CHECK_TEXT(!(q < kv));
    CHECK_TEXT(!(q < kv && h == 0));
    CHECK_TEXT(!(q < kv) && h == 0);
    CHECK_TEXT((q < 1 || q < 2) && q < 3);
}

TEST_CASE("truth, functions and constants") {
    CHECK(to_string(q < 1 || (q < 2 && q < 3)) == "q < 1 || q < 2 && q < 3");
    CHECK(to_string((q < 1) ^ (q < 2)) == "q < 1 ^ q < 2");
    CHECK(to_string((q < 1 && q < 2) ^ (q < 3)) == "(q < 1 && q < 2) ^ q < 3");
    CHECK(to_string(((q < 1) ^ (q < 2)) && q < 3) == "q < 1 ^ q < 2 && q < 3");
    CHECK(to_string((q < 1) ^ ((q < 2) ^ (q < 3))) == "q < 1 ^ (q < 2 ^ q < 3)");
    CHECK_TEXT(abs(q - kv));
    CHECK_TEXT(min(q, kv + 1) * 2);
    CHECK(to_string(clamp(q, 0, 7)) == "min(max(q, 0), 7)");
    CHECK_TEXT(where(kv <= q, 1, 0));
    CHECK_TEXT(tanh(exp(log(sqrt(score)))));
    CHECK_TEXT(q - -3);
    CHECK(to_string(full) == "true");
    CHECK(to_string(none) == "false");
    CHECK(to_string(score * 0.5f) == "score * 0.5");
    CHECK(to_string(score * 2.f) == "score * 2.0");  // a float stays one
    CHECK(to_string(score * 1e-10f) == "score * 1e-10");
    CHECK(to_string(score * std::numeric_limits<float>::infinity()) == "score * inf");
    CHECK(to_string(q + (index_t{1} << 40)) == "q + 1099511627776");
    CHECK(to_string(b * h) == "b * h");
}

TEST_CASE("the catalogue in words") {
    CHECK(to_string(causal) == "kv <= q");
    CHECK(to_string(last_n(4)) == "kv <= q && q - kv < 4");
    CHECK(to_string(causal && last_n(4)) == "kv <= q && q - kv < 4");
    CHECK(to_string(band(2, 1)) == "q - kv <= 2 && kv - q <= 1");
    CHECK(to_string(prefix_lm(3)) == "kv < 3 || kv <= q");
    CHECK(to_string(chunked_causal(8)) == "kv <= q && q / 8 == kv / 8");
    CHECK(to_string(causal && prefix_lm(3)) == "kv <= q && (kv < 3 || kv <= q)");
    CHECK(to_string(softcap(2.f)) == "2.0 * tanh(score * 0.5)");
}

TEST_CASE("tables print their names and indices") {
    const std::vector<int> entries{1, 2, 3};
    const std::vector<float> slopes{0.5f};
    CHECK(to_string(table(entries)(q)) == "table(q)");
    CHECK(to_string(same_document(table(entries, "ids"))) == "ids(q) == ids(kv) && ids(q) >= 0");
    CHECK(to_string(table(entries.data(), 1, 3, "t")(b, q + 1) < 2) == "t(b, q + 1) < 2");
    CHECK(to_string(alibi(table(slopes, "slopes"))) == "score - slopes(h) * abs(q - kv)");
    CHECK(to_string(alibi_signed(table(slopes, "slopes"))) == "score + slopes(h) * (kv - q)");
}

TEST_CASE("substitution is seen in the text") {
    CHECK(to_string(offset(causal, 5)) == "kv <= q + 5");
    CHECK(to_string(offset(q * 2 < kv, 5, 1)) == "(q + 5) * 2 < kv + 1");
    CHECK(to_string(compose(score + 1.f, score * 2.f)) == "(score + 1.0) * 2.0");
    CHECK(to_string(compose(softcap(2.f), score - q)) == "2.0 * tanh(score * 0.5) - q");
    CHECK(to_string(compose()) == "score");
}

TEST_CASE("functors and erased masks") {
    const auto generic = [](auto, auto, auto q_, auto kv_) { return q_ / 2 == kv_; };
    CHECK(to_string(causal && generic) == "kv <= q && q / 2 == kv");
    CHECK(to_string(generic) == "q / 2 == kv");
    CHECK(to_string(!generic && !(generic || generic)) == "!(q / 2 == kv) && !(q / 2 == kv || q / 2 == kv)");
    CHECK(to_string([](auto s, auto, auto, auto q_, auto) { return s - q_; }) == "score - q");
    CHECK(to_string(scalar([](int, int, int, int) { return true; })) == "scalar(b, h, q, kv)");
    CHECK(to_string(any_mask(causal)) == "kv <= q");
    CHECK(to_string(any_mask(causal || kv < 3) && any_mask(q < 9)) == "(kv <= q || kv < 3) && q < 9");
    CHECK(to_string(!any_mask(causal)) == "!(kv <= q)");
    CHECK(to_string(offset(any_mask(causal), 5, 1)) == "kv + 1 <= q + 5");
    CHECK(to_string(offset(any_mask(q * 2 < kv), 5, 1)) == "(q + 5) * 2 < kv + 1");
}

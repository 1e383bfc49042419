// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks as tensors and as pictures.
#include <domino/info/materialize.hpp>
#include <domino/info/visualize.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <limits>

#include "catch.hpp"

using namespace domino;

namespace {

constexpr auto mask_mod = (kv * 3 + q * 5 + h * 7 + b) % 4 != 0 && kv <= q + 60;
bool keep(index_t b_, index_t h_, index_t q_, index_t kv_) {
    return (kv_ * 3 + q_ * 5 + h_ * 7 + b_) % 4 != 0 && kv_ <= q_ + 60;
}

template <class F>
void for_each(const mask_shape& s, F f) {
    for (index_t i = 0; i < s.batch; ++i)
        for (index_t j = 0; j < s.heads; ++j)
            for (index_t k = 0; k < s.q_len; ++k)
                for (index_t l = 0; l < s.kv_len; ++l) f(i, j, k, l);
}

int occurrences(const std::string& text, const std::string& word) {
    int count = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

}  // namespace

TEST_CASE("bools, bits and bias hold what the mask says, for every row length") {
    for (const index_t kv_len : {1, 7, 63, 64, 65, 128, 130}) {
        const mask_shape shape{2, 3, 5, kv_len};
        const auto dense = materialize(mask_mod, shape);
        const auto bits = materialize_bits(mask_mod, shape);
        const auto bias = materialize_bias(mask_mod, shape);
        const auto finite = materialize_bias(any_mask(mask_mod), shape, -1e9f);
        CHECK(std::ssize(dense.data) == 2 * 3 * 5 * kv_len);
        CHECK(bits.words_per_row() == (kv_len + 63) / 64);
        CHECK(std::ssize(bits.words) == 2 * 3 * 5 * bits.words_per_row());
        int wrong = 0;
        std::size_t at = 0;
        for_each(shape, [&](index_t i, index_t j, index_t k, index_t l) {
            const bool kept = keep(i, j, k, l);
            wrong += dense(i, j, k, l) != (kept ? 1 : 0) || dense.data[at] != dense(i, j, k, l);  // row-major
            wrong += bits(i, j, k, l) != kept;
            wrong += bias(i, j, k, l) != (kept ? 0.f : -std::numeric_limits<float>::infinity());
            wrong += finite(i, j, k, l) != (kept ? 0.f : -1e9f);
            ++at;
        });
        CHECK(wrong == 0);
    }
}

TEST_CASE("the bits beyond a row's end are 0, and each row starts a word") {
    const auto bits = materialize_bits(full, {1, 1, 2, 70});
    CHECK(bits.words == std::vector<std::uint64_t>{~std::uint64_t{0}, 63, ~std::uint64_t{0}, 63});
    CHECK(materialize_bits(kv == 1 || kv == 65, {1, 1, 1, 70}).words == std::vector<std::uint64_t>{2, 2});
}

TEST_CASE("no elements") {
    for (const mask_shape shape : {mask_shape{0, 1, 3, 3}, {1, 0, 3, 3}, {1, 1, 0, 3}, {1, 1, 3, 0}}) {
        CHECK(materialize(causal, shape).data.empty());
        CHECK(materialize_bits(causal, shape).words.empty());
        CHECK(materialize_bias(causal, shape).data.empty());
    }
    CHECK(visualize(causal, {1, 1, 0, 3}).empty());
    CHECK(visualize(causal, {1, 1, 3, 0}).empty());
}

TEST_CASE("functors and bools are masks too") {
    const auto generic = materialize([](auto, auto, auto q_, auto kv_) { return q_ == kv_; }, {1, 1, 3, 3});
    CHECK(generic.data == std::vector<std::uint8_t>{1, 0, 0, 0, 1, 0, 0, 0, 1});
    const auto plain = materialize([](int, int h_, int, int kv_) { return kv_ < h_; }, {1, 3, 1, 2});
    CHECK(plain.data == std::vector<std::uint8_t>{0, 0, 1, 0, 1, 1});
    CHECK(materialize(true, {1, 1, 1, 2}).data == std::vector<std::uint8_t>{1, 1});
}

TEST_CASE("a drawing in blocks: full and empty are exact, ragged edges too") {
    CHECK(visualize(causal, {1, 1, 4, 4}) == "█···\n██··\n███·\n████\n");
    CHECK(visualize(causal, {1, 1, 8, 8}, {.rows = 4, .columns = 4, .ascii = true}) == ".   \n#.  \n##. \n###.\n");
    CHECK(visualize(causal, {1, 1, 5, 7}, {.rows = 3, .columns = 3, .ascii = true}) == ".  \n#. \n#. \n");
    CHECK(visualize(full, {1, 1, 5, 7}, {.rows = 3, .columns = 3, .ascii = true}) == "###\n###\n###\n");
    CHECK(visualize(kv < h + b, {3, 3, 1, 6}, {.b = 2, .h = 1, .ascii = true}) == "###   \n");
    // scalar functors are partial as tiles, but the drawing counts pairs
    CHECK(visualize(scalar([](int, int, int, int kv_) { return kv_ < 4; }), {1, 1, 8, 8},
                    {.rows = 2, .columns = 4, .ascii = true}) == "##  \n##  \n");
    const std::string large = visualize(causal, {1, 1, 4096, 4096});
    CHECK(occurrences(large, "\n") == 32);
    CHECK(occurrences(large, "░") == 2 * 32);
}

TEST_CASE("an SVG holds a rectangle for each block that is not empty, and the mask's text, escaped") {
    const std::string svg = visualize_svg(causal && q - kv < 3, {1, 1, 4, 4});
    CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(svg.find("<title>kv &lt;= q &amp;&amp; q - kv &lt; 3</title>") != std::string::npos);
    CHECK(occurrences(svg, "<rect x=") == 9);
    CHECK(occurrences(svg, "fill=\"#1f3a5f\"") == 9);
    CHECK(svg.find("width=\"40\" height=\"40\"") != std::string::npos);
    CHECK(svg.find("<rect x=\"0\" y=\"10\"") != std::string::npos);
    CHECK(svg.find("<rect x=\"10\" y=\"0\"") == std::string::npos);
    CHECK(occurrences(visualize_svg(causal, {1, 1, 8, 8}, {.rows = 4, .columns = 4}), "fill=\"#8fb3d9\"") == 4);
}

TEST_CASE("wrong shapes and wrong pictures are refused") {
    CHECK_THROWS_AS(materialize(causal, {1, 1, -1, 4}), invalid_argument);
    CHECK_THROWS_AS(materialize_bits(causal, {1, -1, 4, 4}), invalid_argument);
    CHECK_THROWS_AS(materialize_bias(causal, {-1, 1, 4, 4}), invalid_argument);
    CHECK_THROWS_AS(visualize(causal, {1, 1, 4, 4}, {.b = 1}), invalid_argument);
    CHECK_THROWS_AS(visualize(causal, {1, 1, 4, 4}, {.h = -1}), invalid_argument);
    CHECK_THROWS_AS(visualize(causal, {1, 1, 4, 4}, {.rows = 0}), invalid_argument);
    CHECK_THROWS_AS(visualize_svg(causal, {1, 1, 4, 4}, {.columns = -2}), invalid_argument);
}

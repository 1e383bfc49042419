// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention layer against penzai 0.2.5's own layers on the same weights (tests/golden/penzai_layer/make.py): uncached,
// and cached in the same chunks. A padding query, which sees nothing, is left out: penzai averages over every cell, empty
// ones too, and ours gives zeros.

#include <domino/compiled_elsewhere.hpp>
#include <domino/layer/attention_layer.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "catch.hpp"

namespace {

using domino::index_t;
using domino::position_t;

std::vector<float> numbers(std::istream& file) {
    std::string line;
    std::getline(file, line);
    std::istringstream words(line);
    std::vector<float> out;
    for (float x = 0; words >> x;) out.push_back(x);
    return out;
}

}  // namespace

TEST_CASE("penzai's layers", "[layer][golden]") {
    std::ifstream file(std::string(GOLDEN_DIR) + "/penzai_layer/penzai_layer.txt");
    int cases = 0, rows = 0;
    for (std::string line; std::getline(file, line); ++cases) {
        std::istringstream words(line);
        std::string name;
        domino::attention_config c;
        index_t tokens = 0;
        c.rotary = domino::rope{}, c.query_scale = 0;
        words >> name >> c.width >> c.heads >> c.kv_heads >> c.head_dim >> c.rotary->wavelength >> *c.query_scale >>
            c.softcap >> c.window >> tokens;
        REQUIRE(words);
        CAPTURE(name);
        const auto q = numbers(file), k = numbers(file), v = numbers(file), o = numbers(file), q_norm = numbers(file),
                   k_norm = numbers(file), places = numbers(file), x = numbers(file), uncached = numbers(file),
                   cached = numbers(file);
        REQUIRE(std::ssize(cached) == tokens * c.width);
        const index_t heads = c.heads * c.head_dim, kv_heads = c.kv_heads * c.head_dim;
        const domino::attention_layer layer(c, {.q = {q.data(), heads, c.width},
                                                .k = {k.data(), kv_heads, c.width},
                                                .v = {v.data(), kv_heads, c.width},
                                                .o = {o.data(), c.width, heads},
                                                .q_norm = q_norm,
                                                .k_norm = k_norm});
        const domino::weight_matrix inputs(x.data(), tokens, c.width);
        const std::vector<position_t> positions(places.begin(), places.end());
        const auto agrees = [&](const domino::matrix& y, const std::vector<float>& expected, index_t first) {
            for (index_t i = 0; i < y.rows(); ++i) {
                if (positions[std::size_t(first + i)] < 0) continue;
                ++rows;
                for (index_t d = 0; d < c.width; ++d) {
                    const float wanted = expected[std::size_t((first + i) * c.width + d)];
                    // both are float32, with outputs up to 20: some tens of roundings
                    CHECK(std::abs(y(i, d) - wanted) <= 2e-5f * (1 + std::abs(wanted)));
                }
            }
        };
        agrees(layer(inputs, 1, positions), uncached, 0);
        auto cache = domino::kv_caching_attention<float>::from_uncached(layer, tokens + 3);
        index_t begin = 0;
        for (const index_t n : {5, 1, 1, 3, 4}) {
            const auto now = std::span(positions).subspan(std::size_t(begin), std::size_t(n));
            agrees(cache(inputs.middleRows(begin, n), now), cached, begin);
            begin += n;
        }
        CHECK(begin == tokens);
    }
    CHECK(cases == 7);
    CHECK(rows == 7 * 2 * 11);
}

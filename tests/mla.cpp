// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A second dot product as a score mod equals its channels appended to Q and K.
#include <algorithm>
#include <cmath>
#include <domino/compiled_elsewhere.hpp>
#include <random>
#include <vector>

#include "catch.hpp"

using domino::index_t;

TEST_CASE("mla_rope equals appended channels") {
    constexpr index_t heads = 4, kv_heads = 2, q_len = 5, kv_len = 23, dim = 16, rope = 6;
    std::minstd_rand engine(3);
    const auto draw = [&](index_t n) {
        std::vector<float> x(static_cast<std::size_t>(n));
        for (float& v : x) v = static_cast<float>(engine()) * 0x1p-30f - 1.f;
        return x;
    };
    const auto q = draw(heads * q_len * (dim + rope)), k = draw(kv_heads * kv_len * (dim + rope)),
               v = draw(kv_heads * kv_len * dim);
    const auto part = [](const std::vector<float>& x, index_t n, index_t len, index_t first, index_t channels) {
        return domino::tensor_view<const float>{
            x.data() + first, {1, n, len, channels}, {0, len * (dim + rope), dim + rope, 1}};
    };
    std::vector<float> o(static_cast<std::size_t>(heads * q_len * dim)), expected(o.size());
    const auto V = domino::bhsd(v.data(), 1, kv_heads, kv_len, dim);
    const float c = 0.2f;
    const index_t offset = kv_len - q_len;
    domino::attention(
        part(q, heads, q_len, 0, dim), part(k, kv_heads, kv_len, 0, dim), V,
        domino::bhsd(o.data(), 1, heads, q_len, dim), domino::causal,
        domino::mla_rope(part(q, heads, q_len, dim, rope), part(k, kv_heads, kv_len, dim, rope), c, offset),
        {.scale = c, .q_offset = offset});
    domino::attention(part(q, heads, q_len, 0, dim + rope), part(k, kv_heads, kv_len, 0, dim + rope), V,
                      domino::bhsd(expected.data(), 1, heads, q_len, dim), domino::causal,
                      {.scale = c, .q_offset = offset});
    for (std::size_t i = 0; i < o.size(); ++i) CHECK(std::abs(o[i] - expected[i]) < 1e-5f);
    CHECK_THROWS_AS(domino::mla_rope(part(q, heads, q_len, dim, rope), part(k, kv_heads, kv_len, dim, 5), c),
                    domino::invalid_argument);

    // what does not cover the call is refused, before it is read
    const auto refused = [&](const auto& score_mod, index_t q_offset) {
        std::fill(o.begin(), o.end(), 7.f);
        CHECK_THROWS_WITH(domino::attention(part(q, heads, q_len, 0, dim), part(k, kv_heads, kv_len, 0, dim), V,
                                            domino::bhsd(o.data(), 1, heads, q_len, dim), domino::causal, score_mod,
                                            {.scale = c, .q_offset = q_offset}),
                          Catch::Contains("mla_rope"));
        CHECK(o[0] == 7.f);
    };
    const auto queries = part(q, heads, q_len, dim, rope), keys = part(k, kv_heads, kv_len, dim, rope);
    refused(domino::mla_rope(queries, keys, c, offset), offset - 1);
    refused(domino::mla_rope(queries, keys, c), offset);
    refused(domino::mla_rope(part(q, heads, q_len - 1, dim, rope), keys, c, offset), offset);
    refused(domino::mla_rope(queries, part(k, kv_heads, kv_len - 1, dim, rope), c, offset), offset);
    refused(domino::mla_rope(part(q, 2, q_len, dim, rope), part(k, 1, kv_len, dim, rope), c, offset), offset);
    CHECK_THROWS_AS(domino::mla_rope({nullptr, queries.extents, queries.strides}, keys, c), domino::invalid_argument);
}

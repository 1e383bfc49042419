// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The same bits on every architecture with fused multiply-add: hashes of fixed problems, committed (SLEEF's habit). They
// were equal for AVX-512, AVX2 + FMA and NEON (the last case's with AVX-512 only before parts were joined by fma); a change
// of a kernel that moves them says so here.
// Row counts are multiples of 32: a panel of few rows sums with lanes along head_dim, and only full ones promise this.
#include <array>
#include <cstdint>
#include <cstring>
#include <domino/domino.hpp>
#include <vector>

#include "catch.hpp"

namespace {

using domino::index_t;

struct shape {
    index_t heads, kv_heads, q_len, kv_len, head_dim, value_dim;
};

/// FNV-1a over the output's words.
std::uint64_t hash_of_output(const shape& s, const domino::any_mask& mask) {
    const auto size = [](index_t x) { return static_cast<std::size_t>(x); };
    std::vector<float> q(size(s.heads * s.q_len * s.head_dim)), k(size(s.kv_heads * s.kv_len * s.head_dim)),
        v(size(s.kv_heads * s.kv_len * s.value_dim)), o(size(s.heads * s.q_len * s.value_dim));
    std::uint32_t state = 1;
    for (std::vector<float>* tensor : {&q, &k, &v})
        for (float& x : *tensor) {
            state = state * 1664525u + 1013904223u;
            x = static_cast<float>(static_cast<int>((state >> 8) % 2000) - 1000) / 300.f;
        }
    domino::attention(domino::bhsd(q.data(), 1, s.heads, s.q_len, s.head_dim),
                      domino::bhsd(k.data(), 1, s.kv_heads, s.kv_len, s.head_dim),
                      domino::bhsd(v.data(), 1, s.kv_heads, s.kv_len, s.value_dim),
                      domino::bhsd(o.data(), 1, s.heads, s.q_len, s.value_dim), mask,
                      {.q_offset = s.kv_len > s.q_len ? s.kv_len - s.q_len : 0});
    std::uint64_t hash = 1469598103934665603u;
    for (const float x : o) {
        std::uint32_t word = 0;
        std::memcpy(&word, &x, sizeof word);
        hash = (hash ^ word) * 1099511628211u;
    }
    return hash;
}

}  // namespace

TEST_CASE("fixed problems give the committed bits") {
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
    const std::array<domino::any_mask, 3> masks{domino::full, domino::causal,
                                                domino::band(40, 7) || domino::kv % 5 == 0};
    const std::vector<std::pair<shape, std::array<std::uint64_t, 3>>> cases{
        {{2, 1, 128, 300, 64, 64}, {0xbcae908127d32849, 0x8555ad80be3f8468, 0x2c312f952588e6b4}},
        {{6, 2, 32, 257, 40, 33}, {0x257ab5b98dbf829c, 0xd33efad51003aab5, 0xdb07e60376c26471}},
        {{4, 4, 320, 300, 128, 80}, {0x4846666aec6bc0f5, 0xc05c4cec917a0a36, 0xe9f39eee60f69d7}},
        {{1, 1, 32, 4096, 64, 64}, {0xd3773f4513a83f64, 0xe152a6e2e3d404ce, 0x30baae8689736937}}};  // keys in parts
    for (const auto& [s, expected] : cases)
        for (std::size_t i = 0; i < masks.size(); ++i) {
            const std::uint64_t hash = hash_of_output(s, masks[i]);
            CAPTURE(s.q_len, i);
            CHECK(hash == expected[i]);
        }
#else
    SUCCEED("no fused multiply-add");
#endif
}

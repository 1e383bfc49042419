// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask in sentences: the numbers are those of stats and of counting.
#include <domino/info/explain.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>

#include "catch.hpp"

using namespace domino;

namespace {

bool says(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

/// The number after `words`.
index_t after(const std::string& text, const std::string& words) {
    const auto at = text.find(words);
    REQUIRE(at != std::string::npos);
    return std::stoll(text.substr(at + words.size()));
}

/// Keys in tiles that classify does not call empty, each batch entry and KV head apart.
template <class M>
index_t live_keys_by_tile(const M& mask_mod, const mask_shape& s, index_t kv_heads, tile_size size) {
    index_t live = 0;
    for (index_t i = 0; i < s.batch; ++i)
        for (index_t g = 0; g < kv_heads; ++g)
            for (index_t key = 0; key < s.kv_len; ++key) {
                bool touched = false;
                const index_t first = key / size.kv * size.kv;
                for (index_t j = 0; j < s.heads; ++j)
                    for (index_t row = 0; row < s.q_len; row += size.q)
                        touched |=
                            j / (s.heads / kv_heads) == g &&
                            classify(mask_mod, tile{i,
                                                    j,
                                                    {row, std::min(row + size.q, s.q_len)},
                                                    {first, std::min(first + size.kv, s.kv_len)}}) != tile_kind::empty;
                live += touched;
            }
    return live;
}

}  // namespace

TEST_CASE("a mask in sentences") {
    CHECK(explain(causal && last_n(64), {2, 4, 256, 256}, {.head_dim = 64, .num_kv_heads = 2}) ==
          "The mask is kv <= q && q - kv < 64, over 2 batch entries, 4 heads, 256 queries and 256 keys.\n"
          "It is the same for every batch entry and head.\n"
          "It keeps 114944 of 524288 pairs, 21.92 %.\n"
          "Of 128 tiles of 64 x 64, 72 are empty and skipped, 0 are full and need no mask, and 56 are partial and are "
          "masked pair by pair.\n"
          "Skipped are 294912 pairs, 56.25 % of the work.\n"
          "It costs 29425664 flops, where dense attention costs 134217728.\n"
          "It reads 524288 of 524288 bytes of K and V, 100 %.\n");
    CHECK(
        explain(kv < 1, {1, 1, 1, 1}) ==
        "The mask is kv < 1, over 1 batch entry, 1 head, 1 query and 1 key.\n"
        "It is the same for every batch entry and head.\n"
        "It keeps 1 of 1 pair, 100 %.\n"
        "Of 1 tile of 64 x 64, 0 are empty and skipped, 1 are full and need no mask, and 0 are partial and are masked "
        "pair by pair.\n"
        "Skipped are 0 pairs, 0 % of the work.\n"
        "It reads 1 of 1 key (KV heads counted apart), 100 %.\n");
}

TEST_CASE("the numbers are those of stats, and of tiles asked one by one") {
    const auto check = [](const auto& mask_mod, const mask_shape& shape, index_t kv_heads, tile_size size) {
        const mask_stats counted = stats(mask_mod, shape, size);
        const std::string plain = explain(mask_mod, shape, {.num_kv_heads = kv_heads, .tile = size});
        const std::string costs =
            explain(mask_mod, shape, {.head_dim = 5, .num_kv_heads = kv_heads, .element_bytes = 2, .tile = size});
        INFO(costs);
        CHECK(after(plain, "It keeps ") == counted.visible);
        CHECK(says(plain, " of " + std::to_string(counted.pairs) + " pair"));
        CHECK(after(plain, "Of ") == counted.tiles());
        CHECK(says(plain, ", " + std::to_string(counted.empty) + " are empty"));
        CHECK(says(plain, ", " + std::to_string(counted.full) + " are full"));
        CHECK(says(plain, " " + std::to_string(counted.partial) + " are partial"));
        CHECK(after(plain, "Skipped are ") == counted.skipped);
        const index_t live = live_keys_by_tile(mask_mod, shape, kv_heads, size);
        CHECK(after(plain, "It reads ") == live);
        CHECK(says(plain, " of " + std::to_string(shape.batch * kv_heads * shape.kv_len) + " key"));
        CHECK(after(costs, "It costs ") == counted.visible * 4 * 5);
        CHECK(says(costs, "dense attention costs " + std::to_string(counted.pairs * 4 * 5)));
        CHECK(after(costs, "It reads ") == live * 2 * 5 * 2);
    };
    for (const index_t len : {1, 7, 8, 9, 31}) {
        check(causal, {1, 1, len, 23}, 1, {4, 8});
        check(kv >= 9 && kv < q + 3, {2, 4, len, 23}, 2, {4, 8});
        check(kv / 8 == h && kv <= q + 8 * b, {2, 4, 3, len}, 2, {2, 8});
        check(kv < 5 * b, {3, 2, len, len}, 1, {3, 5});
        check(any_mask(kv < 3 * h), {2, 6, 2, len}, 3, {4, 4});
    }
    check(kv < 0, {1, 2, 9, 9}, 1, {4, 4});
}

TEST_CASE("what a mask depends on, and shapes without pairs") {
    CHECK(says(explain(kv < h, {1, 2, 3, 3}), "the same for every batch entry.\n"));
    CHECK(says(explain(kv < b, {1, 2, 3, 3}), "the same for every head.\n"));
    CHECK_FALSE(says(explain(kv < b + h, {1, 2, 3, 3}), "the same"));
    for (const mask_shape& shape : {mask_shape{0, 1, 3, 3}, {1, 0, 3, 3}, {1, 1, 0, 3}, {1, 1, 3, 0}})
        CHECK(explain(causal, shape, {.head_dim = 8}).ends_with("There are no pairs, so there is nothing to do.\n"));
    // functors too
    CHECK(says(explain([](auto, auto, auto q_, auto kv_) { return q_ == kv_; }, {1, 1, 3, 3}), "The mask is q == kv,"));
    CHECK(says(explain(true, {1, 1, 3, 3}), "It keeps 9 of 9 pairs, 100 %.\n"));
}

TEST_CASE("wrong questions are refused") {
    const mask_shape shape{1, 4, 8, 8};
    CHECK_THROWS_AS(explain(causal, {1, 1, -1, 8}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, shape, {.head_dim = -1}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, shape, {.num_kv_heads = 3}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, shape, {.num_kv_heads = -1}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, shape, {.element_bytes = 0}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, shape, {.tile = {0, 64}}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, shape, {.head_dim = index_t{1} << 58}), invalid_argument);
    CHECK_THROWS_AS(explain(causal, {1, 4, 0, 8}, {.num_kv_heads = 3}), invalid_argument);
}

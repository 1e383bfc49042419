// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiles of well-known masks, counted; masks compared with each other; parameters that are refused.
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <domino/tile/compare.hpp>
#include <domino/tile/stats.hpp>

#include "catch.hpp"

using namespace domino;

namespace {

/// Empty, full and partial tiles of 8 x 8 over 96 x 96.
std::string tiles(const any_mask& m) {
    const mask_stats s = stats(m, {1, 1, 96, 96}, {8, 8});
    return std::to_string(s.empty) + " " + std::to_string(s.full) + " " + std::to_string(s.partial);
}

std::string rows(const any_mask& m, index_t q_len, index_t kv_len) {
    std::string out;
    for (index_t i = 0; i < q_len; ++i) {
        if (i) out += ' ';
        for (index_t j = 0; j < kv_len; ++j) out += attends(m, 0, 0, i, j) ? '1' : '0';
    }
    return out;
}

/// compare(x, y) by visiting every element.
mask_comparison by_element(const any_mask& x, const any_mask& y, const mask_shape& shape) {
    mask_comparison out;
    for (index_t batch = 0; batch < shape.batch; ++batch)
        for (index_t head = 0; head < shape.heads; ++head)
            for (index_t row = 0; row < shape.q_len; ++row)
                for (index_t key = 0; key < shape.kv_len; ++key) {
                    const bool in_x = attends(x, batch, head, row, key), in_y = attends(y, batch, head, row, key);
                    if (in_x && !in_y && !out.only_first) out.only_first = element{batch, head, row, key};
                    if (in_y && !in_x && !out.only_second) out.only_second = element{batch, head, row, key};
                }
    return out;
}

}  // namespace

TEST_CASE("tiles of 96 x 96, as counted by hand elsewhere") {
    CHECK(tiles(causal) == "66 66 12");
    CHECK(tiles(last_n(20)) == "102 11 31");
    CHECK(tiles(band(11, 5)) == "100 0 44");
    CHECK(tiles(within(13)) == "90 12 42");
    CHECK(tiles(prefix_lm(20)) == "63 69 12");
    CHECK(tiles(chunked_causal(16)) == "126 6 12");
    CHECK(tiles(chunked_causal(12)) == "124 0 20");
    CHECK(tiles(block_diffusion(48, 8)) == "102 42 0");
}

TEST_CASE("golden vectors of types, globals, trees and key intervals") {
    const std::vector<int> types{0, 1, 1, 0, 2}, global{1, 0, 0, 0}, parents{-1, 0, 0, 1}, start{4, 2, 4, 4},
        end{4, 4, 4, 4};
    CHECK(rows(causal || same_type(table(types)), 5, 5) == "10000 11100 11100 11110 11111");
    CHECK(rows(longformer(0, table(global)), 4, 4) == "1111 1100 1010 1001");
    CHECK(rows(tree(2, parents), 4, 6) == "111000 111100 111010 111101");
    const std::vector<int> prefix{2};
    CHECK(rows(with_indices(tree(0, parents), q, kv - table(prefix)(b)), 4, 6) == "111000 111100 111010 111101");
    CHECK(rows(causal && hidden_from(table(start), table(end)), 4, 4) == "1000 1100 1010 1011");
    CHECK(rows(nearer_than(2), 5, 5) == rows(band(1, 1), 5, 5));
    CHECK(rows(within(1), 5, 5) == rows(band(1, 1), 5, 5));
}

TEST_CASE("masks compared") {
    const mask_shape shape{2, 3, 37, 41};
    const std::vector<int> cu{0, 9, 20, 41};
    const auto ids = document_ids(cu);
    const std::vector<any_mask> masks{causal,
                                      last_n(7),
                                      causal && last_n(7),
                                      band(6, 0),
                                      causal && same_document(ids),
                                      document_causal(cu),
                                      prefix_lm(5),
                                      none,
                                      full,
                                      where(h == 2, causal, band(6, 0)),
                                      where(b == 1 && h == 1, causal, last_n(7)),
                                      kv <= q && (q - kv < 7 || q == 30)};
    int equal = 0, implied = 0;
    for (const any_mask& x : masks)
        for (const any_mask& y : masks) {
            const mask_comparison got = compare(x, y, shape), want = by_element(x, y, shape);
            INFO(to_string(x) << "   against   " << to_string(y));
            CHECK(got.only_first == want.only_first);
            CHECK(got.only_second == want.only_second);
            equal += got.equal();
            implied += got.first_implies_second();
        }
    CHECK(equal == 12 + 2 * (3 + 1));  // each is itself, three spell last_n(7), two the packed documents
    CHECK(implied > equal + 20);
    CHECK(compare(causal, last_n(7), shape).only_first == element{0, 0, 7, 0});
    CHECK_FALSE(first_kept(none, shape));
    CHECK_FALSE(first_kept(full, {1, 1, 0, 9}));
    CHECK(first_kept(full, shape) == element{});
}

TEST_CASE("a comparison visits what ranges leave open, not every pair") {
    static index_t asked;
    asked = 0;
    const auto counted = [](int, int, int row, int key) { return ++asked, key <= row; };
    const auto bound = [](const tile& t) {
        return t.kv.begin > t.q.end - 1  ? tile_kind::empty
             : t.kv.end - 1 <= t.q.begin ? tile_kind::full
                                         : tile_kind::partial;
    };
    CHECK(compare(causal, scalar(counted, bound), {1, 1, 4096, 4096}).equal());
    CHECK(asked > 0);
    CHECK(asked < 40 * 4096);
}

TEST_CASE("an offset and a replaced place keep the sharpness of a mask") {
    const auto shifted = offset(natten({8, 8}, {3, 3}), 8, 8);
    for (index_t row = 0; row < 40; row += 5)
        for (index_t key = 0; key < 40; key += 5)
            CHECK(classify(shifted, {.q = {row, row + 5}, .kv = {key, key + 5}}) ==
                  classify(natten({8, 8}, {3, 3}), {.q = {row + 8, row + 13}, .kv = {key + 8, key + 13}}));
    CHECK(classify(natten({8, 8}, {3, 3}), {.q = {14, 18}, .kv = {3, 5}}) == tile_kind::empty);
    static_assert(classify(natten({8, 8}, {3, 3}), {.q = {14, 18}, .kv = {3, 5}}) == tile_kind::empty);
    static_assert(classify(last_n_with_sinks(64, 4), {.q = {512, 640}, .kv = {128, 256}}) == tile_kind::empty);
}

TEST_CASE("parameters out of range are refused, with their names") {
    const std::vector<int> cu{0, 4, 3}, late{1, 4}, none_at_all, parents{-1, 1}, prefixes{0, 7}, two{0, 2, 4},
        numbers{0, 9};
    CHECK_THROWS_WITH(within(-1), "domino: within(n): expected at least 0, got -1");
    CHECK_THROWS_WITH(nearer_than(-1), "domino: nearer_than(n): expected at least 0, got -1");
    CHECK_THROWS_WITH(dilated(3, 0), "domino: dilated(n, step): step: expected at least 1, got 0");
    CHECK_THROWS_WITH(dilated(-3, 1), "domino: dilated(n, step): n: expected at least 0, got -3");
    CHECK_THROWS_WITH(wrapped(1, 0), "domino: wrapped(n, length): length: expected at least 1, got 0");
    CHECK_THROWS_WITH(strided(0), "domino: strided(step): expected at least 1, got 0");
    CHECK_THROWS_WITH(last_n_with_sinks(1, -1),
                      "domino: last_n_with_sinks(n, sinks): sinks: expected at least 0, got -1");
    CHECK_THROWS_WITH(block_causal(0), "domino: block_causal(n): expected at least 1, got 0");
    CHECK_THROWS_WITH(block_diffusion(8, 0), "domino: block_diffusion(len, block): block: expected at least 1, got 0");
    CHECK_THROWS_WITH(draft_blocks(-1, 2), "domino: draft_blocks(prefix, block): prefix: expected at least 0, got -1");
    CHECK_THROWS_WITH(document_ids(cu), "domino: cu_seqlens: expected ends that do not descend, got 4, 3");
    CHECK_THROWS_WITH(document_causal(late), "domino: cu_seqlens: expected 0 and then the end of each document, got 1");
    CHECK_THROWS_WITH(per_document(causal, none_at_all),
                      "domino: cu_seqlens: expected 0 and then the end of each document, got nothing");
    CHECK_THROWS_WITH(tree(3, parents),
                      "domino: tree(prefix, parents): parents: expected a parent before node 1, got 1");
    CHECK_THROWS_WITH(shared_prefix(two, prefixes),
                      "domino: shared_prefix(cu_seqlens, prefix_of): prefix_of: expected documents 0 to 1, got 7");
    CHECK_THROWS_WITH(natten({8, 8}, {2, 3}),
                      "domino: natten(canvas, kernel): width: expected an odd kernel from 1 to the canvas's 8, got 2");
    CHECK_THROWS_WITH(natten({8, 4}, {3, 5}),
                      "domino: natten(canvas, kernel): height: expected an odd kernel from 1 to the canvas's 4, got 5");
    CHECK_THROWS_AS(natten_tiled({8, 8}, {3, 3}, {3, 2}), invalid_argument);
    CHECK_THROWS_AS(sliding_tile({8, 8}, {6, 4}, {4, 4}), invalid_argument);
    CHECK_THROWS_AS(sliding_tile({8, 8}, {12, 4}, {4, 4}), invalid_argument);
    CHECK_THROWS_AS(video_temporal(0, 0, 1), invalid_argument);
    CHECK_THROWS_AS(selected_blocks(table(numbers.data(), 1, 2), 4, 8, 8), invalid_argument);
    CHECK_THROWS_AS(batchify(causal, 0), invalid_argument);
    CHECK_THROWS_AS(per_layer(-1, causal, full), invalid_argument);
    // A table that does not cover the call is told apart from one that does.
    const std::vector<int> short_ids{0, 0, 0};
    CHECK_THROWS_AS(stats(same_document(table(short_ids)), {1, 1, 4, 3}), invalid_argument);
    CHECK_THROWS_AS(
        stats(packed_bits(reinterpret_cast<const std::uint8_t*>(short_ids.data()), {1, 1, 3, 3}, {0, 0, 3, 1}),
              {1, 1, 4, 3}),
        invalid_argument);
}

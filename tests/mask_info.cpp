// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// mask_info: that it is lazy, owns what it needs, checks shapes and arguments, and composes. Its answers are compared
// with ejkernel's in mask_info_golden.cpp and mask_info_differences_golden.cpp.
#include <domino/info/mask_info.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace domino;

namespace {

using ints = std::vector<std::int32_t>;
using bytes = std::vector<std::uint8_t>;

std::string rows(const auto& info, index_t batch = 0) {
    std::string out;
    for (index_t i = 0; i < info.q_len(); ++i) {
        if (i) out += ' ';
        for (index_t j = 0; j < info.kv_len(); ++j) out += attends(info, batch, 0, i, j) ? '1' : '0';
    }
    return out;
}

auto ones(index_t batch, index_t len) {
    return mask_info<>::from_segments(token_array(batch, len, [](index_t, index_t) { return 0; }));
}

}  // namespace

TEST_CASE("an info is an expression: applying composes, and prints") {
    const auto info = mask_info<>::from_segments({{0, 0, 1, 1, -1}}).apply_causal().apply_sliding_window({2, 0});
    CHECK(to_string(info) == "ids(b, q) == ids(b, kv) && ids(b, q) >= 0 && kv <= q && q - kv <= 2 && kv - q <= 0");
    CHECK(info.describe() ==
          "mask_info([1, 1, 5, 5], segment ids, self-attention, causal, sliding window; " + to_string(info) + ")");
    CHECK(rows(info) == "10000 11000 00100 00110 00000");
    CHECK(info.baked_in_masks() == baked_masks{.causal = true, .sliding_window = true});
    CHECK(to_string(info && kv != 1) == to_string(info) + " && kv != 1");
    // ranges see through it
    CHECK(classify(info, {.q = {0, 2}, .kv = {2, 4}}) == tile_kind::empty);
    CHECK(classify(ones(1, 64).apply_causal(), {.q = {32, 64}, .kv = {0, 32}}) == tile_kind::full);
    CHECK(stats(ones(1, 4096).apply_causal(), {1, 1, 4096, 4096}).visible == 4096 * 4097 / 2);
    // a length whose matrix no machine holds
    const auto huge =
        mask_info(causal, {1, 1, index_t{1} << 26, index_t{1} << 26}).apply_sliding_window({1023, 0}).apply_causal(5);
    CHECK(attends(huge, 0, 0, 50'000'000, 49'999'000));
    CHECK_FALSE(attends(huge, 0, 0, 50'000'000, 49'998'976));
}

TEST_CASE("an info owns its buffers: sources and other copies may die") {
    std::optional<mask_info<any_mask>> kept;
    {
        std::vector<std::int64_t> ids{3, 3, 5, 5};
        std::vector<int> offsets{1, 0}, types{1, 0, 0, 1};
        const auto info = mask_info<>::from_segments(token_array(ids.data(), 2, 2))
                              .apply_causal(offsets)
                              .apply_token_type_ids(token_array(types.data(), 2, 2));
        kept = info;
        std::fill(ids.begin(), ids.end(), -1);
        std::fill(offsets.begin(), offsets.end(), -7);
    }
    CHECK(rows(*kept) == "11 11");
    CHECK(rows(*kept, 1) == "10 11");
    bytes dense{1, 0, 0, 1};
    const auto copied = mask_info<>::from_attention_mask(dense.data(), {1, 2, 2});
    dense.assign(4, 0);
    CHECK(rows(copied) == "10 01");
}

TEST_CASE("an info checks that a call has its shape") {
    const auto info = ones(2, 4).apply_causal();
    CHECK_THROWS_WITH(materialize(info, {2, 1, 5, 4}),
                      "domino: mask_info (whose rows are those without a q_offset): expected an entry for every index "
                      "of the call, 0 to 4, in dimension 2, got 4 entries");
    CHECK_THROWS_AS(materialize(info, {2, 1, 4, 5}), invalid_argument);
    CHECK_THROWS_AS(materialize(info, {3, 1, 4, 4}), invalid_argument);
    CHECK_NOTHROW(materialize(info, {2, 8, 4, 4}));  // any number of heads
    CHECK_THROWS_AS(materialize(any_mask(info), {2, 1, 5, 4}), invalid_argument);
    const bytes two_heads(2 * 3 * 3, 1);
    CHECK_THROWS_AS(materialize(mask_info<>::from_attention_mask(two_heads.data(), {1, 2, 3, 3}), {1, 3, 3, 3}),
                    invalid_argument);
    // cut ones too, whose tables would clamp
    CHECK_THROWS_AS(materialize(info.apply_sliding_window(1, window_mode::decode(2)), {2, 1, 2, 3}), invalid_argument);
}

TEST_CASE("infos of the same kind of mask share a type, and any_mask holds all") {
    const auto a = ones(1, 3), b_ = mask_info<>::from_cu_seqlens({{0, 3}}, {.max_q_len = 3});
    static_assert(std::same_as<decltype(a), decltype(b_)>);
    mask_info<any_mask> layer = a;
    for (const bool windowed : {false, true}) {
        layer = layer.apply_causal();
        if (windowed) layer = layer.apply_sliding_window(1);
    }
    CHECK(rows(layer) == "100 110 011");
    CHECK(layer.baked_in_masks().sliding_window);
    CHECK(layer.known_ids() == a.known_ids());
}

TEST_CASE("from_attention_mask reads ranks, types and polarity") {
    const float padding[] = {1, 0.5f, 0};
    CHECK(rows(mask_info<>::from_attention_mask(padding, {1, 3})) == "110 110 000");
    const bool masked[] = {false, true, true, false};
    CHECK(rows(mask_info<>::from_attention_mask(masked, {1, 2, 2}, {.mask_is_valid = false})) == "10 01");
    const int per_head[] = {1, 0, 0, 0, 0, 0, 0, 2};
    const auto heads = mask_info<>::from_attention_mask(per_head, {1, 2, 2, 2});
    CHECK(heads.heads() == 2);
    CHECK(attends(heads, 0, 1, 1, 1));
    CHECK_FALSE(attends(heads, 0, 0, 1, 1));
    CHECK(heads.q_segment_ids().values() == ints{0, 0});
    // tiles of a dense mask are decided by its rows
    bytes half(128 * 128, 0);
    for (index_t i = 0; i < 128 * 64; ++i) half[static_cast<std::size_t>(i)] = 1;
    const auto dense = mask_info<>::from_attention_mask(half.data(), {1, 128, 128});
    CHECK(classify(dense, {.q = {0, 64}, .kv = {0, 128}}) == tile_kind::full);
    CHECK(classify(dense, {.q = {64, 128}, .kv = {0, 128}}) == tile_kind::empty);
    CHECK(classify(dense, {.q = {32, 96}, .kv = {0, 128}}) == tile_kind::partial);
    // no elements
    CHECK(mask_info<>::from_attention_mask(half.data(), {0, 3, 3}).batch_size() == 0);
    CHECK(mask_info<>::from_attention_mask(half.data(), {1, 3, 0}).q_segment_ids().values() == ints{-1, -1, -1});
    CHECK(mask_info<>::from_attention_mask(half.data(), {1, 0}).kv_len() == 0);
}

TEST_CASE("tensors appear when asked for") {
    const auto info = ones(1, 2).apply_causal();
    CHECK(info.attention_mask().data == bytes{1, 0, 1, 1});
    CHECK(info.to_dtype<float>().data == std::vector<float>{1, 0, 1, 1});
    CHECK(info.bias().data == std::vector<float>{0, std::numeric_limits<float>::lowest(), 0, 0});
    CHECK(info.bias<domino::float16>().data[1].bits == 0xfbff);  // -65504
    CHECK(info.bias<domino::bfloat16>().data[1].bits == 0xff7f);
    CHECK(info.bias<domino::bfloat16>().data[0].bits == 0);
    CHECK(info.bias<double>(-1e9).data == std::vector<double>{0, -1e9, 0, 0});
    const auto [valid, mask_of] = info.qkv_masks();
    CHECK(valid.q.values() == ints{1, 1});
    CHECK(mask_of.data == bytes{1, 0, 1, 1});
    const auto dense = mask_info<>::from_random(2, 5, {.seed = 3}).apply_causal(1).materialize_attention_mask();
    CHECK(dense.attention_mask().data ==
          mask_info<>::from_random(2, 5, {.seed = 3}).apply_causal(1).attention_mask().data);
    CHECK(dense.baked_in_masks().causal);
}

TEST_CASE("wrong arguments are refused, with their names") {
    const auto info = ones(2, 3);
    const std::vector<int> three{1, 2, 3};
    CHECK_THROWS_WITH(info.apply_causal(three), "domino: offset: expected one integer, or 2, one a batch entry, got 3");
    CHECK_THROWS_WITH(info.apply_sliding_window(-1), "domino: band(left, right): left: expected at least 0, got -1");
    CHECK_THROWS_AS(info.apply_sliding_window({0, -1}, window_mode::decode(0)), invalid_argument);
    CHECK_THROWS_WITH(info.apply_sliding_window(1, window_mode::decode(three)),
                      "domino: index: expected one integer, or 2, one a batch entry, got 3");
    CHECK_THROWS_WITH(info.apply_chunked(0), "domino: chunked(n): expected at least 1, got 0");
    CHECK_THROWS_AS(mask_info<>::create_chunked_attention_mask(-2, 3), invalid_argument);
    CHECK_THROWS_WITH(info.apply_kv_lengths(1, {}), "domino: q_len: expected 0 to 3 rows to keep, got -1");
    CHECK_THROWS_WITH(info.apply_kv_lengths(1, {.q_len = 4}), "domino: q_len: expected 0 to 3 rows to keep, got 4");
    CHECK_THROWS_AS(info.apply_kv_lengths(three, {.q_len = 1}), invalid_argument);
    CHECK_THROWS_AS(info.apply_kv_lengths(1, {.q_len = 1, .sliding_window = -1}), invalid_argument);
    CHECK_THROWS_WITH(info.apply_token_type_ids({{0, 1, 2}}),
                      "domino: token_type_ids of queries: expected 2 x 3, got 1 x 3");
    CHECK_THROWS_AS(info.apply_token_type_ids({{0, 1}, {0, 1}}), invalid_argument);
    CHECK_THROWS_WITH(mask_info<>::from_segments({{0, 1}}, {.kv_segment_ids = {{0}, {1}}}),
                      "domino: kv_segment_ids: expected the batch of q_segment_ids, 1, got 2");
    CHECK_THROWS_AS(mask_info<>::from_segments({}), invalid_argument);
    CHECK_THROWS_AS(mask_info<>::from_segments({{0, 1}}, {.q_positions = {{0, 1, 2}}}), invalid_argument);
    CHECK_THROWS_WITH(mask_info<>::from_random(1, 2, {.sparsity = 1.5}), Catch::Contains("sparsity: expected 0 to 1"));
    CHECK_THROWS_WITH(mask_info<>::from_cu_seqlens({{0, 3, 5, 9}}, {.max_q_len = 9}),
                      Catch::Contains("cu_seqlens: expected pairs of start and end, or .format") &&
                          Catch::Contains("got {0, 3, 5, 9}"));
    CHECK_THROWS_AS(mask_info<>::from_cu_seqlens({{0, 3, 5}}, {.max_q_len = 9}), invalid_argument);
    CHECK_THROWS_AS(mask_info<>::from_cu_seqlens({{1, 9}}, {.max_q_len = 4}), invalid_argument);
    CHECK_THROWS_AS(mask_info<>::from_cu_seqlens({{1, 3}}, {}), invalid_argument);
    CHECK_THROWS_AS(mask_info<>::from_cu_seqlens({{0, 3, 2}, cu_format::cumulative}, {.max_q_len = 9}),
                    invalid_argument);
    CHECK_THROWS_WITH((token_array{{1, 2}, {1}}), "domino: tokens: expected rows of one length, got row 1 of another");
    const std::int64_t wide[] = {std::int64_t{1} << 40};
    CHECK_THROWS_AS(token_array(wide, 1, 1), invalid_argument);
    CHECK_THROWS_AS(mask_info(causal, {1, 1, -1, 2}), invalid_argument);
    CHECK_THROWS_WITH(info.visualize({.b = 2}), "domino: b: expected 0 to 1, got 2");
    CHECK_THROWS_AS(info.visualize({.h = 1}), invalid_argument);
    CHECK_THROWS_AS(info.visualize({.block_rows = 0}), invalid_argument);
    const auto one_head = scalar([](int, int head, int, int) {
        CHECK(head == 0);
        return true;
    });
    CHECK_THROWS_WITH(mask_info(one_head, {1, 1, 2, 2}).visualize({.h = 7}), "domino: h: expected 0 to 0, got 7");
    const std::vector<index_t> four(4, 0), three_ids(3, 0);
    const mask_shape square{1, 1, 4, 4};
    CHECK_THROWS_WITH(visualize_blocks(causal, square, {}, four),
                      "domino: q_ids: expected 4 ids, one a token, or none of queries and keys, got 0");
    CHECK_THROWS_AS(visualize_blocks(causal, square, three_ids, four), invalid_argument);
    CHECK_THROWS_WITH(visualize_blocks(causal, square, four, three_ids),
                      "domino: kv_ids: expected 4 ids, one a token, or none of queries and keys, got 3");
    CHECK_NOTHROW(visualize_blocks(causal, square, four, four));
}

TEST_CASE("the tracing switch names operations") {
    static std::string lines;
    lines.clear();
    const auto write = [](const char* line) { lines += std::string(line) + "\n"; };
    CHECK_FALSE(get_debug_mode());
    set_debug_mode(true, write);
    CHECK(get_debug_mode());
    const auto info = ones(1, 2).apply_causal();
    info.attention_mask();
    set_debug_mode(false);
    info.bias();
    CHECK(lines == "mask_info.from_segments\nmask_info.apply_causal\nmask_info.attention_mask\n");
}

TEST_CASE("a picture in blocks") {
    const auto info = mask_info<>::from_segments({{7, 7, 7, 112, 112, -1}}).apply_causal();
    CHECK(info.visualize({.block_rows = 2, .block_columns = 2, .ascii = true}) ==
          "Attention mask (batch=0, head=0) block=(2x2) mask_shape=(1, 1, 6, 6)\n"
          "         07??"
          "??\n"
          "        ======  \n"
          "     7 ||..    ||\n"
          "   MIX ||....  ||\n"
          "   MIX ||  ....||\n"
          "        ======  \n"
          "Legend mask: full='██'/##, partial='░░'/.., empty='  '\n"
          "Legend seg: left=Q block ID, top=KV block ID, PAD=-1, MIX=??\n");
    CHECK(mask_info(causal, {1, 1, 2, 2}).visualize({.block_rows = 1, .block_columns = 1}) ==
          "Attention mask (batch=0, head=0) block=(1x1) mask_shape=(1, 1, 2, 2)\n"
          "  ====  \n||██  ||\n||████||\n  ====  \n"
          "Legend mask: full='██'/##, partial='░░'/.., empty='  '\n");
}

TEST_CASE("ranges are sound for what an info composes") {
    const bytes dense{1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0};
    const mask_info<any_mask> from_dense = mask_info<>::from_attention_mask(dense.data(), {1, 5, 6});
    const mask_info<any_mask> packed = mask_info<>::from_segments({{0, 0, 1, 1, -1, 2, 2, 2}}).apply_chunked(3);
    const token_array types{{0, 1, 1, 0, 2, 2, 0, 0}};
    const std::vector<mask_info<any_mask>> infos{
        from_dense,
        from_dense.apply_causal(std::vector<int>{1}),
        packed,
        packed.apply_token_type_ids(types),
        packed.apply_sliding_window({1, 2}, window_mode::decode(std::vector<int>{6})),
        packed.apply_sliding_window(1, window_mode::prefill),
        packed.apply_kv_lengths(6, {.q_len = 3, .sliding_window = 4}),
        mask_info<>::from_random(1, 7, {.sparsity = 0.3}).apply_sliding_window({2, 0}, -1)};
    int tiles = 0, unsound = 0, decided = 0;
    for (const auto& info : infos)
        for (index_t q0 = 0; q0 < info.q_len(); ++q0)
            for (index_t q1 = q0 + 1; q1 <= info.q_len(); ++q1)
                for (index_t k0 = 0; k0 < info.kv_len(); ++k0)
                    for (index_t k1 = k0 + 1; k1 <= info.kv_len(); ++k1, ++tiles) {
                        index_t kept = 0;
                        for (index_t i = q0; i < q1; ++i)
                            for (index_t j = k0; j < k1; ++j) kept += attends(info, 0, 0, i, j);
                        const tile_kind kind = classify(info, {.q = {q0, q1}, .kv = {k0, k1}});
                        unsound += (kind == tile_kind::empty && kept > 0) ||
                                   (kind == tile_kind::full && kept < (q1 - q0) * (k1 - k0));
                        decided += kind != tile_kind::partial;
                    }
    CHECK(unsound == 0);
    CHECK(tiles > 3000);
    CHECK(decided > tiles / 4);
}

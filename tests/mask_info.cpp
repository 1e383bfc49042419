// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// mask_info: that it is lazy, owns what it needs, checks shapes and arguments, and composes. Its answers are compared
// with ejkernel's in mask_info_golden.cpp and mask_info_differences.cpp.
#include <domino/info/mask_info.hpp>
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
    CHECK(to_string(info) == "ids(b, q) == ids(b, kv) && ids(b, kv) >= 0 && kv <= q && q - kv <= 2 && kv - q <= 0");
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
    CHECK_THROWS_WITH(
        materialize(info, {2, 1, 5, 4}),
        "domino: table 'mask_info': expected an entry for every index of the call, 0 to 4, in dimension 2, got "
        "4 entries");
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

TEST_CASE("cu_seqlens of both formats and back") {
    const auto packed = mask_info<>::from_cu_seqlens({{0, 2, 2, 5}, cu_format::cumulative}, {.max_q_len = 6});
    CHECK(packed.q_segment_ids().values() == ints{0, 0, 2, 2, 2, -1});
    CHECK(packed.cumulative_seqlens().q.values == ints{0, 2, 2, 5});
    CHECK(packed.cumulative_seqlens(5).kv == cu_seqlens{{0, 2, 2, 5, 5, 5}, cu_format::cumulative});
    CHECK(packed.q_lens() == ints{2, 0, 3});
    CHECK_THROWS_AS(packed.paired_seqlens(), invalid_argument);
    const auto rows_of = mask_info<>::from_cu_seqlens(
        {{1, 3, 0, 4}}, {.max_q_len = 4, .kv = cu_seqlens{{0, 2, 1, 1}, cu_format::pairs}, .max_kv_len = 2});
    CHECK(rows_of.batch_size() == 2);
    CHECK(rows(rows_of) == "00 11 11 00");
    CHECK(rows(rows_of, 1) == "00 00 00 00");
    CHECK(rows_of.paired_seqlens().q.values == ints{1, 3, 0, 4});
    CHECK(rows_of.paired_seqlens().kv.values == ints{0, 2, 0, 0});
    CHECK(rows_of.cumulative_seqlens() ==
          qkv_cu_seqlens{{{0, 2, 6}, cu_format::cumulative}, {{0, 2, 2}, cu_format::cumulative}});
    // cross-attention: both sides count the same sequences
    const auto cross = mask_info<>::from_segments({{0, 0, 1}}, {.kv_segment_ids = {{0, 1, 1, 2}}});
    CHECK(cross.cumulative_seqlens().q.values == ints{0, 2, 3, 3});
    CHECK(cross.cumulative_seqlens().kv.values == ints{0, 1, 3, 4});
}

TEST_CASE("segments are recovered from a mask, or it is said why not") {
    const auto ids = mask_info<>::from_segments({{4, 4, 9, -1, 4}}, {.kv_segment_ids = {{4, 9, 9, 1}}});
    const auto back = mask_info(ids.mask(), ids.shape());  // the mask alone
    CHECK_FALSE(back.known_ids().q.known());
    CHECK(back.q_segment_ids().values() == ints{0, 0, 1, -1, 0});
    CHECK(back.kv_segment_ids().values() == ints{0, 1, 1, -1});
    CHECK(rows(mask_info<>::from_segments(back.q_segment_ids(), {.kv_segment_ids = back.kv_segment_ids()})) ==
          rows(ids));
    CHECK(back.materialize_segment_ids().known_ids() == back.segment_ids());
    CHECK(back.positions().q.values() == ints{0, 1, 0, -1, 0});

    const auto swapped = mask_info<>::from_segments({{0, 1}}, {.kv_segment_ids = {{1, 0, 0}}});
    CHECK(rows(swapped) == "011 100");
    CHECK(recover_segments(swapped, swapped.shape()).reason ==
          "not a segment mask: query 1 of batch entry 0 begins a segment whose keys come before an earlier one's");
    const auto any_order = recover_segments(swapped, swapped.shape(), {.any_order = true});
    REQUIRE(any_order);
    CHECK(any_order.ids.kv.values() == ints{1, 0, 0});
    CHECK(recover_segments(causal, {1, 1, 2, 2}).reason ==
          "not a segment mask: query 1 of batch entry 0 sees a part of a segment (key 1)");
    CHECK(recover_segments(kv >= q, {1, 1, 2, 2}).reason ==
          "not a segment mask: query 1 of batch entry 0 sees a part of a segment (key 0)");
    CHECK(recover_segments(kv < 2 && h == 0, {1, 2, 2, 2}).reason ==
          "not a segment mask of all heads: head 1 differs from head 0");
    CHECK(recover_segments(kv < 2 && h == 0, {1, 2, 2, 2}, {.per_head = true}).ids.q.values() == ints{0, 0, -1, -1});
    CHECK_THROWS_WITH(mask_info(causal, {1, 1, 2, 2}).positions(), Catch::Contains("not a segment mask"));
    CHECK(recover_segments(none, {1, 1, 2, 0}).ids.q.values() == ints{-1, -1});
}

TEST_CASE("decode, prefill and kv_lengths are substitutions") {
    const auto info = ones(2, 7).apply_causal();
    const auto one = info.apply_sliding_window({2, 1}, window_mode::decode(std::vector<int>{0, 5}));
    CHECK(one.shape().q_len == 1);
    CHECK(rows(one) == "1000");
    CHECK(rows(one, 1) == "1110");
    CHECK(to_string(one.mask()).find("kv + first_key(b) <= q + first_row(b)") != std::string::npos);
    const auto tail = info.apply_sliding_window({1, 1}, window_mode::prefill);
    CHECK(rows(tail) == "000 000 000 000 100 110 011");
    const auto cut = info.apply_kv_lengths(std::vector<int>{4, 7}, {.q_len = 2, .sliding_window = 3});
    CHECK(rows(cut) == "110 111");
    CHECK(rows(cut, 1) == "110 111");
    CHECK(cut.kv_segment_ids().values() == ints{0, 0, 0, 0, 0, 0});
    const auto ended = info.apply_kv_lengths(5, std::vector<int>{2, 6}, {.q_len = 2});
    CHECK(rows(ended) == "1000000 1100000");
    CHECK(rows(ended, 1) == "1111100 1111100");
    CHECK(ended.kv_segment_ids().values() == ints{0, 0, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, -1, -1});
    // and they nest
    CHECK(rows(ended.apply_sliding_window({1, 0}, window_mode::decode(1)), 1) == "11");
    CHECK(rows(info.apply_kv_lengths(7, {.q_len = 3}).apply_kv_lengths(7, std::vector<int>{2, 2}, {.q_len = 1}), 1) ==
          "1111110");
}

TEST_CASE("token types: combinations, policies, and the keys' own types") {
    const token_array types{{0, 1, 1, 0, 2}};
    const auto info = ones(1, 5).apply_causal();
    CHECK(rows(info.apply_token_type_ids(types)) == "10000 11100 11100 11110 11111");
    CHECK(rows(info.apply_token_type_ids(types, combine::intersect)) == "00000 01000 01100 00000 00001");
    CHECK(rows(info.apply_token_type_ids(types, combine::replace)) == "00000 01100 01100 00000 00001");
    for (const auto policy : {zero_policy::queries, zero_policy::keys, zero_policy::both})
        CHECK(rows(info.apply_token_type_ids(types, combine::replace, {.zero_policy = policy})) ==
              "00000 01100 01100 00000 00001");
    CHECK(rows(info.apply_token_type_ids(types, combine::replace, {.zero_policy = zero_policy::neither})) ==
          "10010 01100 01100 10010 00001");
    CHECK(rows(info.apply_token_type_ids(types, combine::unite, {.kv_types = {{2, 2, 2, 2, 1}}})) ==
          "10000 11001 11101 11110 11111");
    CHECK(info.apply_token_type_ids(types).q_segment_ids().values() == ints{0, 0, 0, 0, 0});
    CHECK(info.apply_token_type_ids(types, combine::unite, {.update_segment_ids = true}).q_segment_ids().values() ==
          ints{-1, 1, 1, -1, 2});
    CHECK(info.apply_token_type_ids(types, combine::replace, {.update_segment_ids = false}).q_segment_ids().values() ==
          ints{0, 0, 0, 0, 0});
    // any way of joining two masks
    const auto apart =
        info.apply_token_type_ids(types, [](const auto& base, const auto& same) { return base && !same; });
    CHECK(rows(apart) == "10000 10000 10000 11110 11110");
}

TEST_CASE("random masks are drawn from a counter, as JAX draws them") {
    // jax.random.key(0x1BADDEED) ... the Random123 known answers of threefry2x32, 20 rounds
    using pair = std::array<std::uint32_t, 2>;
    static_assert(detail::threefry({0, 0}, {0, 0}) == pair{0x6b200159u, 0x99ba4efeu});
    static_assert(detail::threefry({~0u, ~0u}, {~0u, ~0u}) == pair{0x1cb996fcu, 0xbb002be7u});
    static_assert(detail::threefry({0x13198a2eu, 0x03707344u}, {0x243f6a88u, 0x85a308d3u}) ==
                  pair{0xc4923a9cu, 0x483df7a0u});
    const auto info = mask_info<>::from_random(2, 64, {.kv_len = 32, .sparsity = 0.75, .seed = 7});
    CHECK(stats(info, info.shape()).density() == Catch::Approx(0.25).margin(0.03));
    CHECK_FALSE(info.known_ids().q.known());
    CHECK(stats(mask_info<>::from_random(1, 16, {.sparsity = 0.0}), {1, 1, 16, 16}).full == 1);
    CHECK(stats(mask_info<>::from_random(1, 16, {.sparsity = 1.0}), {1, 1, 16, 16}).empty == 1);
    CHECK(to_string(info) == "random(b, q, kv)");
}

TEST_CASE("dynamic_init takes the first source that is there") {
    const mask_info<any_mask> given = ones(1, 2).apply_causal();
    const int ids[] = {1, 1, 0}, pairs[] = {1, 0, 0, 1};
    const dense_input padding(ids, {1, 3}), dense(pairs, {1, 2, 2});
    CHECK(rows(mask_info<>::dynamic_init({.info = &given, .attention_mask = &padding})) == "10 11");
    CHECK(rows(mask_info<>::dynamic_init({.attention_mask = &padding, .input_ids = {{1, 9}}})) == "110 110 000");
    CHECK(rows(mask_info<>::dynamic_init({.attention_mask = &dense})) == "10 01");
    CHECK(mask_info<>::dynamic_init({.input_ids = {{3, 2}}, .inputs_embeds = {{5, 5, 5}}}).batch_size() == 3);
    CHECK(rows(mask_info<>::dynamic_init({.inputs_embeds = {{1, 2, 64}}})) == "11 11");
    CHECK_THROWS_WITH(mask_info<>::dynamic_init({}),
                      "domino: dynamic_init: expected one of info, attention_mask, input_ids, inputs_embeds, got none");
}

TEST_CASE("tensors appear when asked for") {
    const auto info = ones(1, 2).apply_causal();
    CHECK(info.attention_mask().data == bytes{1, 0, 1, 1});
    CHECK(info.to_dtype<float>().data == std::vector<float>{1, 0, 1, 1});
    CHECK(info.bias().data == std::vector<float>{0, std::numeric_limits<float>::lowest(), 0, 0});
    CHECK(info.bias<double>(-1e9).data == std::vector<double>{0, -1e9, 0, 0});
    const auto [valid, mask_of] = info.qkv_masks();
    CHECK(valid.q.values() == ints{1, 1});
    CHECK(mask_of.data == bytes{1, 0, 1, 1});
    const auto dense = mask_info<>::from_random(2, 5, {.seed = 3}).apply_causal(1).materialize_attention_mask();
    CHECK(dense.attention_mask().data ==
          mask_info<>::from_random(2, 5, {.seed = 3}).apply_causal(1).attention_mask().data);
    CHECK(dense.baked_in_masks().causal);
}

TEST_CASE("replace") {
    const auto info = ones(1, 3);
    const auto other = info.replace({.segment_ids = {{{0, 1, 1}}, {{0, 1, 1}}}, .positions = {{{5, 6, 7}}, {}}});
    CHECK(rows(other) == "100 011 011");  // the mask is its segments
    CHECK(other.q_positions().values() == ints{5, 6, 7});
    CHECK(other.kv_positions().values() == ints{0, 0, 1});
    CHECK(rows(info.apply_causal().replace({.segment_ids = {{{0, 1, 1}}, {}}})) == "100 110 111");  // is more
    CHECK(info.replace({.segment_ids = {{}, {{0, 0, -1}}}}).q_segment_ids().values() == ints{0, 0, 0});
    CHECK(rows(info.replace(kv > q, {.baked_in = baked_masks{.chunked = true}})) == "011 001 000");
    CHECK(info.replace({.baked_in = baked_masks{.chunked = true}}).baked_in_masks().chunked);
    CHECK_THROWS_AS(info.replace({.segment_ids = {{{0, 1}}, {}}}), invalid_argument);
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

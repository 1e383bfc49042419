// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The operations of mask_info on cases worked out by hand.
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
    CHECK(recover_segments(kv == q || kv == 2, {1, 1, 2, 3}).reason ==  // 101, 011
          "not a segment mask: query 1 of batch entry 0 sees a part of a segment (key 2)");
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
    // the policy is part of the expression, in numbers of 32 bits: it is evaluated by lanes, and its tiles are decided
    const auto every_type = mask_info(full, {1, 1, 5, 5})
                                .apply_token_type_ids(types, combine::intersect, {.zero_policy = zero_policy::neither});
    CHECK(detail::fits_lanes(detail::inspect(every_type, every_type.shape().all())));
    CHECK(to_string(every_type) == "true && q_types(b, q) == kv_types(b, kv) && (kv_types(b, kv) != 0 || true)");
    CHECK(classify(every_type, {.q = 3, .kv = 0}) == tile_kind::full);
    CHECK(classify(every_type, {.q = {1, 3}, .kv = {1, 3}}) == tile_kind::full);
    CHECK(classify(every_type, {.q = {1, 3}, .kv = 0}) == tile_kind::empty);
    // any way of joining two masks
    const auto apart =
        info.apply_token_type_ids(types, [](const auto& base, const auto& same) { return base && !same; });
    CHECK(rows(apart) == "10000 10000 10000 11110 11110");
}

TEST_CASE("finer segments than 32 bits can number are numbered by rank in each row") {
    constexpr std::int32_t wide = 2'000'000'000;
    const auto distinct = mask_info<>::from_segments(token_array(1, 65'536, [](index_t, index_t i) { return i; }));
    const auto chunks = distinct.apply_chunked(1).q_segment_ids();
    CHECK(chunks(0, 0) == 0);
    CHECK(chunks(0, 65'535) == 65'535);
    const auto two = mask_info<>::from_segments({{0, 0, 1, 1, -1}, {5, 5, 5, 5, 5}});
    const token_array types{{wide, wide, wide, 3, 3}, {0, 7, 7, wide, 7}};
    CHECK(two.apply_token_type_ids(types, combine::intersect).q_segment_ids().values() ==
          ints{0, 0, 2, 1, -1, -1, 0, 0, 1, 0});
    // where they fit, they are what they were
    CHECK(refine_segments(two.segment_ids(), {{{4, 4, 2, 4, 4}, {0, 1, 2, 3, -1}}, {{4, 4, 2, 4, 4}, {0, 1, 2, 3, 3}}})
              .q.values() == ints{4, 4, 7, 9, -1, 0, 1, 2, 3, -1});
    const auto negative = two.apply_token_type_ids({{-wide, -wide, wide, 1, 0}, {0, 0, 0, -1, -1}}, combine::replace);
    CHECK(negative.q_segment_ids().values() == ints{2, 2, 1, 0, -1, -1, -1, -1, 0, 0});
}

TEST_CASE("arrays of tokens that do not belong together are refused") {
    const token_array two{{0, 0}, {1, 1}}, one{{0, 1}}, shorter{{0}, {1}};
    CHECK_THROWS_WITH(segment_ids_to_cu_seqlens({two, one}),
                      "domino: segment_ids: expected keys of the queries' batch, 2, got 1");
    CHECK_THROWS_WITH(segment_ids_to_cu_seqlens({two, {}}),
                      "domino: segment_ids: expected those of queries and of keys, got one of them");
    CHECK_THROWS_WITH(refine_segments({two, two}, {two, one}),
                      "domino: refine_segments: keys: expected 2 x 2, one for each id, got 1 x 2");
    CHECK_THROWS_AS(refine_segments({two, two}, {two, shorter}), invalid_argument);
    CHECK_THROWS_WITH(refine_segments({two, two}, {two, {}}),
                      "domino: refine_segments: keys: expected 2 x 2, one for each id, got 0 x 0");
    CHECK_THROWS_AS(refine_segments({two, one}, {two, one}), invalid_argument);
    CHECK_THROWS_AS(refine_segments({}, {}), invalid_argument);
    CHECK_THROWS_WITH(segment_mask({one, {}}),
                      "domino: segment_ids: expected those of queries and of keys, got one of them");
    CHECK_THROWS_WITH(token_array(static_cast<const int*>(nullptr), 1, 2),
                      "domino: tokens: expected a buffer, got null");
    CHECK(token_array(static_cast<const int*>(nullptr), 3, 0).known());
}

TEST_CASE("visible tokens are those of any pair, wherever it is") {
    for (index_t row = 0; row < 40; row += 3)
        for (index_t key = 0; key < 70; key += 3) {
            const auto seen = visible_tokens(h == 1 && q == row && kv == key, {1, 2, 40, 70});
            CHECK(std::count(seen.q.values().begin(), seen.q.values().end(), 1) == 1);
            CHECK(std::count(seen.kv.values().begin(), seen.kv.values().end(), 1) == 1);
            CHECK((seen.q(0, row) == 1 && seen.kv(0, key) == 1));
        }
    // the first pair that is seen is enough: no mask is asked about as many as there are
    index_t asked = 0;
    const auto counted = scalar([&](int, int, int, int) { return ++asked > 0; });
    const auto seen = visible_tokens(counted, {1, 1, 256, 256});
    CHECK(seen.kv == token_array(1, 256, [](index_t, index_t) { return 1; }));
    CHECK(asked == 512);
}

TEST_CASE("random masks are drawn from a counter, as JAX draws them") {
    // jax.random.key(0x1BADDEED) ... the Random123 known answers of threefry2x32, 20 rounds
    using pair = std::array<std::uint32_t, 2>;
    static_assert(threefry({0, 0}, {0, 0}) == pair{0x6b200159u, 0x99ba4efeu});
    static_assert(threefry({~0u, ~0u}, {~0u, ~0u}) == pair{0x1cb996fcu, 0xbb002be7u});
    static_assert(threefry({0x13198a2eu, 0x03707344u}, {0x243f6a88u, 0x85a308d3u}) == pair{0xc4923a9cu, 0x483df7a0u});
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

    // the mask of segments whose ids the info does not know: they were never given, or forgotten
    const token_array ids{{0, 0, 1}}, zeros{{0, 0, 0}};
    const mask_info bare(segment_mask({ids, ids}), {1, 1, 3, 3});
    CHECK(rows(bare.replace({.positions = {ids, ids}})) == "110 110 001");
    CHECK(rows(bare.replace({.baked_in = baked_masks{.causal = true}})) == "110 110 001");
    CHECK(rows(bare.replace({.segment_ids = {zeros, zeros}})) == "111 111 111");
    const std::vector<std::int32_t> last{-1, 1, 1};
    const auto moved = with_leaf(info, "ids", table_buffer(last.data(), {1, 3}));
    CHECK(rows(moved.replace({.positions = {ids, ids}})) == "000 011 011");
    CHECK_THROWS_WITH(moved.replace({.segment_ids = {{}, ids}}),
                      "domino: segment_ids: expected those of queries and of keys, got one of them");
    // and one that the known ids do not say
    const mask_info other_ids(segment_mask({ids, ids}), {1, 1, 3, 3}, {.segment_ids = {zeros, zeros}});
    CHECK(rows(other_ids.replace({.positions = {ids, ids}})) == "110 110 001");
}

TEST_CASE("a bias goes back to its mask, if it is one") {
    const auto info = ones(2, 3).apply_causal(1);
    const auto there = info.bias();
    const auto back = mask_info<>::from_bias(there.data.data(), {2, 1, 3, 3});
    CHECK(rows(back) == rows(info));
    const float mixed[] = {0, -std::numeric_limits<float>::infinity(), -1e9f, 0};
    CHECK(rows(mask_info<>::from_bias(mixed, {1, 2, 2}, -1e9f)) == "10 01");
    CHECK_THROWS_WITH(mask_info<>::from_bias(mixed, {1, 2, 2}), Catch::Contains("bias: expected 0, or"));
}

TEST_CASE("ids far apart are counted, but not without end") {
    const auto info = mask_info<>::from_segments({{3, 3, 300}});
    CHECK(info.q_lens().size() == 301);
    CHECK(info.cumulative_seqlens().q.values.back() == 3);
    CHECK(info.apply_chunked(2).q_segment_ids().values() == ints{1, 1, 5});
    CHECK_THROWS_AS(mask_info<>::from_segments({{3, 3, 1 << 30}}).q_lens(), invalid_argument);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each place where Domino answers otherwise than ejkernel: what ejkernel answers, from its own mouth, and what we do.
#include <map>

#include <domino/kernel/any_mask.hpp>

#include "mask_info_data.hpp"

using namespace domino;
using namespace mask_info_data;

namespace {

using ints = std::vector<std::int32_t>;

/// What ejkernel answers in the case of that name: its values, integers and bits alike.
std::vector<index_t> theirs(const std::string& name, std::size_t which = 0) {
    static const auto all = cases("differences");
    for (const auto& c : all)
        if (c.base.at(0).text == name) {
            const value& v = c.answer.at(which);
            return v.kind == value::array ? v.entries : std::vector<index_t>{v.number()};
        }
    FAIL("no case " << name);
    return {};
}
using answer = std::vector<index_t>;

answer ours(const auto& x) { return of(x).entries; }
template <Expression M>
answer ours(const mask_info<M>& x) {
    return of(x.attention_mask()).entries;
}

auto segments(token_array ids) { return mask_info<>::from_segments(std::move(ids)); }

}  // namespace

TEST_CASE("ids of a mask that is no segment mask") {
    CHECK(theirs("inverted") == answer{1, 0, 0, 0, 1, 1});  // rebuilt from the ids of {0, 1, 1}, {1, 0, 0}
    const bool inverted[] = {false, true, true, true, false, false};
    const auto info = mask_info<>::from_attention_mask(inverted, {1, 2, 3});
    CHECK_FALSE(recover_segments(info, info.shape()));
    CHECK(theirs("causal_ids") ==
          answer{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});  // causal becomes the identity
    CHECK_FALSE(recover_segments(causal, {1, 1, 4, 4}));
    CHECK_THROWS_AS(mask_info(causal, {1, 1, 4, 4}).segment_ids(), invalid_argument);
}

TEST_CASE("positions of a causal mask") {
    CHECK(theirs("causal_positions") == answer{0, 0, 0, 0});
    CHECK_THROWS_AS(mask_info(causal, {1, 1, 4, 4}).positions(), invalid_argument);
    CHECK(segments({{0, 0, 0, 0}}).apply_causal().q_positions().values() == ints{0, 1, 2, 3});
}

TEST_CASE("ids that all heads share") {
    CHECK(theirs("heads") == answer{0, 1});  // those of head 0
    CHECK_FALSE(recover_segments(h == 1 || q == kv, {1, 2, 2, 2}));
    CHECK(recover_segments(h == 1 || q == kv, {1, 2, 2, 2}, {.per_head = true}).ids.q.values() == ints{0, 1, 0, 0});
}

TEST_CASE("q, kv and attention masks after apply_causal") {
    CHECK(theirs("qkv_masks") == answer{1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1});  // not causal
    const auto masks = segments({{0, 0, 1, 1}}).apply_causal().qkv_masks();
    CHECK(ours(masks.second) == answer{1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1});
}

TEST_CASE("ids after apply_chunked and apply_token_type_ids keep segments and padding apart") {
    CHECK(theirs("chunk_ids") == answer{1, 1, 1, 2});  // documents 0 0 1 1 in chunks of 3
    const auto chunks = segments({{0, 0, 1, 1}}).apply_chunked(3).q_segment_ids();
    CHECK(chunks.values() == ints{1, 1, 4, 5});
    CHECK(theirs("type_ids") == answer{1, 1, 1, 1});  // of 0 0 1 padding
    const auto typed = segments({{0, 0, 1, -1}}).apply_token_type_ids({{1, 1, 1, 1}}, combine::intersect);
    CHECK(typed.q_segment_ids().values() == ints{1, 1, 3, -1});
    CHECK(ours(typed) == ours(materialize(segment_mask(typed.segment_ids()), {1, 1, 4, 4})));
}

TEST_CASE("token types that attend are not padding") {
    CHECK(theirs("type_zero") == answer{1, 0, 0, 1});
    CHECK(theirs("type_zero", 1) == answer{-1, 1});
    const auto zero =
        segments({{0, 0}}).apply_token_type_ids({{0, 1}}, combine::replace, {.zero_policy = zero_policy::neither});
    CHECK(ours(zero) == theirs("type_zero"));
    CHECK(zero.q_segment_ids().values() == ints{0, 1});
    CHECK(theirs("type_negative") == answer{1, 0, 0, 1});
    CHECK(theirs("type_negative", 1) == answer{-1, 1});
    const auto negative = segments({{0, 0}}).apply_token_type_ids({{-1, 1}}, combine::replace);
    CHECK(ours(negative) == theirs("type_negative"));
    CHECK(negative.q_segment_ids().values() == ints{2, 1});
}

TEST_CASE("cumulative offsets") {
    CHECK(theirs("pooled") == answer{0, 3, 6, 6, 6});  // rows 0 0 1 and 0 1 1
    CHECK(segments({{0, 0, 1}, {0, 1, 1}}).cumulative_seqlens().q.values == ints{0, 2, 3, 4, 6});
    CHECK(theirs("dropped") == answer{0, 1, 2});  // ids 0 1 2, max_segments 2
    CHECK_THROWS_AS(segments({{0, 1, 2}}).cumulative_seqlens(2), invalid_argument);
    CHECK(segments({{0, 1, 2}}).cumulative_seqlens().q.values == ints{0, 1, 2, 3});
    CHECK(theirs("descending") == answer{0, 2, 2, 3});  // ids 2 0 0: tokens 0 and 1 are not sequence 0
    CHECK_THROWS_AS(segments({{2, 0, 0}}).cumulative_seqlens(), invalid_argument);
}

TEST_CASE("pairs of start and end") {
    CHECK(theirs("gap") == answer{0, 3});  // of 1 0 1
    CHECK_THROWS_AS(mask_to_cu_seqlens(token_array{{1, 0, 1}}), invalid_argument);
    CHECK(theirs("cumulative_as_pairs") == answer{1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1});
    CHECK_THROWS_AS(cu_seqlens_to_mask({{0, 3, 5, 9}}, 9), invalid_argument);
    CHECK(ours(cu_seqlens_to_mask({{0, 3, 5, 9}, cu_format::pairs}, 9)) == theirs("cumulative_as_pairs"));
    CHECK(ours(cu_seqlens_to_segment_ids({{0, 3, 5, 9}, cu_format::cumulative}, 9)) ==
          answer{0, 0, 0, 1, 1, 2, 2, 2, 2});
    CHECK(theirs("beyond") == answer{0, 1, 1, 1});  // 1 to 9 of 4 tokens
    CHECK_THROWS_AS(cu_seqlens_to_mask({{1, 9}}, 4), invalid_argument);
}

TEST_CASE("several sequences, and their lengths") {
    CHECK(theirs("one_segment_labelled_1") == answer{1});
    CHECK(theirs("one_segment_labelled_1", 1) == answer{0, 3});
    CHECK_FALSE(segments({{1, 1, 1}}).is_multi_sequence());
    CHECK(segments({{1, 1, 1}}).q_lens() == ints{3});
    CHECK(theirs("packed_keys") == answer{0});
    CHECK(mask_info<>::from_segments({{0}}, {.kv_segment_ids = {{0, 0, 1}}}).is_multi_sequence());
    CHECK(theirs("pooled_lengths") == answer{3, 3});
    CHECK(segments({{0, 0, 1}, {0, 1, 1}}).q_lens() == ints{2, 1, 1, 2});
}

TEST_CASE("padding is any negative id") {
    CHECK(theirs("below_minus_one") == answer{1, 1});           // -2 is a token here
    CHECK(theirs("below_minus_one", 1) == answer{1, 0, 0, 0});  // and padding there
    CHECK(segments({{0, -2}}).q_attention_mask().values() == ints{1, 0});
    CHECK(ours(segments({{0, -2}})) == theirs("below_minus_one", 1));
}

TEST_CASE("given positions are the positions") {
    CHECK(theirs("given_positions") == answer{0, 1});
    CHECK(mask_info<>::from_segments({{0, 0}}, {.q_positions = {{5, 6}}}).q_positions().values() == ints{5, 6});
}

TEST_CASE("not zero is valid, whoever reads the mask") {
    CHECK(theirs("dynamic_two") == answer{1, 0, 0});
    CHECK(theirs("dynamic_two", 1) == answer{1, 1, 0});
    const int mask_of[] = {1, 2, 0};
    const dense_input input(mask_of, {1, 3});
    CHECK(mask_info<>::dynamic_init({.attention_mask = &input}).q_attention_mask().values() == ints{1, 1, 0});
    CHECK(mask_info<>::from_attention_mask(mask_of, {1, 3}).q_attention_mask().values() == ints{1, 1, 0});
}

TEST_CASE("a mask as bool after float") {
    CHECK(theirs("to_bool") == answer{0});  // is still float
    const auto info = segments({{0, 0}});
    static_assert(std::same_as<decltype(info.to_dtype<bool>()), dense_mask<bool>>);
    CHECK(info.to_dtype<float>().data == std::vector<float>(4, 1.f));
    CHECK(info.to_dtype<bool>()(0, 0, 1, 1));
}

TEST_CASE("replaced ids do not depend on who looked before") {
    CHECK(theirs("replace_after_a_look") == answer{1, 1, 1, 1});
    CHECK(theirs("replace_after_a_look", 1) == answer{1, 0, 0, 1});
    const auto info = segments({{0, 0}});
    info.attention_mask();
    const qkv_tokens ids{{{0, 1}}, {{0, 1}}};
    CHECK(ours(info.replace({.segment_ids = ids})) == answer{1, 0, 0, 1});
}

TEST_CASE("decode keeps the keys of its window") {
    const auto cache = mask_info(full, {1, 1, 1, 8});
    CHECK(theirs("decode_one_row") == answer{1, 0, 0});  // key 0 of 0 1 2, for the query at 5
    const auto one = cache.apply_sliding_window({2, 0}, window_mode::decode(5));
    CHECK(ours(one) == answer{1, 1, 1});
    CHECK(to_string(one.mask()).find("first_key") == std::string::npos);  // an integer for all batch entries
    CHECK(attends(cache.apply_sliding_window({2, 0}, 5), 0, 0, 0, 3));
    CHECK(theirs("decode_one_row_offset") == answer{0, 0, 0});
    CHECK(ours(cache.apply_sliding_window({2, 0}, window_mode::decode(5), 5)) == answer{1, 1, 1});
    CHECK(theirs("decode_offset") == answer{0, 0});
    CHECK(ours(mask_info(full, {1, 1, 6, 6}).apply_sliding_window({1, 0}, window_mode::decode(2), 2)) == answer{1, 1});
}

TEST_CASE("prefill keeps the same keys for a window w and for (w, w)") {
    CHECK(theirs("prefill_int") == answer{0, 0, 0, 0, 1, 1});
    CHECK(theirs("prefill_int", 1).size() == 18);
    const auto info = segments({{0, 0, 0, 0, 0, 0}});
    CHECK(ours(info.apply_sliding_window(1, window_mode::prefill)) == theirs("prefill_int", 1));
    CHECK(ours(info.apply_sliding_window({1, 1}, window_mode::prefill)) == theirs("prefill_int", 1));
}

TEST_CASE("positions are cut with the mask") {
    CHECK(theirs("stale_positions", 1) == answer{4, 5, 6, 7});
    const token_array positions{{4, 5, 6, 7}};
    const auto info = mask_info<>::from_segments({{0, 0, 0, 0}}, {.q_positions = positions, .kv_positions = positions});
    const auto cut = info.apply_kv_lengths(4, {.q_len = 2, .sliding_window = 3});
    CHECK(ours(cut) == theirs("stale_positions"));
    CHECK(cut.q_positions().values() == ints{6, 7});
    CHECK(cut.kv_positions().values() == ints{5, 6, 7});
}

TEST_CASE("a picture's ragged edge, and the size of its cells") {
    const auto text_of = [](const std::string& name) {
        for (const auto& c : cases("differences"))
            if (c.base.at(0).text == name) return c.answer.at(0).text;
        return std::string();
    };
    CHECK(text_of("ragged").find("     0 ||##..||") != std::string::npos);
    const std::string ragged = segments({{0, 0, 0}}).visualize({.block_rows = 2, .block_columns = 2, .ascii = true});
    CHECK(ragged.find("     0 ||####||\n     0 ||####||\n") != std::string::npos);
    CHECK(text_of("cell_size").find("block=(1x1)") != std::string::npos);
    CHECK(segments({{0, 0, 0, 0}})
              .visualize({.block_rows = 1, .block_columns = 1, .max_rows = 2, .max_columns = 2})
              .find("block=(2x2)") != std::string::npos);
}

TEST_CASE("none of the differences is forgotten here") { CHECK(cases("differences").size() == 30); }

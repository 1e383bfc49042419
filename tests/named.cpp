// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Views that know their axes by name, masks on logits found by name, positions from tokens.

#include "domino/info/named.hpp"

#include <cmath>
#include <domino/info/mask_logits.hpp>
#include <domino/info/materialize.hpp>
#include <domino/info/positions.hpp>
#include <domino/mask/window.hpp>
#include <domino/tensor/element.hpp>
#include <numeric>

#include "catch.hpp"

using namespace domino;

namespace {

using ints = std::vector<std::int32_t>;

std::vector<float> counting(std::size_t n) {
    std::vector<float> out(n);
    std::iota(out.begin(), out.end(), 0.f);
    return out;
}

}  // namespace

TEST_CASE("axes are found by name, whatever their order") {
    auto x = counting(2 * 3 * 5);
    const named_view<float> v(x.data(), {{"kv_seq", 5}, {"batch", 2}, {"seq", 3}});
    CHECK(v.names() == "kv_seq, batch, seq");
    CHECK(v.size() == 30);
    CHECK(v.axis("kv_seq") == named_axis{"kv_seq", 5, 6});
    CHECK(v.axis("batch") == named_axis{"batch", 2, 3});
    CHECK(v.axis("seq") == named_axis{"seq", 3, 1});
    CHECK(v.has("seq"));
    CHECK(!v.has("heads"));
    CHECK(v.renamed("seq", "rows").names() == "kv_seq, batch, rows");
    CHECK(v.slice("batch", 1).names() == "kv_seq, seq");
    CHECK(*v.slice("batch", 1).slice("kv_seq", 4).data() == 27.f);
    CHECK(named_view<float>(x.data(), std::vector<named_axis>{}).size() == 1);
    CHECK_THROWS_WITH(v.axis("heads"), "domino: axis 'heads': expected one of kv_seq, batch, seq, got no such axis");
    CHECK_THROWS_WITH(v.slice("batch", 2), "domino: axis 'batch': expected an index below 2, got 2");
    CHECK_THROWS_WITH(v.renamed("seq", "batch"), "domino: named_view: expected distinct names, got 'batch' twice");
    CHECK_THROWS_WITH(named_view<float>(nullptr, {{"seq", 3}}), "domino: named_view: expected a buffer, got null");
    CHECK_THROWS(named_view<float>(x.data(), {{"seq", -1}}));
    CHECK(named_view<float>(nullptr, {{"seq", 0}}).size() == 0);
    constexpr index_t huge = index_t{1} << 40;
    for (const index_t last : {index_t{0}, index_t{1}})
        CHECK_THROWS_WITH(named_view<float>(x.data(), {{"seq", huge}, {"kv_seq", huge}, {"batch", last}}),
                          "domino: named_view: expected a number of elements that fits 60 bits, got extents whose "
                          "product overflows");
    const named_view<float> strided(x.data(), {{"seq", 3, 1}, {"batch", 2, 0}});
    CHECK(strided.slice("batch", 1).data() == x.data());
    CHECK_THROWS_WITH(named_view<float>(x.data(), {{"seq", 3, 1}, {"batch", 2}}),
                      "domino: named_view: expected strides for all axes or for none, got 1 without");
}

TEST_CASE("named views are the tensors and tables of a call") {
    auto x = counting(2 * 3 * 4 * 5);
    const named_view<float> v(x.data(), {{"seq", 3}, {"batch", 2}, {"heads", 4}, {"projection", 5}});
    const auto t = v.tensor("batch", "heads", "seq", "projection");
    CHECK(t.extents == std::array<index_t, 4>{2, 4, 3, 5});
    CHECK(t.strides == std::array<index_t, 4>{20, 5, 40, 1});
    const auto one_head = v.slice("heads", 2).tensor("batch", "heads", "seq", "projection");
    CHECK(one_head.extents == std::array<index_t, 4>{2, 1, 3, 5});
    CHECK(one_head.row(1, 0, 2)[3] == 2 * 40 + 20 + 2 * 5 + 3);
    CHECK_THROWS_WITH(v.tensor("batch", "groups", "seq", "projection"),
                      "domino: named_view: expected axes among those asked for, got axis 'heads' besides");

    // penzai's grouped heads: query head = group * query_heads + j
    const named_view<float> grouped(
        x.data(), {{"batch", 2}, {"head_groups", 2}, {"query_heads", 2}, {"seq", 3}, {"projection", 5}});
    const auto merged = grouped.merged("head_groups", "query_heads", "heads");
    CHECK(merged.names() == "batch, heads, seq, projection");
    for (index_t group = 0; group < 2; ++group)
        for (index_t j = 0; j < 2; ++j)
            CHECK(merged.slice("heads", group * 2 + j).data() ==
                  grouped.slice("head_groups", group).slice("query_heads", j).data());
    CHECK_THROWS_WITH(
        grouped.merged("query_heads", "head_groups", "heads"),
        "domino: axes 'query_heads' and 'head_groups': expected neighbours in memory, got strides 15 and 30");
    // the stride of an axis of extent 1 means nothing
    const named_view<float> alone(x.data(), {{"head_groups", 6, 20}, {"query_heads", 1, 7}, {"projection", 5, 1}});
    CHECK(alone.merged("head_groups", "query_heads", "heads").axis("heads") == named_axis{"heads", 6, 20});
    const named_view<float> one_group(x.data(), {{"head_groups", 1, 7}, {"query_heads", 6, 20}});
    CHECK(one_group.merged("head_groups", "query_heads", "heads").axis("heads") == named_axis{"heads", 6, 20});

    const ints positions{0, 10, 1, 11, 2, 12};
    const named_view<const std::int32_t> p(positions.data(), {{"seq", 3}, {"batch", 2}});
    const auto by_batch = p.table("batch", "seq");
    CHECK(by_batch.at(index_t{1}, index_t{2}) == 12);
    CHECK(p.slice("batch", 0).table("seq").at(index_t{2}) == 2);
    CHECK_THROWS(p.table("seq"));
    CHECK_THROWS(p.table("heads", "seq"));
    CHECK(materialize(causal_by_position(by_batch, by_batch), {2, 1, 3, 3}).data ==
          std::vector<std::uint8_t>{1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1});
}

TEST_CASE("masked_out_value replaces, by name, in place") {
    auto x = counting(6);
    const named_view<float> logits(x.data(), {{"kv_seq", 3}, {"seq", 2}});  // keys outermost
    const ints positions{4, 5, -1};
    const side_inputs inputs{{"queries", side_inputs::positions(positions.data(), {{"seq", 2}})},
                             {"keys", side_inputs::positions(positions.data(), {{"seq", 3}})}};
    apply_causal_attention_mask{-1e9f, "queries", "keys"}(logits, inputs);
    CHECK(x == std::vector<float>{0, 1, -1e9f, 3, -1e9f, -1e9f});

    std::iota(x.begin(), x.end(), 0.f);
    apply_causal_sliding_window_attention_mask{-1e9f, index_t{1}, "queries", "keys"}(logits, inputs);
    CHECK(x == std::vector<float>{0, -1e9f, -1e9f, 3, -1e9f, -1e9f});

    std::iota(x.begin(), x.end(), 0.f);
    const bool keep[]{true, false, true};
    apply_explicit_attention_mask{"mask", -1e9f}(logits, {{"mask", side_inputs::truths(keep, {{"kv_seq", 3}})}});
    CHECK(x == std::vector<float>{0, 1, -1e9f, -1e9f, 4, 5});

    // self-attention: one array of positions for queries and keys
    const ints own{0, 1};
    auto square = counting(4);
    apply_causal_attention_mask{-1.f}(named_view<float>(square.data(), {{"seq", 2}, {"kv_seq", 2}}),
                                      {{"token_positions", side_inputs::positions(own.data(), {{"seq", 2}})}});
    CHECK(square == std::vector<float>{0, -1.f, 2, 3});
}

TEST_CASE("what is missing or does not fit is named") {
    auto x = counting(6);
    const named_view<float> logits(x.data(), {{"kv_seq", 3}, {"seq", 2}});
    const ints positions{0, 1, 2};
    const side_inputs inputs{{"a", side_inputs::positions(positions.data(), {{"seq", 2}})},
                             {"b", side_inputs::positions(positions.data(), {{"seq", 3}})},
                             {"other", side_inputs::positions(positions.data(), {{"batch", 1}, {"seq", 2}})}};
    CHECK_THROWS_WITH((apply_causal_attention_mask{}(logits, inputs)),
                      "domino: side input 'token_positions': expected it among the side inputs, got a, b, other");
    CHECK_THROWS_WITH((apply_causal_attention_mask{}(logits, side_inputs{})),
                      "domino: side input 'token_positions': expected it among the side inputs, got none");
    CHECK_THROWS_WITH((apply_explicit_attention_mask{"a"}(logits, inputs)),
                      "domino: side input 'a': expected truth values, got the other kind");
    CHECK_THROWS_WITH((apply_causal_attention_mask{-1.f, "b", "b"}(logits, inputs)),
                      "domino: positions: expected axes of the logits (kv_seq, seq), 'seq' of 2, got axis 'seq' of 3");
    CHECK_THROWS_WITH((apply_causal_attention_mask{-1.f, "other", "b"}(logits, inputs)),
                      "domino: positions: expected axes of the logits (kv_seq, seq), got axis 'batch' of 1");
    CHECK(x == counting(6));  // nothing was touched
}

TEST_CASE("a row that sees nothing: uniform in float32, NaN in float16") {
    const auto softmax = [](const auto& row) {
        std::vector<double> out;
        double max = -INFINITY, sum = 0;
        for (const auto s : row) max = std::max(max, double(static_cast<float>(s)));
        for (const auto s : row) out.push_back(std::exp(double(static_cast<float>(s)) - max)), sum += out.back();
        for (double& p : out) p /= sum;
        return out;
    };
    const ints nobody{-1};
    std::vector<float> wide{1, 2, 3, 4};
    const ints keys{-1, 3, 4, -1};
    const side_inputs cells{{"token_positions", side_inputs::positions(nobody.data(), {{"seq", 1}})},
                            {"kv", side_inputs::positions(keys.data(), {{"seq", 4}})}};
    const apply_causal_attention_mask mask{.kv_positions_input_name = "kv"};
    mask(named_view<float>(wide.data(), {{"seq", 1}, {"kv_seq", 4}}), cells);
    for (const double p : softmax(wide)) CHECK(p == 0.25);
    CHECK(std::isfinite(wide[0]));

    std::vector<float16> half(4, float16(1.f));
    mask(named_view<float16>(half.data(), {{"seq", 1}, {"kv_seq", 4}}), cells);
    CHECK(static_cast<float>(half[0]) == -INFINITY);
    for (const double p : softmax(half)) CHECK(std::isnan(p));

    std::vector<bfloat16> brain(4, bfloat16(1.f));
    mask(named_view<bfloat16>(brain.data(), {{"seq", 1}, {"kv_seq", 4}}), cells);
    CHECK(std::isfinite(static_cast<float>(brain[0])));
    for (const double p : softmax(brain)) CHECK(p == 0.25);
}

TEST_CASE("windows by position, a number or a table, in the kernel's mask") {
    const ints queries{7, -1, 3}, keys{3, 7, 6, -1, 0}, windows{2, 0};
    const auto qs = table(queries), ks = table(keys);
    const auto brute = [&](index_t n, index_t i, index_t j) {
        const index_t d = queries[std::size_t(i)] - keys[std::size_t(j)];
        return d >= 0 && d < n && keys[std::size_t(j)] >= 0;
    };
    for (const index_t n : {-3, 0, 1, 2, 5, 100}) {
        const auto m = last_n_by_position(n, qs, ks);
        for (index_t i = 0; i < 3; ++i)
            for (index_t j = 0; j < 5; ++j) CHECK(attends(m, 0, 0, i, j) == brute(n, i, j));
    }
    const auto by_head = last_n_by_position(table(windows)(h), qs, ks);
    for (index_t head = 0; head < 2; ++head)
        for (index_t i = 0; i < 3; ++i)
            for (index_t j = 0; j < 5; ++j)
                CHECK(attends(by_head, 0, head, i, j) == brute(windows[std::size_t(head)], i, j));
}

TEST_CASE("positions count tokens that are not padding") {
    const ints tokens{5, 0, 7, 0, 0, 3};
    CHECK(token_positions(tokens.data(), 1, 6) == ints{0, -1, 1, -1, -1, 2});
    CHECK(token_positions(tokens.data(), 2, 3) == ints{0, -1, 1, -1, -1, 0});
    CHECK(token_positions(tokens.data(), 1, 6, 3) == ints{0, 1, 2, 3, 4, -1});
    CHECK(token_positions(tokens.data(), 1, 6, 3, 3) == ints{0, 1, 2, -1, -1, -1});
    CHECK(token_positions(tokens.data(), 2, 3, 9, 0) == ints(6, -1));
    CHECK(token_positions(tokens.data(), 0, 3).empty());
    CHECK(token_positions(tokens.data(), 1, 3, index_t{1} << 32) ==
          ints{0, 1, 2});  // integers are compared, not their low bits
    CHECK(token_positions(std::vector<std::uint8_t>{255, 0}.data(), 1, 2, -1) == ints{0, 1});
    // the row of token 7 sees cells 0 and 2
    const auto positions = token_positions(tokens.data(), 1, 3);
    const auto t = table(positions);
    CHECK(materialize(causal_by_position(t, t), {1, 1, 3, 3}).data ==
          std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 1, 0, 1});
    CHECK_THROWS_WITH(token_positions(tokens.data(), 1, 3, 0, 4),
                      "domino: token_positions: written: expected at most len 3, got 4");
    CHECK_THROWS(token_positions(static_cast<const int*>(nullptr), 1, 3));
}

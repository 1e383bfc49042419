// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The leaves of an expression: listed in the order in which they are written, replaced, put back.

#include "domino/expression/leaves.hpp"

#include <domino/info/mask_info.hpp>
#include <domino/info/materialize.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <domino/score/score.hpp>

#include "catch.hpp"

using namespace domino;

namespace {

using ints = std::vector<std::int32_t>;

std::string paths(const std::vector<expression_leaf>& all) {
    std::string out;
    for (const expression_leaf& each : all) out += each.path + (each.name.empty() ? " " : ":" + each.name + " ");
    return out;
}

template <class M>
std::vector<std::uint8_t> bits(const M& m, mask_shape shape) {
    return materialize(m, shape).data;
}

}  // namespace

TEST_CASE("leaves are listed in the order of writing, with paths and names") {
    const ints ids{0, 0, 1, 1}, blocks{1, 0, 0, 1};
    const auto document = table(ids, "ids");
    const auto m = causal && (document(q) == document(kv) || table(blocks.data(), 2, 2, "blocks")(q / 2, kv / 2) != 0);
    // (kv <= q) && ((ids(q) == ids(kv)) || (blocks(q / 2, kv / 2) != 0))
    const auto all = leaves(m);
    CHECK(paths(all) == "1.0.0:ids 1.0.1:ids 1.1.0:blocks 1.1.0.0.1 1.1.0.1.1 1.1.1 ");
    CHECK(std::get<table_buffer>(all[0].value) == table_buffer(ids.data(), {4}, {1}));
    CHECK(std::get<table_buffer>(all[2].value) == table_buffer(blocks.data(), {2, 2}, {2, 1}));
    CHECK(std::get<index_t>(all[3].value) == 2);
    CHECK(std::get<index_t>(all[5].value) == 0);

    CHECK(leaves(causal).empty());
    CHECK(paths(leaves(full)) == " ");
    CHECK(std::get<bool>(leaves(full)[0].value));
    CHECK(paths(leaves(last_n(3))) == "1.1 ");
    CHECK(std::get<float>(leaves(softcap(50.f))[0].value) == 50.f);
}

TEST_CASE("leaves put back give the same mask, and replaced ones another") {
    const ints ids{0, 0, 1, 1, 2}, moved = ids, other{0, 1, 1, 1, 2};
    const mask_shape shape{1, 1, 5, 5};
    const auto m = last_n(3) && same_document(table(ids, "ids"));
    auto all = leaves(m);
    CHECK(bits(with_leaves(m, all), shape) == bits(m, shape));
    CHECK(leaves(with_leaves(m, all)) == all);

    const table_buffer there(moved.data(), {5});
    const auto with_moved = with_leaf(m, "ids", there);
    static_assert(std::same_as<decltype(with_moved), decltype(m)>);
    CHECK(bits(with_moved, shape) == bits(m, shape));
    for (const expression_leaf& each : leaves(with_moved))
        if (each.name == "ids") CHECK(std::get<table_buffer>(each.value).data == moved.data());

    const auto changed = with_leaf(m, "ids", table_buffer(other.data(), {5}, {1}));
    CHECK(bits(changed, shape) == bits(last_n(3) && same_document(table(other)), shape));
    CHECK(bits(changed, shape) != bits(m, shape));
    // the minima and maxima went along
    CHECK(classify(changed, {.q = 0, .kv = {1, 3}}) == tile_kind::empty);

    const auto narrower = with_leaf(m, "0.1.1", index_t{1});
    CHECK(bits(narrower, shape) == bits(last_n(1), shape));
    CHECK(bits(m, shape) == bits(last_n(3) && same_document(table(ids)), shape));  // the original is as it was
}

TEST_CASE("score mods, strided tables and every entry type have leaves") {
    const std::vector<float> slopes{0.5f, 0.25f}, others{1.f, 2.f};
    const auto s = alibi(table(slopes, "slopes"));
    const auto changed = with_leaf(s, "slopes", table_buffer(others.data(), {2}, {1}));
    const point at{.b = 0, .h = 1, .q = 3, .kv = 1, .score = 10.f};
    CHECK(evaluate(s, at) == 9.5f);
    CHECK(evaluate(changed, at) == 6.f);

    const float grid[] = {0, 1, 2, 3, 4, 5};
    const auto by_column = bias(table(grid, {3, 2}, {1, 3}, "grid"));
    CHECK(std::get<table_buffer>(leaves(by_column)[0].value) == table_buffer(grid, {3, 2}, {1, 3}));

    const auto each = [](auto x) {
        const decltype(x) entries[]{x, x};
        const auto m = table(entries, 2, "t")(kv) == table(entries, 2, "u")(q);
        const auto all = leaves(m);
        CHECK(paths(all) == "0:t 1:u ");
        CHECK(bits(with_leaves(m, all), {1, 1, 2, 2}) == bits(m, {1, 1, 2, 2}));
    };
    each(std::int8_t{1}), each(std::uint16_t{1}), each(1), each(1u), each(1l), each(1ll), each(1ull), each(1.f);
    const bool flags[] = {true, false};
    CHECK(std::get<table_buffer>(leaves(table(flags, 2)(kv))[0].value).data == flags);
}

TEST_CASE("erased masks have the leaves of what they hold") {
    const ints ids{0, 0, 1}, other{0, 1, 1};
    const mask_shape shape{1, 1, 3, 3};
    const any_mask inner = causal && table(ids, "ids")(q) == table(ids, "ids")(kv);
    const auto m = !inner && kv < 2;
    CHECK(paths(leaves(m)) == "0.0.mask.1.0:ids 0.0.mask.1.1:ids 1.1 ");
    const auto changed = with_leaf(m, "ids", table_buffer(other.data(), {3}, {1}));
    CHECK(bits(changed, shape) == bits(!(causal && table(other)(q) == table(other)(kv)) && kv < 2, shape));
    CHECK(bits(m, shape) == bits(!(causal && table(ids)(q) == table(ids)(kv)) && kv < 2, shape));
    const any_mask twice = any_mask(m) && causal;
    CHECK(paths(leaves(twice)) == "mask.0.mask.0.0.mask.1.0:ids mask.0.mask.0.0.mask.1.1:ids mask.0.mask.1.1 ");
}

TEST_CASE("an info has its mask's leaves, and forgets the ids that they replace") {
    const auto info = mask_info<>::from_segments({{0, 0, 1}}).apply_causal();
    const auto all = leaves(info);
    CHECK(paths(all) == paths(leaves(info.mask())));
    CHECK(leaves(any_mask(info)).size() == all.size());
    CHECK_FALSE(all.empty());
    CHECK(info.known_ids().q.known());
    const auto same = with_leaves(info, all);
    CHECK(bits(same, info.shape()) == bits(info, info.shape()));
    CHECK_FALSE(same.known_ids().q.known());
}

TEST_CASE("leaves keep what their mask owns alive, and put it back") {
    const std::vector<int> cu{0, 2, 5};
    const auto all = leaves(document_causal(cu));  // of a mask that is gone
    const auto again = with_leaves(document_causal(std::vector<int>{0, 1, 5}), all);
    CHECK(bits(again, {1, 1, 5, 5}) == bits(document_causal(cu), {1, 1, 5, 5}));
}

TEST_CASE("wrong leaves are refused by name") {
    const ints ids{0, 0, 1};
    const auto m = last_n(3) && same_document(table(ids, "ids"));
    auto all = leaves(m);
    const auto refused = [&](const std::vector<expression_leaf>& wrong, const std::string& words) {
        CHECK_THROWS_WITH(with_leaves(m, wrong), "domino: " + words);
    };
    auto wrong = all;
    wrong.pop_back();
    refused(wrong, "leaves: expected one for '1.1.1', got 4 leaves");
    wrong = all;
    wrong.push_back(all.back());
    refused(wrong, "leaves: expected 5 leaves, got 6");
    wrong = all;
    wrong[0].value = 1.5f;
    refused(wrong, "leaf '0.1.1': expected a value of the leaf's own type, got another");
    wrong = all;
    std::swap(wrong[0], wrong[1]);
    refused(wrong, "leaves: expected one for '0.1.1', got one for '1.0.0'");
    wrong = all;
    wrong[1].value = table_buffer(ids.data(), {3, 1}, {1, 1});
    refused(wrong, "leaf '1.0.0': expected a buffer of 1 dimensions, got 2 extents, 2 strides");
    wrong = all;
    const std::int64_t wide[]{0, 0, 0};
    wrong[1].value = table_buffer(wide, {3});
    refused(wrong, "leaf '1.0.0': expected a buffer of entries as before, got other entries");
    wrong = all;
    wrong[1].value = table_buffer(static_cast<const std::int32_t*>(nullptr), {3});
    refused(wrong, "table data: expected a buffer, got null");
    CHECK_THROWS_WITH(with_leaf(m, "nobody", index_t{1}),
                      "domino: with_leaf: expected a leaf 'nobody', got none of that path or name");
}

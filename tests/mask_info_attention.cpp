// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An info as the mask of a call.
#include <cstdint>
#include <domino/compiled_elsewhere.hpp>
#include <vector>

#include "catch.hpp"
#include "inputs.hpp"

using namespace domino;

namespace {

constexpr index_t B = 2, H = 2, S = 37, D = 8;

/// Queries, keys and values, and the output of a call over `rows` of the queries.
struct problem {
    inputs::tensor values = inputs::make({3 * B, H, S, D});
    problem() {
        inputs::random r(1);
        values.fill(r, inputs::normal());
    }
    std::vector<float> operator()(const auto& mask_mod, index_t rows = S) const {
        const float* data = values.data();
        const index_t all = B * H * S * D;
        const tensor_view<const float> Q{data, {B, H, rows, D}, {H * S * D, S * D, D, 1}};
        std::vector<float> out(static_cast<std::size_t>(B * H * rows * D));
        attention(Q, bhsd(data + all, B, H, S, D), bhsd(data + 2 * all, B, H, S, D), bhsd(out.data(), B, H, rows, D),
                  mask_mod);
        return out;
    }
};

}  // namespace

TEST_CASE("attention with an info is attention with its expression") {
    const problem attend;
    const token_array ids(B, S, [](index_t row, index_t i) { return row == 0 ? i / 9 : i < 30 ? 0 : -1; });
    const mask_info<any_mask> info = mask_info<>::from_segments(ids).apply_causal();
    const auto out = attend(any_mask(info));
    CHECK(out == attend(any_mask(same_document(ids.as_table("ids")) && causal)));
    CHECK(out == attend(info.mask()));
    CHECK(out[0] != 0.f);
    CHECK(out == attend(info));
    // an info is for calls of its own shape; one head is any number
    CHECK_THROWS_WITH(attend(mask_info(causal, {B, 1, S + 1, S})), "domino: mask: expected q_len 37 as Q, got 38");
    CHECK_THROWS_WITH(attend(mask_info(causal, {B, 1, S, S + 1})), "domino: mask: expected kv_len 37 as K, got 38");
    CHECK_THROWS_WITH(attend(mask_info(causal, {B, H + 1, S, S})), "domino: mask: expected heads 2 as Q, got 3");
    CHECK_THROWS_WITH(attend(mask_info(causal, {B + 1, H, S, S})), "domino: mask: expected batch 2 as Q, got 3");
    CHECK_THROWS_AS(attend(any_mask(mask_info(causal, {B, 1, S - 1, S}))), invalid_argument);
    CHECK_THROWS_AS(attend(any_mask(mask_info(causal, {B, 1, S, S - 1}))), invalid_argument);
}

TEST_CASE("lanes agree with points: dense, random, per-batch offsets and cuts") {
    const problem attend;
    inputs::random r(2);
    std::vector<std::uint8_t> dense(B * H * S * S);
    for (auto& x : dense) x = r.coin(0.7);
    const auto base = mask_info<>::from_attention_mask(dense.data(), {B, H, S, S}).apply_causal(std::vector<int>{3, 0});
    const auto info = base.replace(base.mask() && (random_mask(S, S, 0.5, 9) || kv < 5))
                          .apply_kv_lengths(std::vector<int>{30, 37}, {.q_len = 20});
    CHECK(info.q_len() == 20);
    CHECK(attend(info, 20) == attend(any_mask(info), 20));
}

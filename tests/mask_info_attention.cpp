// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An info as the mask of a call.
#include <domino/domino.hpp>
#include <domino/info/mask_info.hpp>
#include <vector>

#include "catch.hpp"
#include "inputs.hpp"

using namespace domino;

TEST_CASE("attention with an info is attention with its expression") {
    constexpr index_t B = 2, H = 2, S = 37, D = 8;
    inputs::random r(1);
    auto values = inputs::make({3 * B, H, S, D});
    values.fill(r, inputs::normal());
    const float* q_data = values.data();
    const auto Q = bhsd(q_data, B, H, S, D), K = bhsd(q_data + B * H * S * D, B, H, S, D),
               V = bhsd(q_data + 2 * B * H * S * D, B, H, S, D);
    const token_array ids(B, S, [](index_t row, index_t i) { return row == 0 ? i / 9 : i < 30 ? 0 : -1; });
    const mask_info<any_mask> info = mask_info<>::from_segments(ids).apply_causal();
    const any_mask expression = same_document(ids.as_table("ids")) && causal;
    std::vector<float> with_info(B * H * S * D), with_expression(with_info.size());
    attention(Q, K, V, bhsd(with_info.data(), B, H, S, D), any_mask(info));
    attention(Q, K, V, bhsd(with_expression.data(), B, H, S, D), expression);
    CHECK(with_info == with_expression);
    CHECK(with_info[0] != 0.f);
    // of another shape it is refused
    CHECK_THROWS_AS(attention(bhsd(q_data, B, H, S, D), bhsd(q_data, B, H, S - 1, D), bhsd(q_data, B, H, S - 1, D),
                              bhsd(with_info.data(), B, H, S, D), any_mask(mask_info(causal, {B, 1, S - 1, S - 1}))),
                    invalid_argument);
}

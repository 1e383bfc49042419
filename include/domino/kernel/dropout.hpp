// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dropout of a tile's weights, between the softmax and the values: the generator by lanes.
#pragma once

#include "domino/expression/dropout.hpp"
#include "domino/kernel/shape.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The rows in the lanes of a panel: their heads and positions.
struct lane_rows {
    index_t b;
    const std::int32_t *heads, *positions;
};

/// Multiplies the weights [keys, panel] of the first `lanes` lanes that dropout does not keep by 0, which leaves -0,
/// the mark of a masked key, as it is. The others still lack kept_factor(). Two keys share a draw.
inline void drop_weights(float* weights, span keys, index_t lanes, const lane_rows& rows,
                         const dropout_options& dropout) {
    using register_words = xsimd::batch<std::uint32_t, simd::arch>;
    const simd::ints threshold(static_cast<std::int32_t>(dropout.threshold()));
    for (index_t lane = 0; lane < lanes; lane += simd::width) {
        alignas(64) std::uint32_t lane_keys[2][static_cast<std::size_t>(simd::width)];
        word_pair key{};
        for (index_t i = 0; i < simd::width; ++i) {
            const std::int32_t head = rows.heads[lane + i];
            if (i == 0 || head != rows.heads[lane + i - 1]) key = dropout.head_key(rows.b, head);
            lane_keys[0][i] = key[0];
            lane_keys[1][i] = key[1];
        }
        const auto k0 = register_words::load_aligned(lane_keys[0]), k1 = register_words::load_aligned(lane_keys[1]);
        const auto query = simd::bit_cast<std::uint32_t>(simd::ints::load_unaligned(rows.positions + lane));
        for (index_t pair = keys.begin / 2; pair * 2 < keys.end; ++pair) {
            register_words word[2]{query, register_words(static_cast<std::uint32_t>(pair))};
            domino::detail::threefry_rounds(word[0], word[1], k0, k1);
            for (index_t j = 0; j < 2; ++j) {
                const index_t at = pair * 2 + j - keys.begin;
                if (at < 0 || at >= keys.size()) continue;
                float* weight = weights + at * panel + lane;
                const auto dropped = simd::to_bools(simd::bit_cast<std::int32_t>(word[j] >> 8) < threshold);
                (simd::floats::load_aligned(weight) * xsimd::select(dropped, simd::floats(0.f), simd::floats(1.f)))
                    .store_aligned(weight);
            }
        }
    }
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Positions from tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "domino/error.hpp"

namespace domino::inline DOMINO_ARCH {

/// The position of each cell of a cache of tokens [batch, len], row-major: the number of tokens before it that are not
/// padding; -1 for padding, wherever it stands, and for cells from `written` on, which hold nothing yet (all are
/// written where it is not given). Tokens 5 0 7 with pad_id 0 are at 0 -1 1. The query positions of tokens [end, end + n) are
/// that stretch of each row.   (penzai KVCachingTransformerLM)
template <class T>
std::vector<std::int32_t> token_positions(const T* tokens, index_t batch, index_t len, index_t pad_id = 0,
                                          index_t written = -1) {
    const index_t size = detail::checked_product(
        "token_positions",
        {detail::at_least(0, batch, "token_positions: batch"), detail::at_least(0, len, "token_positions: len")});
    if (size > 0 && !tokens) detail::fail("token_positions: tokens", "a buffer", "null");
    if (written > len)
        detail::fail("token_positions: written", "at most len " + std::to_string(len), std::to_string(written));
    std::vector<std::int32_t> positions(static_cast<std::size_t>(size), -1);
    for (index_t row = 0; row < batch; ++row) {
        std::int32_t count = 0;
        for (index_t i = row * len; i < row * len + (written < 0 ? len : written); ++i)
            if (static_cast<index_t>(tokens[i]) != pad_id) positions[static_cast<std::size_t>(i)] = count++;
    }
    return positions;
}

}  // namespace domino::inline DOMINO_ARCH

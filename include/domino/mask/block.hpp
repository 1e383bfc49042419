// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Block sparsity that is data: a table of blocks, or a list of selected blocks for each block of queries.
#pragma once

#include <array>
#include <string>
#include <type_traits>

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// Which blocks of q_block x kv_block pairs are kept: live(q / q_block, kv / kv_block). Tables [q_blocks, kv_blocks],
/// [heads, q_blocks, kv_blocks] or [batch, heads, q_blocks, kv_blocks] of bools; what lies beyond the table repeats its
/// last block.   (BigBird, XAttention; any block mask)
template <std::size_t Rank>
auto block_mask(const table_view<bool, Rank>& live, index_t q_block, index_t kv_block) {
    static_assert(Rank >= 2,
                  "domino: block_mask needs a table [q_blocks, kv_blocks], with heads and batch before if they differ");
    detail::at_least(1, q_block, "block_mask(live, q_block, kv_block): q_block");
    detail::at_least(1, kv_block, "block_mask(live, q_block, kv_block): kv_block");
    if constexpr (Rank == 2) return live(q / q_block, kv / kv_block);
    else if constexpr (Rank == 3) return live(h, q / q_block, kv / kv_block);
    else return live(b, h, q / q_block, kv / kv_block);
}

/// The blocks of keys that each block of queries selects: kv / kv_block is in selected(..., q / q_block, :). `selected` is
/// [q_blocks, k], [heads, q_blocks, k] or [batch, heads, q_blocks, k], block numbers below kv_blocks in any order; negative
/// ones select nothing. Kept as a table of bools, [..., q_blocks, kv_blocks].   (NSA and VSA top-k, attention-gym
/// generate_vsa_mask_mod, FlashInfer block-sparse)
template <class T, std::size_t Rank>
auto selected_blocks(const table_view<T, Rank>& selected, index_t kv_blocks, index_t q_block, index_t kv_block) {
    static_assert(Rank >= 2 && std::is_integral_v<T>,
                  "domino: selected_blocks needs integers [q_blocks, k], with heads and batch before if they differ");
    detail::at_least(1, kv_blocks, "selected_blocks: kv_blocks");
    auto extents = selected.extents();
    const index_t count = extents[Rank - 1];
    extents[Rank - 1] = kv_blocks;
    std::array<index_t, Rank> strides{};
    index_t size = 1;
    for (std::size_t i = Rank; i-- > 0;) {
        strides[i] = size;
        size = detail::checked_product("selected_blocks: table", {size, extents[i]});
    }
    owned_array<bool> live(size);
    for (index_t row = 0; row * kv_blocks < size; ++row) {
        index_t from = 0;
        for (std::size_t i = 0; i + 1 < Rank; ++i)
            from += row * kv_blocks / strides[i] % extents[i] * selected.strides()[i];
        for (index_t i = 0; i < count; ++i) {
            const auto block = static_cast<index_t>(selected.data()[from + i * selected.strides()[Rank - 1]]);
            if (block >= kv_blocks)
                detail::fail("selected_blocks: selected", "blocks below " + std::to_string(kv_blocks),
                             std::to_string(block));
            if (block >= 0) live[row * kv_blocks + block] = true;
        }
    }
    const bool* const first = live.data();
    return block_mask(table_view<bool, Rank>(first, extents, strides, "selected", std::move(live)), q_block, kv_block);
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The memory that a block of rows needs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "domino/kernel/panel_rows.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Takes arrays from a stretch of memory, aligned to cache lines; from null it only counts their bytes.
class arena {
public:
    static constexpr std::size_t alignment = simd::line_bytes;

    explicit arena(std::byte* aligned = nullptr) : memory_(aligned) {}
    template <class T>
    T* take(index_t n) {
        const std::size_t begin = used_, bytes = sizeof(T) * static_cast<std::size_t>(n);
        used_ += (bytes + alignment - 1) / alignment * alignment;
        return memory_ ? reinterpret_cast<T*>(memory_ + begin) : nullptr;
    }
    std::size_t used() const { return used_; }

private:
    std::byte* memory_;
    std::size_t used_ = 0;
};

/// A worker's scratch memory, of a size that does not depend on any sequence length. A panel of Q and O is
/// [channel, panel], or [row, channel] where it is thin.
struct workspace {
    float *q, *o;                     ///< [block's panels]
    float *scores, *dots;             ///< [keys, panel] of a tile
    float* weights;                   ///< of a thin panel's tile whose values are yet to be added
    float *max, *sum;                 ///< [lanes of the block's panels], see row_state
    std::int32_t *heads, *positions;  ///< [lanes of the block's panels]
    float* staged;                    ///< look-ups of the score mod for a panel's tile
    float *k, *v;                     ///< room for converted keys and values
    float *thin_k, *thin_v;           ///< the same of a thin panel, and for queries

    workspace(arena& from, index_t head_dim, index_t value_dim) {
        constexpr index_t scored_keys = kv_tile + most_step;           // the last step may begin anywhere
        const index_t rows = block_rows(head_dim, value_dim) + panel,  // the last rows may be a panel more
            visited = visit_keys(head_dim, value_dim), thin = room_for_thin(value_dim);
        const auto floats = [&](index_t n) { return from.take<float>(n); };
        q = floats(rows * head_dim);
        o = floats(rows * value_dim);
        scores = floats(scored_keys * panel);
        dots = floats(thin * panel);
        weights = floats(scored_keys * panel);
        max = floats(rows);
        sum = floats(rows);
        heads = from.take<std::int32_t>(rows);
        positions = from.take<std::int32_t>(rows);
        staged = floats(most_staged * kv_tile * panel);
        k = floats(visited * head_dim);
        v = floats(visited * value_dim);
        thin_k = floats(thin * head_dim);
        thin_v = floats(thin * value_dim);
    }

    /// The most keys that a thin panel's tile has, whatever its elements.
    static constexpr index_t room_for_thin(index_t value_dim) {
        return thin_keys(value_dim, 1, thin_rows_of_narrow, false);
    }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rows are about: tensors of random numbers, and the masks that more than one row uses.
#pragma once

#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "domino/domino.hpp"
#include "measure.hpp"

namespace bench {

using domino::index_t;

inline std::vector<float> random_floats(index_t n) {
    std::minstd_rand engine(7);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& x : values) x = static_cast<float>(engine()) * 0x1p-30f - 1.f;  // [-1, 1)
    return values;
}

/// Two products of 2 * head_dim FLOPs for each pair (q, kv) that the mask keeps.
inline double attention_flops(index_t visible, index_t head_dim) { return 4.0 * double(visible) * double(head_dim); }

/// Document ids of `len` tokens: eight documents of unequal length, packed. Lives as long as the program.
inline const std::vector<std::int32_t>& eight_documents(index_t len) {
    static std::map<index_t, std::vector<std::int32_t>> made;
    std::vector<std::int32_t>& ids = made[len];
    if (ids.empty()) {
        const index_t shares[] = {5, 1, 9, 3, 12, 2, 7, 4};
        const index_t all = std::accumulate(std::begin(shares), std::end(shares), index_t{0});
        index_t share_end = 0;
        for (std::int32_t id = 0; id < 8; ++id) {
            share_end += shares[id];
            ids.resize(static_cast<std::size_t>(len * share_end / all), id);
        }
    }
    return ids;
}

// Masks that depend on the length.
inline constexpr auto documents = [](index_t len) {
    return domino::causal && domino::same_document(domino::table(eight_documents(len)));
};
inline constexpr auto prefix_quarter = [](index_t len) { return domino::prefix_lm(len / 4); };

/// The mask itself, or the one made for this length.
template <class M>
auto mask_of(const M& mask, index_t len) {
    if constexpr (domino::MaskMod<M>) return mask;
    else return mask(len);
}

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What rows see, a word a key and a bit a row, where data by pair has neighbouring keys side by side: evaluated a word of a row's keys
// at a time, and transposed.
#pragma once

#include <cstdint>

#include "domino/domain/key_words.hpp"
#include "domino/expression/node.hpp"
#include "domino/simd/transpose.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// Calls visit(j, bits) for the j-th of `keys`, the last of which has a word of keys up to it: bit i where row i, of `rows` rows,
/// sees it. at(i, key) is the domain of row i's keys from `key` on.
template <int most_rows, Expression E, class At, class Visit>
void for_each_key_bits(const E& mask, index_t rows, span keys, At at, Visit visit) {
    constexpr index_t size = key_words::size;
    std::uint64_t row_bits[most_rows] = {}, key_bits[size];
    for (index_t key = keys.begin; key < keys.end; key += size) {
        const index_t first = smaller(key, keys.end - size), count = smaller(keys.end - key, size);
        for (index_t i = 0; i < rows; ++i)
            row_bits[i] = key_words::word_of(evaluate(mask, at(i, first))) >> (key - first);
        simd::transpose_bits<most_rows>(row_bits, (count + 7) / 8, key_bits);
        for (index_t j = 0; j < count; ++j) visit(key - keys.begin + j, key_bits[j]);
    }
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

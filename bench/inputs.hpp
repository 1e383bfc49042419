// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rows are about: tensors of random numbers, and the masks that more than one row uses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "domino/domino.hpp"
#include "machine.hpp"

namespace bench {

using domino::index_t;

/// n elements that stand for [-1, 1) (int8: for 127 times that), in huge pages where the system has them.
template <class T>
class elements {
public:
    explicit elements(index_t n) : memory_(huge_pages<T>(static_cast<std::size_t>(n))) {
        std::minstd_rand engine(7);
        for (index_t i = 0; i < n; ++i) {
            const float x = static_cast<float>(engine()) * 0x1p-30f - 1.f;
            if constexpr (std::is_same_v<T, std::int8_t>) memory_.get()[i] = static_cast<T>(x * 127.f);
            else memory_.get()[i] = T(x);
        }
    }
    T* data() { return memory_.get(); }
    const T* data() const { return memory_.get(); }

private:
    huge_memory<T> memory_;
};

/// 0 to n - 1 in random order.
inline std::vector<std::int32_t> shuffled(index_t n) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    std::shuffle(all.begin(), all.end(), std::minstd_rand(7));
    return all;
}

/// Two products for each pair (q, kv) that the mask keeps, of 2 FLOPs a channel of keys and of values.
inline double attention_flops(index_t visible, index_t head_dim, index_t value_dim) {
    return 2.0 * double(visible) * double(head_dim + value_dim);
}

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
/// About a quarter of all blocks of n queries and n keys, chosen at random.
inline auto quarter_of_blocks(index_t n) {
    return [n](index_t len) {
        const auto live = [engine = std::minstd_rand(7)](index_t, index_t) mutable { return engine() % 4 == 0; };
        return domino::block_mask(domino::tabulate<bool>("live", live, len / n, len / n), n, n);
    };
}

/// The mask or score mod itself, or the one made for this length.
template <class M>
auto made_for(const M& mod_or_maker, index_t len) {
    if constexpr (std::invocable<const M&, index_t>) return mod_or_maker(len);
    else return mod_or_maker;
}
template <class M>
using made_t = decltype(made_for(std::declval<const M&>(), index_t{}));

}  // namespace bench

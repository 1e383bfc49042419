// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threefry-2x32-20 a second time, round by round from the paper's description, and dropout's use of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

namespace second {

inline std::pair<std::uint32_t, std::uint32_t> threefry(std::uint32_t k0, std::uint32_t k1, std::uint32_t x,
                                                        std::uint32_t y) {
    const std::uint32_t key[3] = {k0, k1, 0x1bd11bda ^ k0 ^ k1};
    const unsigned rotation[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    for (unsigned round = 0; round <= 20; ++round) {
        if (round % 4 == 0) {
            const unsigned s = round / 4;
            x += key[s % 3];
            y += key[(s + 1) % 3] + s;
        }
        if (round == 20) break;
        x += y;
        const unsigned r = rotation[round % 8];
        y = static_cast<std::uint32_t>(((std::uint64_t{y} << r) | (std::uint64_t{y} << r >> 32)) & 0xffffffffu);
        y ^= x;
    }
    return {x, y};
}

inline bool keeps(double rate, std::uint64_t key, std::int64_t b, std::int64_t h, std::int64_t q, std::int64_t kv) {
    const auto word = [](auto x) { return static_cast<std::uint32_t>(x); };
    const auto [k0, k1] = threefry(word(key), word(key >> 32), word(b), word(h));
    const auto [even, odd] = threefry(k0, k1, word(q), word(kv / 2));
    return (kv % 2 ? odd : even) >> 8 >= std::round(rate * 16777216.0);
}

}  // namespace second

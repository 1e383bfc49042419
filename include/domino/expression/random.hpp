// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers as a function of where they are used: nothing is stored, and no order of evaluation can change them.
#pragma once

#include <array>
#include <cstdint>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// Two words of 32 bits: a key, a counter or what the generator makes of them.
using word_pair = std::array<std::uint32_t, 2>;

namespace detail {

inline constexpr int threefry_rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};

/// The 20 rounds, over any unsigned integer with 32 bits: one number or a register of them.
template <class Word, class Key>
constexpr void threefry_rounds(Word& x, Word& y, const Key& k0, const Key& k1) {
    const Key k[3] = {k0, k1, k0 ^ k1 ^ Key(0x1bd11bdau)};
    x = x + k[0];
    y = y + k[1];
    for (int group = 0; group < 5; ++group) {
        for (const int r : threefry_rotations[group % 2]) {
            x = x + y;
            y = (y << r) | (y >> (32 - r));
            y = y ^ x;
        }
        x = x + k[(group + 1) % 3];
        y = y + (k[(group + 2) % 3] + Key(static_cast<std::uint32_t>(group + 1)));
    }
}

}  // namespace detail

/// Threefry-2x32 with 20 rounds: a counter-based generator of 64 bits. Each (key, counter) has its own words; all of
/// them pass BigCrush.   (Salmon, Moraes, Dror, Shaw, 2011: Random123; JAX's default generator)
constexpr word_pair threefry(const word_pair& key, const word_pair& counter) {
    word_pair out = counter;
    detail::threefry_rounds(out[0], out[1], key[0], key[1]);
    return out;
}

}  // namespace domino::inline DOMINO_ARCH

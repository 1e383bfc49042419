// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every size the kernel is built on, in one place.
#pragma once

#include <algorithm>

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// SIMD registers that the architecture names.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int registers = 32;
#else
inline constexpr int registers = 16;
#endif

/// A panel is the rows that one microkernel call works on: two registers of lanes.
inline constexpr int panel_registers = 2;
inline constexpr index_t panel = panel_registers * simd::width;

/// Keys (in q·k) or value channels (in p·v) of a microkernel over R registers of rows: accumulators are step * R registers,
/// beside R for the panel and one for the broadcast. 16 registers: 6 * 2 + 2 + 1 = 15, or 8 where R is 1, which two units of
/// latency 4 ask for. 32 registers: 8 * 2 + 3 = 19; more would want more row pointers than there are general registers.
template <int R>
inline constexpr int step = registers == 32 || R == 1 ? 8 : 6;
inline constexpr int most_step = 8;
/// Value channels of a microkernel: as many as its step of keys, or twice where the registers hold them. (Of keys, each wants a
/// row pointer.)
template <int R>
inline constexpr int value_step = registers == 32 && R == 1 ? 16 : step<R>;

/// Keys of a tile. A constant, so that a row's partial sums are cut alike on every architecture and its bits agree; a
/// multiple of every step. With 96, a panel's scores are 6 or 12 KiB and stay in L1.
inline constexpr index_t kv_tile = 96;

/// Keys of a panel's partial tile that the range domain decides together: a multiple of every step, and of the blocks whose
/// join a table's summary keeps. With fewer keys the questions take as long as the bits that they spare, but for masks that divide
/// keys into blocks: these are often of 16, 32 or 64, which a tile's ends cut.
inline constexpr index_t mask_grain = kv_tile / 2, block_mask_grain = kv_tile / 6;

/// The most rows that a panel may have to be thin: computed with lanes along head_dim, where lanes along rows would idle. Up
/// to here that is faster than a register of rows (measured on Zen 4, with AVX-512 and AVX2); of narrow elements, which are
/// converted in registers then, also for a whole AVX2 register (on a Zen 3, 1.6 times as fast with float16).
inline constexpr index_t thin_rows = simd::width / 2, thin_rows_of_narrow = std::min<index_t>(8, simd::width);

/// The most rows beyond a panel's first register for which a thin panel is faster than a second register (measured on a Zen 4: with
/// AVX-512 by 12 to 33 %, with AVX2 none is).
inline constexpr index_t thin_rows_beyond_register = simd::width >= 16 ? thin_rows : 0;
static_assert(thin_rows_beyond_register == 0 || (thin_rows < simd::width && thin_rows_of_narrow < simd::width),
              "domino: the panel of one register before a thin one must not be thin itself");

/// Rows that a thin panel of n is computed as. It takes them by eight, four, two and one; one that is not there, of zeros, makes four of
/// three, which is cheaper than two and one.
constexpr index_t thin_rows_of(index_t n) { return n % 4 == 3 ? n + 1 : n; }

/// Keys of a tile of a thin panel of some rows, whose values have elements of some bytes: so few that memory does not rest for
/// long while they pass through the softmax, and that their values stay where they were prefetched to; so many that the softmax
/// keeps its registers busy. L1 has room for few. In L2 they may be more where a byte has more multiply-adds, for memory
/// is less the limit then.
inline constexpr index_t least_thin_keys = 8, most_thin_keys = 48;
constexpr index_t thin_keys(index_t value_dim, index_t element_bytes, index_t rows, bool into_l1) {
    constexpr index_t few = 4 * 1024;
    const index_t bytes =
                      into_l1 ? (rows < 4 ? few : 2 * few) : std::clamp(2 * few * rows / element_bytes, few, 4 * few),
                  most = into_l1 ? (element_bytes < 4 ? 32 : 16) : most_thin_keys;
    index_t keys = bytes / (std::max<index_t>(value_dim, 1) * element_bytes) / least_thin_keys * least_thin_keys;
    keys = std::clamp(keys, least_thin_keys, most);
    while (kv_tile % keys != 0) keys -= least_thin_keys;  // so that tiles are the same wherever a mask's runs end
    return keys;
}

/// Where a call has fewer blocks than `split_tasks`, each of `split_rows` at most (decoding), the keys of a block are cut into parts of
/// at least `split_keys`, which other threads may take. What parts give waits in `split_floats` floats. (The same on every
/// architecture, so that sums are cut alike.)
inline constexpr index_t split_tasks = 16, split_rows = 32, split_keys = 1024, split_floats = 64 * 1024;

/// Keys that all panels of a block meet before the next ones come: a few tiles, whose K and V stay within 256 KiB of L2
/// while each panel's Q and O stay in L1 over these tiles.
constexpr index_t visit_keys(index_t head_dim, index_t value_dim) {
    constexpr index_t most_tiles = 4, budget = 256 * 1024;
    const index_t tile_bytes = kv_tile * (head_dim + value_dim) * index_t{sizeof(float)};
    return std::clamp<index_t>(budget / tile_bytes, 1, most_tiles) * kv_tile;
}

/// Rows of a block, which share every K/V tile from L2: as many panels as keep packed Q and O within 256 KiB.
constexpr index_t block_rows(index_t head_dim, index_t value_dim) {
    constexpr index_t most = 256, budget = 256 * 1024;
    const index_t row_bytes = (head_dim + value_dim) * index_t{sizeof(float)};
    return std::clamp(budget / std::max<index_t>(row_bytes, 1) / panel * panel, panel, std::max(most, panel));
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask in plain sentences: what it is, what is skipped, what it costs.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "domino/tile/stats.hpp"

namespace domino::inline DOMINO_ARCH {

/// What `explain` is told beside the mask and the shape.
struct explain_options {
    index_t head_dim = 0;       ///< 0: not known, and neither flops nor bytes are told
    index_t num_kv_heads = 0;   ///< 0: as many as query heads
    index_t element_bytes = 4;  ///< of an element of K and V
    tile_size tile = {};
};

namespace detail {

/// Keys (of a batch entry and KV head) that lie in a tile which is not empty for some row of some head of the group.
template <Expression E>
index_t count_live_keys(const E& expression, const mask_shape& shape, index_t num_kv_heads, tile_size size) {
    const bool by_batch = depends_on<E>(axes::b), by_head = depends_on<E>(axes::h);
    const index_t group = shape.heads / num_kv_heads;
    const index_t batches = by_batch ? shape.batch : 1, groups = by_head ? num_kv_heads : 1;
    const index_t heads_to_ask = by_head ? group : 1;
    index_t live = 0;
    std::vector<char> touched(static_cast<std::size_t>(shape.kv_len / size.kv + 1));
    for (index_t batch = 0; batch < batches; ++batch)
        for (index_t first = 0; first < groups * heads_to_ask; first += heads_to_ask) {
            std::fill(touched.begin(), touched.end(), char{0});
            for (index_t head = first; head < first + heads_to_ask; ++head)
                for (index_t begin = 0; begin < shape.q_len; begin += size.q) {
                    const tile rows{batch, head, {begin, std::min(begin + size.q, shape.q_len)}, {0, shape.kv_len}};
                    for_each_run(expression, rows, size.kv, [&](const run& r) {
                        std::fill(touched.begin() + r.kv.begin / size.kv,
                                  touched.begin() + (r.kv.end - 1) / size.kv + 1, char{1});
                    });
                }
            for (index_t begin = 0; begin < shape.kv_len; begin += size.kv)
                if (touched[static_cast<std::size_t>(begin / size.kv)]) live += std::min(size.kv, shape.kv_len - begin);
        }
    return live * (shape.batch / batches) * (num_kv_heads / groups);
}

inline std::string percent(index_t part, index_t whole) {
    if (whole == 0) return "0 %";
    char digits[32];
    const double share = 100.0 * double(part) / double(whole);
    return std::string(digits,
                       std::to_chars(digits, digits + sizeof digits, share, std::chars_format::general, 4).ptr) +
           " %";
}

}  // namespace detail

/// The mask in sentences: its text and what it depends on; tiles of each kind, pairs that are visible and skipped, as
/// `stats` counts them; keys that are read, and with head_dim the flops of the visible pairs (2 head_dim for q·k, as many
/// for p·v) and the bytes of K and V in tiles that are not empty, each read once. Throws invalid_argument for what
/// `stats` refuses, negative sizes, and KV heads that do not divide the heads.
template <MaskMod M>
std::string explain(const M& mask_mod, const mask_shape& shape, const explain_options& options = {}) {
    using E = mask_t<M>;
    const E& expression = as_mask(mask_mod);
    detail::at_least(0, options.head_dim, "explain_options.head_dim");
    detail::at_least(0, options.num_kv_heads, "explain_options.num_kv_heads");
    detail::at_least(1, options.element_bytes, "explain_options.element_bytes");
    const mask_stats count = stats(expression, shape, options.tile);
    const index_t kv_heads = options.num_kv_heads == 0 ? shape.heads : options.num_kv_heads;
    if (kv_heads != 0 && shape.heads % kv_heads != 0)
        detail::fail("explain_options.num_kv_heads", "a divisor of the " + std::to_string(shape.heads) + " heads",
                     std::to_string(kv_heads));

    const auto number = [](index_t n) { return std::to_string(n); };
    const auto counted = [&](index_t n, const char* one, const char* many) {
        return number(n) + " " + (n == 1 ? one : many);
    };
    std::string out = "The mask is " + to_string(expression) + ", over " +
                      counted(shape.batch, "batch entry", "batch entries") + ", " +
                      counted(shape.heads, "head", "heads") + ", " + counted(shape.q_len, "query", "queries") +
                      " and " + counted(shape.kv_len, "key", "keys") + ".\n";
    if (!depends_on<E>(axes::b | axes::h)) out += "It is the same for every batch entry and head.\n";
    else if (!depends_on<E>(axes::b)) out += "It is the same for every batch entry.\n";
    else if (!depends_on<E>(axes::h)) out += "It is the same for every head.\n";
    if (count.pairs == 0) return out + "There are no pairs, so there is nothing to do.\n";

    const index_t keys = shape.batch * kv_heads * shape.kv_len;
    const index_t live = detail::count_live_keys(expression, shape, kv_heads, options.tile);
    out += "It keeps " + number(count.visible) + " of " + counted(count.pairs, "pair", "pairs") + ", " +
           detail::percent(count.visible, count.pairs) + ".\n";
    out += "Of " + counted(count.tiles(), "tile", "tiles") + " of " + number(options.tile.q) + " x " +
           number(options.tile.kv) + ", " + number(count.empty) + " are empty and skipped, " + number(count.full) +
           " are full and need no mask, and " + number(count.partial) + " are partial and are masked pair by pair.\n";
    out += "Skipped are " + counted(count.skipped, "pair", "pairs") + ", " +
           detail::percent(count.skipped, count.pairs) + " of the work.\n";
    if (options.head_dim == 0)
        return out + "It reads " + number(live) + " of " + counted(keys, "key", "keys") +
               " (KV heads counted apart), " + detail::percent(live, keys) + ".\n";
    const auto flops = [&](index_t pairs) {
        return detail::checked_product("explain_options.head_dim", {pairs, 4, options.head_dim});
    };
    const auto bytes = [&](index_t n) {
        return detail::checked_product("explain_options", {n, 2, options.head_dim, options.element_bytes});
    };
    out += "It costs " + number(flops(count.visible)) + " flops, where dense attention costs " +
           number(flops(count.pairs)) + ".\n";
    out += "It reads " + number(bytes(live)) + " of " + number(bytes(keys)) + " bytes of K and V, " +
           detail::percent(live, keys) + ".\n";
    return out;
}

}  // namespace domino::inline DOMINO_ARCH

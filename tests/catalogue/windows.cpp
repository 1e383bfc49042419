// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "entries.hpp"

namespace catalogue {

std::vector<entry> windows() {
    static const std::vector<int> flags{0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0,
                                        0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const std::vector<int> q_pos{5, 0, 3, 3, -1, 9, 12, 30, 7, 8, 8},
        kv_pos{0, -1, 4, 3, 9, 2, -1, 12, 11, 10, 5, 6, 8}, in_order{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    static const std::vector<int> pads{3, 0};
    const mask_shape square{1, 1, 29, 29}, wide{1, 1, 13, 37}, tall{1, 1, 37, 13};
    std::vector<entry> out;
    out.push_back(make("full", full, wide, [](index_t, index_t) { return true; }));
    out.push_back(make("none", none, wide, [](index_t, index_t) { return false; }));
    out.push_back(make("causal", causal, tall, [](index_t i, index_t j) { return i >= j; }));
    out.push_back(make("strict_causal", strict_causal, wide, [](index_t i, index_t j) { return i > j; }));
    out.push_back(
        make("causal_with_offset(24)", causal_with_offset(24), wide, [](index_t i, index_t j) { return j - i <= 24; }));
    out.push_back(make("causal_by_position", causal_by_position(table(q_pos), table(kv_pos)), {1, 1, 11, 13},
                       [](index_t i, index_t j) { return kv_pos[at(j)] >= 0 && q_pos[at(i)] >= kv_pos[at(j)]; }));
    for (const auto* rows : {&in_order, &q_pos})
        out.push_back(make(
            rows == &in_order ? "last_n_by_position(4)" : "last_n_by_position(4), queries in any order",
            last_n_by_position(4, table(*rows), table(kv_pos)), {1, 1, 11, 13},
            [rows](index_t i, index_t j) {
                const int key = kv_pos[at(j)], query = (*rows)[at(i)];
                return key >= 0 && query >= key && query - 4 < key;
            },
            rows == &in_order));
    out.push_back(make("last_n(5)", last_n(5), square, [](index_t i, index_t j) { return j <= i && j > i - 5; }));
    out.push_back(
        make("band(7, 2)", band(7, 2), square, [](index_t i, index_t j) { return i - 7 <= j && j <= i + 2; }));
    out.push_back(make("within(4)", within(4), square, [](index_t i, index_t j) { return std::abs(i - j) < 5; }));
    out.push_back(
        make("nearer_than(4)", nearer_than(4), square, [](index_t i, index_t j) { return std::abs(i - j) < 4; }));
    out.push_back(make("dilated(10, 3)", dilated(10, 3), square,
                       [](index_t i, index_t j) { return std::abs(i - j) <= 10 && std::abs(i - j) % 3 == 0; }));
    out.push_back(make("wrapped(4, 29)", wrapped(4, 29), square,
                       [](index_t i, index_t j) { return std::min(std::abs(i - j), 29 - std::abs(i - j)) <= 4; }));
    out.push_back(
        make("strided(4)", strided(4), square, [](index_t i, index_t j) { return j <= i && i % 4 == j % 4; }));
    out.push_back(make("last_n_with_sinks(6, 3)", last_n_with_sinks(6, 3), square,
                       [](index_t i, index_t j) { return j <= i && (j < 3 || i - j < 6); }));
    out.push_back(make("tri_shape(6, 3, 24)", tri_shape(6, 3, 24), square,
                       [](index_t i, index_t j) { return j <= i && (j < 3 || i - j < 6 || i >= 24); }));
    out.push_back(make("longformer(3, global)", longformer(3, table(flags)), square, [](index_t i, index_t j) {
        return std::abs(i - j) <= 3 || flags[at(i)] == 1 || flags[at(j)] == 1;
    }));
    out.push_back(make("chunked(8)", chunked(8), square, [](index_t i, index_t j) { return i / 8 == j / 8; }));
    out.push_back(make("chunked_causal(7)", chunked_causal(7), square,
                       [](index_t i, index_t j) { return i / 7 == j / 7 && i >= j; }));
    out.push_back(make(
        "chunked_causal(7, pads) && left_padding(pads)", chunked_causal(7, table(pads)) && left_padding(table(pads)),
        {2, 1, 29, 29},
        [](index_t n, index_t, index_t i, index_t j) {
            const index_t pad = pads[at(n)];
            return i >= j && j >= pad && (i - pad) / 7 == (j - pad) / 7;
        },
        false));
    out.push_back(
        make("block_causal(6)", block_causal(6), square, [](index_t i, index_t j) { return j < (i / 6 + 1) * 6; }));
    out.push_back(make("block_diffusion(14, 4)", block_diffusion(14, 4), {1, 1, 28, 28}, [](index_t i, index_t j) {
        const bool noised_q = i < 14, noised_kv = j < 14;
        const index_t x = i % 14 / 4, y = j % 14 / 4;
        return (x == y && noised_q == noised_kv) || (x > y && noised_q && !noised_kv) ||
               (x >= y && !noised_q && !noised_kv);
    }));
    return out;
}

}  // namespace catalogue

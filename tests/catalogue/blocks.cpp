// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "entries.hpp"

namespace catalogue {

namespace {

const bool live[12]{true, false, false, true, true, true, false, false, false, false, true, true};
const std::vector<int> selected{2, 0, 3, -1, 1, 1, 4, 0, 0, 4, 3, 2};  // [2 heads, 3 blocks of queries, 2]
const std::vector<int> parents{-1, 0, 0, 1, 1, 4, -1, 6, 3};
const std::vector<int> position{0, 0, 0, 0, 0, 0, 1, 2,
                                0, 1, 2, 3, 4, 0, 1};  // a prompt of 5, then items after delimiters
const std::vector<int> first{0, 0, 2, 3, 3, 9, 4, 0, 5}, last{4, 2, 2, 11, 8, 10, 3, 13, 12};
const std::vector<float> additive{0.f,       -1e9f,     1.f, -INFINITY, -2.f, 0.f,
                                  -INFINITY, -INFINITY, 3.f, 0.f,       0.f,  -INFINITY};
const std::vector<unsigned char> bytes{0x9d, 0x3c, 0xff, 0x00, 0xf7, 0x55, 0xfe, 0x81, 0x12, 0xff,
                                       0xff, 0xa0, 0xff, 0x03, 0x77, 0xc0, 0x0f, 0x99, 0xff, 0x01};

bool ancestor_or_self(index_t node, index_t other) {
    for (; node >= 0; node = parents[at(node)])
        if (node == other) return true;
    return false;
}

}  // namespace

std::vector<entry> blocks() {
    std::vector<entry> out;
    out.push_back(
        make("prefix_lm(5)", prefix_lm(5), {1, 1, 13, 17}, [](index_t i, index_t j) { return j < 5 || j <= i; }));
    out.push_back(make("draft_blocks(6, 4)", draft_blocks(6, 4), {1, 1, 12, 18},
                       [](index_t i, index_t j) { return j < 6 || (i / 4 == (j - 6) / 4 && (j - 6) % 4 <= i % 4); }));
    out.push_back(make("multi_item(5, position)", multi_item(5, table(position)), {1, 1, 15, 15},
                       [](index_t i, index_t j) { return j <= i && (j < 5 || i < j + position[at(i)]); }));
    out.push_back(make("tree(6, parents)", tree(6, parents), {1, 1, 9, 17},
                       [](index_t i, index_t j) { return j < 6 || (j < 15 && ancestor_or_self(i, j - 6)); }));
    out.push_back(make("block_mask(live, 5, 4)", block_mask(table(live, 3, 4), 5, 4), {1, 1, 15, 16},
                       [](index_t i, index_t j) { return live[i / 5 * 4 + j / 4]; }));
    out.push_back(make("selected_blocks(selected, 5, 4, 3)",
                       selected_blocks(table<int, 3>(selected.data(), {2, 3, 2}, {6, 2, 1}), 5, 4, 3), {1, 2, 12, 15},
                       [](index_t, index_t n, index_t i, index_t j) {
                           const index_t row = 6 * n + i / 4 * 2;
                           return selected[at(row)] == j / 3 || selected[at(row + 1)] == j / 3;
                       }));
    out.push_back(make("row_intervals(begins, ends)", row_intervals(table(first), table(last)), {1, 1, 9, 13},
                       [](index_t i, index_t j) { return first[at(i)] <= j && j < last[at(i)]; }));
    out.push_back(make(
        "causal && hidden_from(begins, ends)", causal && hidden_from(table(first), table(last)), {1, 1, 13, 9},
        [](index_t i, index_t j) { return j <= i && !(first[at(j)] <= i && i < last[at(j)]); }, false));
    out.push_back(make("dense(values)", dense(table(live, 3, 4)), {1, 1, 3, 4},
                       [](index_t i, index_t j) { return live[i * 4 + j]; }));
    out.push_back(
        make("kept_by_bias(values)", kept_by_bias(table<float, 4>(additive.data(), {2, 2, 2, 3}, {0, 6, 3, 1})),
             {2, 2, 2, 3},
             [](index_t, index_t n, index_t i, index_t j) { return additive[at(6 * n + 3 * i + j)] > -INFINITY; }));
    out.push_back(make("packed_bits(bytes)", packed_bits(bytes.data(), {1, 1, 9, 17}, {0, 0, 17, 1}), {2, 3, 9, 17},
                       [](index_t, index_t, index_t i, index_t j) {
                           const index_t bit = 17 * i + j;
                           return (bytes[at(bit / 8)] & (1 << (bit % 8))) != 0;
                       }));
    return out;
}

}  // namespace catalogue

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "entries.hpp"

namespace catalogue {

namespace {
const std::vector<int> slots{13, 14, 8, 9, -1, 10, 11, 12, -1};
const std::vector<int> q_positions{12, 13, 9, 14};
const std::vector<float> slopes{1.f, 0.5f};
}  // namespace

std::vector<entry> combined() {
    const mask_shape square{1, 1, 23, 23};
    std::vector<entry> out;
    out.push_back(make(
        "minus(causal, last_n(4))", minus(causal, last_n(4)), square, [](index_t i, index_t j) { return i - j >= 4; },
        false));
    out.push_back(make(
        "causal ^ kv_length(9)", causal ^ kv_length(9), square,
        [](index_t i, index_t j) { return (j <= i) != (j < 9); }, false));
    out.push_back(make(
        "where(q < 9, within(3), causal)", where(q < 9, within(3), causal), square,
        [](index_t i, index_t j) { return i < 9 ? std::abs(i - j) <= 3 : j <= i; }, false));
    out.push_back(make("per_head(causal, last_n(4), band(2, 1))", per_head(causal, last_n(4), band(2, 1)),
                       {1, 4, 13, 13}, [](index_t, index_t n, index_t i, index_t j) {
                           return n == 0 ? j <= i : n == 1 ? j <= i && j > i - 4 : j >= i - 2 && j <= i + 1;
                       }));
    out.push_back(make("select(h % 2, causal, none)", select(h % 2, causal, none), {1, 4, 7, 7},
                       [](index_t, index_t n, index_t i, index_t j) { return n % 2 == 0 && j <= i; }));
    out.push_back(make("per_layer(8, last_n(3), last_n(3), causal)", per_layer(8, last_n(3), last_n(3), causal), square,
                       [](index_t i, index_t j) { return j <= i; }));
    out.push_back(make("offset(chunked_causal(5), 4)", offset(chunked_causal(5), 4), square,
                       [](index_t i, index_t j) { return j <= i + 4 && (i + 4) / 5 == j / 5; }));
    out.push_back(make("offset(natten({5, 5}, {3, 3}), 3, 2)", offset(natten({5, 5}, {3, 3}), 3, 2), {1, 1, 22, 23},
                       [](index_t i, index_t j) {
                           const auto moved = [](index_t x) { return x < 1 ? 1 : x > 3 ? 3 : x; };
                           return std::abs(moved((i + 3) % 5) - (j + 2) % 5) <= 1 &&
                                  std::abs(moved((i + 3) / 5) - (j + 2) / 5) <= 1;
                       }));
    out.push_back(make("batchify(last_n_with_sinks(2, 1), 6)", batchify(last_n_with_sinks(2, 1), 6), square,
                       [](index_t i, index_t j) { return i / 6 == j / 6 && j <= i && (i - j < 2 || j % 6 == 0); }));
    out.push_back(make("swapped(last_n(4))", swapped(last_n(4)), square,
                       [](index_t i, index_t j) { return i <= j && j - i < 4; }));
    out.push_back(
        make("at_positions(last_n(4), slots)", at_positions(last_n(4), table(slots)), {1, 1, 17, 9},
             [](index_t i, index_t j) { return slots[at(j)] >= 0 && slots[at(j)] <= i && i - slots[at(j)] < 4; }));
    out.push_back(make("at_positions(causal, q_positions, slots)",
                       at_positions(causal, table(q_positions), table(slots)), {1, 1, 4, 9},
                       [](index_t i, index_t j) { return slots[at(j)] >= 0 && slots[at(j)] <= q_positions[at(i)]; }));
    out.push_back(make(
        "kept_by_score(score - slopes(h) * |q - kv|, -4)", kept_by_score(score - table(slopes)(h) * abs(q - kv), -4.f),
        {1, 2, 11, 11},
        [](index_t, index_t n, index_t i, index_t j) { return (n == 0 ? 1.0 : 0.5) * double(std::abs(i - j)) < 4.0; },
        false));
    return out;
}

}  // namespace catalogue

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Additive bias tensors in attention, of every rank and layout.

#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

const domino::any_mask mask = domino::causal || domino::kv < 5;

struct example : call::problem {
    inputs::random r{81};
    example()
        : problem({.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 20, .kv_len = 33, .head_dim = 16, .value_dim = 16}) {
        fill(r, 3.0);
        q_offset = 13;
        keep = [](auto, auto, index_t i, index_t j) { return j <= i || j < 5; };
    }
};

}  // namespace

TEST_CASE("additive bias tensors of every rank, broadcast by a stride of 0", "[attention][scores]") {
    example p;
    const index_t rows = 33, keys = 33;  // rows are absolute positions
    std::vector<float> values(at(2 * 4 * rows * keys));
    for (auto& x : values) x = static_cast<float>(p.r.normal());
    const auto value = [&](index_t n) { return static_cast<double>(values[at(n)]); };

    p.score = [&](double s, index_t b, index_t h, index_t i, index_t j) {
        return s + value(((b * 4 + h) * rows + i) * keys + j);
    };
    p.run(mask,
          domino::bias(domino::table(values.data(), {2, 4, rows, keys}, {4 * rows * keys, rows * keys, keys, 1})));
    CHECK(p.difference() == "");

    p.score = [&](double s, auto, index_t h, auto, index_t j) { return s + value(h * keys + j); };
    p.run(mask, domino::bias(domino::table(values.data(), {2, 4, rows, keys}, {0, keys, 0, 1})));
    CHECK(p.difference() == "");

    p.score = [&](double s, auto, auto, index_t i, index_t j) { return s + value(i * keys + j); };
    p.run(mask, domino::bias(domino::table(values.data(), rows, keys)));
    CHECK(p.difference() == "");

    p.score = [&](double s, auto, auto, index_t i, index_t j) { return s + value(j * rows + i); };  // transposed
    p.run(mask, domino::bias(domino::table(values.data(), {rows, keys}, {1, rows})));
    CHECK(p.difference() == "");
}

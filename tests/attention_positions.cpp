// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Long sequences and far positions: 2^16 keys and a few more (M15), and offsets around 2^31, where 32 bits end.

#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

}  // namespace

TEST_CASE("2^16 keys, one less and one more (M15)", "[attention][positions]") {
    inputs::random r(101);
    for (index_t keys : {65535, 65536, 65537, 131072}) {
        call::problem p({.q_len = 2, .kv_len = keys, .head_dim = 4, .value_dim = 4});
        p.fill(r);
        p.q_offset = keys - 2;
        CAPTURE(keys);
        p.keep = [](auto, auto, index_t i, index_t j) { return j <= i; };
        p.run(domino::any_mask(domino::causal), domino::score);
        CHECK(p.difference() == "");
        p.keep = [](auto, auto, index_t i, index_t j) { return j <= i && (i - j < 100 || j < 4 || j % 1000 == 7); };
        p.run(domino::any_mask(domino::causal &&
                               (domino::q - domino::kv < 100 || domino::kv < 4 || domino::kv % 1000 == 7)),
              domino::score);
        CHECK(p.difference() == "");
    }
}

TEST_CASE("offsets around 2^31 are answered rightly, or refused", "[attention][positions]") {
    inputs::random r(102);
    for (index_t offset : {(index_t{1} << 30) + 5, (index_t{1} << 31) - 60, (index_t{1} << 31) - 10, index_t{1} << 31,
                           index_t{1} << 33}) {
        call::problem p({.heads = 2, .kv_heads = 1, .q_len = 40, .kv_len = 130, .head_dim = 8, .value_dim = 8});
        p.fill(r);
        p.q_offset = offset;
        const auto check = [&](const char* name, const auto& mask, auto keep) {
            p.keep = keep;
            p.o.each([](float& x) { x = 99; });
            CAPTURE(offset, name);
            try {
                p.run(mask, domino::score);
            } catch (const domino::invalid_argument& e) {
                SUCCEED(e.what());
                return;
            }
            CHECK(p.difference() == "");
        };
        const auto near = domino::q - domino::kv < offset - 60;  // true for keys behind the row's own number plus 60
        const auto near_keep = [offset](auto, auto, index_t i, index_t j) { return i - j < offset - 60; };
        check("window", near, near_keep);
        check("window, erased", domino::any_mask(near), near_keep);
        const auto odd = (domino::q + domino::kv) % 3 != 1;
        const auto odd_keep = [](auto, auto, index_t i, index_t j) { return (i + j) % 3 != 1; };
        check("remainder", odd, odd_keep);
        check("remainder, erased", domino::any_mask(odd), odd_keep);
        check("product, erased", domino::any_mask(domino::q * 3 - domino::kv > 3 * offset),
              [offset](auto, auto, index_t i, index_t j) { return i * 3 - j > 3 * offset; });
    }
}

TEST_CASE("a score mod at far positions is answered rightly, or refused", "[attention][positions]") {
    inputs::random r(103);
    for (index_t offset : {(index_t{1} << 31) - 20, index_t{1} << 32}) {
        call::problem p({.q_len = 40, .kv_len = 70, .head_dim = 8, .value_dim = 8});
        p.fill(r);
        p.q_offset = offset;
        p.score = [](double s, auto, auto, index_t i, index_t j) { return s + 0.5 * static_cast<double>((i + j) % 5); };
        try {
            p.run(domino::any_mask(domino::full), domino::score + 0.5f * ((domino::q + domino::kv) % 5));
        } catch (const domino::invalid_argument& e) {
            SUCCEED(e.what());
            continue;
        }
        CAPTURE(offset);
        CHECK(p.difference() == "");
    }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the numbers lie must not matter: layouts, padding, shared and reversed heads, alignment.

#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

const call::shape example{
    .batch = 2, .heads = 6, .kv_heads = 2, .q_len = 37, .kv_len = 70, .head_dim = 24, .value_dim = 17};

/// The same numbers in another layout.
void copy(inputs::tensor& from, inputs::tensor& to) {
    for (index_t b = 0; b < from.extents[0]; ++b)
        for (index_t h = 0; h < from.extents[1]; ++h)
            for (index_t i = 0; i < from.extents[2]; ++i)
                for (index_t d = 0; d < from.extents[3]; ++d) to(b, h, i, d) = from(b, h, i, d);
}

const domino::any_mask mask = domino::causal && domino::last_n(40);
bool keep(index_t, index_t, index_t i, index_t j) { return j <= i && i - j < 40; }

std::vector<float> run(call::problem& p) {
    p.q_offset = 33;
    p.keep = keep;
    p.run(mask, domino::score);
    return p.output();
}

/// Elements of the output's storage that belong to no element must still be NaN.
bool padding_untouched(inputs::tensor& t) {
    std::size_t finite = 0;
    for (float x : t.storage) finite += std::isnan(x) ? 0 : 1;
    return finite == static_cast<std::size_t>(t.extents[0] * t.extents[1] * t.extents[2] * t.extents[3]);
}

/// The same numbers in all layouts, all tensors' or some's.
void check_layouts(const call::shape& shape) {
    inputs::random r(21);
    call::problem plain(shape);
    plain.fill(r);
    const auto expected = run(plain);
    REQUIRE(plain.difference() == "");

    const inputs::layout bshd{.bshd = true}, padded{.row_padding = 5}, misaligned{.misalign = 1},
        backwards{.negative_heads = true}, upside_down{.negative_rows = true},
        everything{.bshd = true, .row_padding = 3, .misalign = 3, .negative_heads = true, .negative_rows = true};
    for (const auto& how : {bshd, padded, misaligned, backwards, upside_down, everything})
        for (unsigned which = 1; which < 16; ++which) {
            const auto for_tensor = [&](unsigned bit) { return (which & bit) != 0 ? how : inputs::layout{}; };
            call::problem p(shape, {for_tensor(1), for_tensor(2), for_tensor(4), for_tensor(8)});
            copy(plain.q, p.q), copy(plain.k, p.k), copy(plain.v, p.v);
            const auto got = run(p);
            CAPTURE(which, how.bshd, how.row_padding, how.misalign, how.negative_heads, how.negative_rows);
            CHECK(compare::same_bits(got, expected));
            CHECK(padding_untouched(p.o));
        }
}

}  // namespace

TEST_CASE("layouts give the same bits", "[attention][strides]") { check_layouts(example); }

TEST_CASE("layouts give the same bits to few rows", "[attention][strides]") {
    for (const index_t heads : {1, 2, 3, 4, 8})  // rows that are computed together
        check_layouts({.heads = 2 * heads, .kv_heads = 2, .kv_len = 70, .head_dim = 64, .value_dim = 32});
}

TEST_CASE("key heads expanded with stride 0 (M27)", "[attention][strides]") {
    inputs::random r(22);
    call::shape wide = example;
    wide.kv_heads = wide.heads;
    call::problem shared(wide, {.k = {.shared_heads = true}, .v = {.shared_heads = true}});
    shared.fill(r);
    run(shared);
    CHECK(shared.difference() == "");

    call::shape one = example;
    one.kv_heads = 1;
    call::problem mqa(one);
    copy(shared.q, mqa.q);
    for (index_t b = 0; b < one.batch; ++b)
        for (index_t i = 0; i < one.kv_len; ++i) {
            for (index_t d = 0; d < one.head_dim; ++d) mqa.k(b, 0, i, d) = shared.k(b, 3, i, d);
            for (index_t d = 0; d < one.value_dim; ++d) mqa.v(b, 0, i, d) = shared.v(b, 3, i, d);
        }
    run(mqa);
    CHECK(mqa.difference() == "");
}

TEST_CASE("queries broadcast over batch and rows with stride 0", "[attention][strides]") {
    inputs::random r(23);
    call::problem p(example);
    p.fill(r);
    p.q.strides[0] = 0;
    p.q.strides[2] = 0;
    run(p);
    CHECK(p.difference() == "");
}

TEST_CASE("huge strides over little data (M16)", "[attention][strides]") {
    // Only the pages that are touched exist: rows 2^29 floats apart lie 2 GiB from each other.
    constexpr index_t row = index_t{1} << 29;
    const std::size_t bytes = static_cast<std::size_t>(10 * row) * sizeof(float);
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;  // a machine that does not lend address space
    auto* base = static_cast<float*>(memory);
    inputs::random r(24);
    call::problem p({.q_len = 5, .kv_len = 5, .head_dim = 8, .value_dim = 8});
    p.fill(r);
    for (index_t i = 0; i < 5; ++i)
        for (index_t d = 0; d < 8; ++d) {
            base[i * row + d] = p.q(0, 0, i, d);
            base[i * row + 8 + d] = p.k(0, 0, i, d);
            base[i * row + 16 + d] = p.v(0, 0, i, d);
        }
    const auto view = [&](float* data) {
        return domino::tensor_view<const float>{data, {1, 1, 5, 8}, {5 * row, 5 * row, row, 1}};
    };
    domino::attention(view(base), view(base + 8), view(base + 16),
                      domino::tensor_view<float>{base + 5 * row, {1, 1, 5, 8}, {5 * row, 5 * row, row, 1}},
                      domino::any_mask(domino::full), domino::score);
    p.run(domino::any_mask(domino::full), domino::score);
    for (index_t i = 0; i < 5; ++i)
        for (index_t d = 0; d < 8; ++d) CHECK(compare::bits(base[(5 + i) * row + d]) == compare::bits(p.o(0, 0, i, d)));
    ::munmap(memory, bytes);
}

TEST_CASE("inputs may be one and the same tensor", "[attention][strides]") {
    inputs::random r(25);
    call::problem p({.heads = 2, .kv_heads = 2, .q_len = 40, .kv_len = 40, .head_dim = 16, .value_dim = 16});
    p.fill(r);
    copy(p.q, p.k), copy(p.q, p.v);
    p.keep = keep;
    p.run(mask, domino::score);
    const auto expected = p.output();
    domino::attention(call::in(p.q), call::in(p.q), call::in(p.q), call::out(p.o), mask, domino::score);
    const auto got = p.output();
    CHECK(compare::same_bits(got, expected));
}

TEST_CASE("lse does not change the output, and options have defaults", "[attention][strides]") {
    inputs::random r(26);
    call::problem p({.heads = 4, .kv_heads = 2, .q_len = 33, .kv_len = 65, .head_dim = 40, .value_dim = 40});
    p.fill(r);
    p.run(domino::full, domino::score);
    const auto expected = p.o.storage;
    domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o), domino::full, domino::score,
                      {.scale = p.scale});
    CHECK(compare::same_bits(p.o.storage, expected));
    domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o));
    CHECK(compare::output(reference::attention(p.told()), p.o.view()));
}

TEST_CASE("lse in any strides", "[attention][strides]") {
    inputs::random r(28);
    call::problem p({.batch = 2, .heads = 3, .kv_heads = 3, .q_len = 5, .kv_len = 40});
    p.fill(r);
    p.run(domino::full, domino::score);
    std::vector<float> strided(1000, 99.0f);  // [batch, q_len, heads], every second float
    domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o), domino::full, domino::score,
                      {.scale = p.scale, .lse = {strided.data() + 7, {30, 2, 6}}});
    std::size_t untouched = 0;
    for (float x : strided) untouched += x == 99.0f ? 1 : 0;
    CHECK(untouched == strided.size() - 30);
    for (index_t b = 0; b < 2; ++b)
        for (index_t h = 0; h < 3; ++h)
            for (index_t i = 0; i < 5; ++i)
                CHECK(compare::bits(strided[static_cast<std::size_t>(7 + b * 30 + h * 2 + i * 6)]) ==
                      compare::bits(p.lse(b, h, i, 0)));
}

TEST_CASE("kv_lengths a batch, zero among them, hide the keys behind", "[attention][strides]") {
    inputs::random r(27);
    call::problem p({.batch = 4, .heads = 2, .kv_heads = 1, .q_len = 19, .kv_len = 130, .head_dim = 8, .value_dim = 8});
    p.fill(r);
    p.kv_lengths = {0, 1, 129, 130};
    for (index_t b = 0; b < 4; ++b)
        for (index_t j = p.kv_lengths[static_cast<std::size_t>(b)]; j < 130; ++j)
            for (index_t d = 0; d < 8; ++d) p.k(b, 0, j, d) = p.v(b, 0, j, d) = std::nanf("");
    p.run(domino::any_mask(domino::full), domino::score);
    CHECK(p.difference() == "");
}

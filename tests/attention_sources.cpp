// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keys and values that are not plain floats: half precision, bfloat16, int8 with scales, pages. The oracle gets what the
// elements stand for, so that the bound is that of floats.
#include "attention_call.hpp"

#include <numeric>
#include <utility>

#include "catch.hpp"

namespace {

using call::index_t;
using domino::span;

const std::vector<call::shape> shapes{
    {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 1, .kv_len = 200, .head_dim = 64, .value_dim = 32},
    {.batch = 1, .heads = 3, .kv_heads = 1, .q_len = 1, .kv_len = 97, .head_dim = 13, .value_dim = 7},
    {.batch = 1, .heads = 2, .kv_heads = 2, .q_len = 5, .kv_len = 193, .head_dim = 40, .value_dim = 24},
    {.batch = 1, .heads = 2, .kv_heads = 1, .q_len = 37, .kv_len = 101, .head_dim = 32, .value_dim = 48},
    {.batch = 2, .heads = 2, .kv_heads = 1, .q_len = 150, .kv_len = 300, .head_dim = 16, .value_dim = 16},
    {.batch = 1, .heads = 1, .kv_heads = 1, .q_len = 3, .kv_len = 0, .head_dim = 8, .value_dim = 8},
    // few rows, whose channels are summed by registers in strips of every size
    {.batch = 1, .heads = 4, .kv_heads = 1, .q_len = 1, .kv_len = 210, .head_dim = 136, .value_dim = 104},
    {.batch = 1, .heads = 4, .kv_heads = 1, .q_len = 1, .kv_len = 75, .head_dim = 72, .value_dim = 45},
    {.batch = 1, .heads = 2, .kv_heads = 2, .q_len = 1, .kv_len = 131, .head_dim = 64, .value_dim = 120},
    {.batch = 1, .heads = 7, .kv_heads = 1, .q_len = 1, .kv_len = 140, .head_dim = 64, .value_dim = 40},
};

/// Rounds a test tensor to T in place and gives the stored elements.
template <class T>
std::vector<T> stored(inputs::tensor& x) {
    std::vector<T> elements;
    x.each([&](float& value) {
        elements.push_back(T(value));
        value = static_cast<float>(elements.back());
    });
    return elements;
}

template <class T>
domino::tensor_view<const T> view(const std::vector<T>& elements, const inputs::tensor& like) {
    return domino::bhsd(elements.data(), like.extents[0], like.extents[1], like.extents[2], like.extents[3]);
}

void run(call::problem& p, const auto& Q, const auto& K, const auto& V) {
    const domino::any_mask mask = domino::causal;
    p.keep = [](index_t, index_t, index_t q, index_t kv) { return kv <= q; };
    p.q_offset = std::max<index_t>(p.s.kv_len - p.s.q_len, 0);
    domino::attention(Q, K, V, call::out(p.o), mask, {.lse = p.lse.data(), .q_offset = p.q_offset});
}

}  // namespace

TEMPLATE_TEST_CASE("queries, keys and values of 16 bits", "[attention][sources]", domino::float16, domino::bfloat16) {
    inputs::random r(31);
    for (const auto& s : shapes) {
        call::problem p(s);
        p.fill(r);
        const auto q = stored<TestType>(p.q), k = stored<TestType>(p.k), v = stored<TestType>(p.v);
        CAPTURE(s);
        run(p, view(q, p.q), view(k, p.k), view(v, p.v));
        CHECK(p.difference() == "");
    }
}

TEST_CASE("keys and values of int8 with scales", "[attention][sources]") {
    inputs::random r(32);
    for (const auto& s : shapes)
        for (const index_t blocks : {index_t{1}, s.head_dim, s.head_dim % 4 == 0 ? index_t{4} : index_t{1}}) {
            if (s.value_dim % blocks != 0) continue;
            call::problem p(s);
            p.fill(r);
            const auto quantize = [&](inputs::tensor& x, std::vector<std::int8_t>& values, std::vector<float>& scales) {
                const index_t block = x.extents[3] / blocks;
                index_t i = 0;
                x.each([&](float& value) {
                    if (i++ % block == 0)
                        scales.push_back(0.01f + 0.001f * static_cast<float>(static_cast<int>(r.uniform() * 10)));
                    values.push_back(static_cast<std::int8_t>(static_cast<int>(r.uniform() * 256) - 128));
                    value = static_cast<float>(values.back()) * scales.back();
                });
            };
            std::vector<std::int8_t> k, v;
            std::vector<float> k_scales, v_scales;
            quantize(p.k, k, k_scales);
            quantize(p.v, v, v_scales);
            const auto quantized = [&](const auto& values, const auto& scales, const inputs::tensor& like) {
                const auto x = view(values, like);
                return domino::quantized_view{
                    x, domino::bhsd(scales.data(), x.batch(), x.heads(), x.len(), std::min(blocks, x.head_dim()))};
            };
            CAPTURE(s, blocks);
            run(p, call::in(p.q), quantized(k, k_scales, p.k), quantized(v, v_scales, p.v));
            CHECK(p.difference() == "");
        }
}

TEST_CASE("pages, in any order, of any size", "[attention][sources]") {
    inputs::random r(33);
    for (const auto& s : shapes)
        for (const index_t page_size : {1, 5, 16, 96, 400}) {
            call::problem p(s);
            p.fill(r);
            const index_t pages = (s.kv_len + page_size - 1) / page_size, all = pages * s.batch + 1;
            std::vector<std::int32_t> table(static_cast<std::size_t>(pages * s.batch));
            for (std::size_t i = 0; i < table.size(); ++i)  // backwards; page 0 is nobody's and holds NaN
                table[i] = static_cast<std::int32_t>(table.size() - i);
            const auto pool = [&](inputs::tensor& x) {
                const index_t heads = x.extents[1], dim = x.extents[3];
                std::vector<float> memory(static_cast<std::size_t>(all * heads * page_size * dim),
                                          std::numeric_limits<float>::quiet_NaN());
                for (index_t b = 0; b < s.batch; ++b)
                    for (index_t h = 0; h < heads; ++h)
                        for (index_t kv = 0; kv < s.kv_len; ++kv)
                            for (index_t d = 0; d < dim; ++d) {
                                const index_t page = table[static_cast<std::size_t>(b * pages + kv / page_size)];
                                memory[static_cast<std::size_t>(
                                    ((page * heads + h) * page_size + kv % page_size) * dim + d)] = x(b, h, kv, d);
                            }
                return memory;
            };
            const auto k = pool(p.k), v = pool(p.v);
            const auto paged = [&](const std::vector<float>& memory, index_t dim) {
                return domino::paged_view<float>{domino::bhsd(memory.data(), all, s.kv_heads, page_size, dim),
                                                 table.data(), pages, s.batch, s.kv_len};
            };
            CAPTURE(s, page_size);
            run(p, call::in(p.q), paged(k, s.head_dim), paged(v, s.value_dim));
            CHECK(p.difference() == "");
        }
}

TEST_CASE("a page that is not there is hidden by the mask", "[attention][sources]") {
    constexpr index_t len = 64, page = 16, dim = 8;
    const std::vector<std::int32_t> table{-1, 0, 1, 2};
    std::vector<float> pool(3 * page * dim), q(dim, 1.f), o(dim), expected(dim);
    std::iota(pool.begin(), pool.end(), 0.f);
    const domino::paged_view<float> paged{domino::bhsd(pool.data(), 3, 1, page, dim), table.data(), 4, 1, len};
    const domino::any_mask recent = domino::causal && domino::last_n(40);
    domino::attention(domino::bhsd(q.data(), 1, 1, 1, dim), paged, paged, domino::bhsd(o.data(), 1, 1, 1, dim), recent,
                      {.q_offset = len - 1});
    const auto plain = domino::bhsd(pool.data(), 1, 1, 3 * page, dim);
    domino::attention(domino::bhsd(q.data(), 1, 1, 1, dim), plain, plain, domino::bhsd(expected.data(), 1, 1, 1, dim),
                      recent, {.q_offset = 3 * page - 1});
    for (std::size_t i = 0; i < o.size(); ++i) CHECK(std::abs(o[i] - expected[i]) <= 1e-5f * std::abs(expected[i]));
}

namespace {

/// A source whose tokens 1 to 3 are not there, though a run of them has a stride.
struct with_a_hole {
    using element = float;
    domino::tensor_view<const float> all;
    index_t batch() const { return all.batch(); }
    index_t heads() const { return all.heads(); }
    index_t len() const { return all.len(); }
    index_t head_dim() const { return all.head_dim(); }
    domino::row_run<float> rows(index_t b, index_t h, index_t kv) const {
        domino::row_run<float> run = all.rows(b, h, kv);
        if (kv < 1) run.count = 1;
        else if (kv < 4) run = {nullptr, run.stride, 4 - kv};
        return run;
    }
};

}  // namespace

TEST_CASE("tokens that are not there may stand between those that are", "[attention][sources]") {
    constexpr index_t len = 40, dim = 32;
    std::vector<float> x(len * dim), q(dim, 0.1f), o(dim), expected(dim);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
    const auto plain = domino::bhsd(std::as_const(x).data(), 1, 1, len, dim);
    const auto mask = domino::kv < 1 || domino::kv >= 4;
    const auto Q = domino::bhsd(q.data(), 1, 1, 1, dim);
    domino::attention(Q, with_a_hole{plain}, with_a_hole{plain}, domino::bhsd(o.data(), 1, 1, 1, dim), mask);
    domino::attention(Q, plain, plain, domino::bhsd(expected.data(), 1, 1, 1, dim), mask);
    CHECK(o == expected);
}

TEST_CASE("sources that cannot be read are refused", "[attention][sources][errors]") {
    std::vector<float> x(8 * 8), o(8);
    const auto Q = domino::bhsd(x.data(), 1, 1, 1, 8);
    const auto O = domino::bhsd(o.data(), 1, 1, 1, 8);
    const auto refuses = [&](const auto& K, const std::string& part) {
        try {
            domino::attention(Q, K, K, O);
            FAIL("no exception");
        } catch (const domino::invalid_argument& e) {
            CAPTURE(e.what());
            CHECK(std::string(e.what()).find(part) != std::string::npos);
        }
    };
    const std::vector<std::int32_t> table{0, 4};
    refuses(domino::paged_view<float>{domino::bhsd(x.data(), 2, 1, 4, 8), table.data(), 2, 1, 8}, "block_table");
    refuses(domino::paged_view<float>{domino::bhsd(x.data(), 2, 1, 4, 8), nullptr, 2, 1, 8}, "block_table");
    refuses(domino::paged_view<float>{domino::bhsd(x.data(), 2, 1, 4, 8), table.data(), 1, 2, 8}, "table_stride");
    std::vector<std::int8_t> i(64);
    const domino::quantized_view pool{domino::bhsd(std::as_const(i).data(), 2, 1, 4, 8),
                                      domino::bhsd(std::as_const(x).data(), 2, 1, 4, 1)};
    refuses(domino::paged_rows<domino::quantized_view>{pool, table.data(), 2, 1, 8}, "block_table");
    refuses(domino::quantized_view{domino::bhsd(i.data(), 1, 1, 8, 8), domino::bhsd(x.data(), 1, 1, 8, 3)}, "scales");
    refuses(domino::quantized_view{domino::bhsd(i.data(), 1, 1, 8, 8), domino::bhsd(x.data(), 1, 1, 7, 1)},
            "len of scales");
}

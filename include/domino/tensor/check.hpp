// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What must be true of a view before its memory is touched.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "domino/error.hpp"
#include "domino/tensor/source.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// Addresses [begin, end).
struct memory_extent {
    std::uintptr_t begin = 0, end = 0;
    constexpr bool meets(memory_extent x) const { return begin < x.end && x.begin < end; }
};

/// Extents that are not negative, a product and offsets within 60 bits, contiguous head_dim, and a buffer if not empty.
template <class T>
void check_tensor(const char* argument, const tensor_view<T>& t) {
    constexpr index_t most = index_t{1} << 60;
    index_t reach = 0;
    for (const index_t extent : t.extents)
        if (extent < 0) fail(argument, "extents of 0 or more", std::to_string(extent));
    if (checked_product(argument, {t.extents[0], t.extents[1], t.extents[2], t.extents[3]}) == 0) return;
    for (std::size_t i = 0; i < 4; ++i) {
        index_t step = 0;
        const index_t stride = t.strides[i] < 0 ? -(t.strides[i] + 1) : t.strides[i];
        if (__builtin_mul_overflow(t.extents[i] - 1, stride, &step) || __builtin_add_overflow(reach, step, &reach) ||
            reach > most)
            fail(argument, "offsets that fit 60 bits", "strides whose product with the extents overflows");
    }
    if (t.extents[3] > 1 && t.strides[3] != 1)
        fail(argument, "contiguous head_dim (stride 1)", "stride " + std::to_string(t.strides[3]));
    if (!t.data) fail(argument, "a buffer", "null with a non-empty shape");
}

/// The addresses between the lowest and the highest element.
template <class T>
memory_extent extent_of(const tensor_view<T>& t) {
    if (t.size() == 0) return {};
    index_t lowest = 0, highest = 0;
    for (std::size_t i = 0; i < 4; ++i) (t.strides[i] < 0 ? lowest : highest) += (t.extents[i] - 1) * t.strides[i];
    const auto first = reinterpret_cast<std::uintptr_t>(t.data);
    const auto bytes = [](index_t elements) { return static_cast<std::uintptr_t>(elements) * sizeof(T); };
    return {first + bytes(lowest), first + bytes(highest + 1)};
}

/// No two elements share an address: each stride steps over all that smaller strides reach.
template <class T>
void check_writable(const char* argument, const tensor_view<T>& t) {
    if (t.size() == 0) return;
    std::array<std::pair<index_t, index_t>, 4> steps;  // stride, extent
    for (std::size_t i = 0; i < 4; ++i)
        steps[i] = {t.extents[i] > 1 ? std::max(t.strides[i], -t.strides[i]) : 0, t.extents[i]};
    std::sort(steps.begin(), steps.end());
    index_t reach = 0;
    for (const auto& [stride, extent] : steps) {
        if (extent > 1 && stride <= reach)
            fail(argument, "strides that keep elements apart", "stride " + std::to_string(stride));
        reach += (extent - 1) * stride;
    }
}

/// A source's extents, and the memory that a call may read through it.
struct source_facts {
    const char* argument;
    index_t batch, heads, len, head_dim;
    std::array<memory_extent, 2> memory{};
};

inline void check_equal(const char* argument, const char* what, const char* of, index_t expected, index_t got) {
    if (got != expected)
        fail(argument, std::string(what) + " " + std::to_string(expected) + " as " + of, std::to_string(got));
}

/// Throws where a source cannot be read. Of a user's own type only the extents are known.
template <RowSource S>
source_facts facts(const char* argument, const S& s) {
    for (const index_t extent : {s.batch(), s.heads(), s.len(), s.head_dim()})
        if (extent < 0) fail(argument, "extents of 0 or more", std::to_string(extent));
    return {argument, s.batch(), s.heads(), s.len(), s.head_dim()};
}
template <class T>
source_facts facts(const char* argument, const tensor_view<T>& t) {
    check_tensor(argument, t);
    return {argument, t.batch(), t.heads(), t.len(), t.head_dim(), {extent_of(t)}};
}
inline source_facts facts(const char* argument, const quantized_view& x) {
    check_tensor(argument, x.values);
    check_tensor(argument, x.scales);
    check_equal(argument, "batch of scales", "values", x.values.batch(), x.scales.batch());
    check_equal(argument, "heads of scales", "values", x.values.heads(), x.scales.heads());
    check_equal(argument, "len of scales", "values", x.values.len(), x.scales.len());
    if (x.scales.head_dim() < 1 || x.head_dim() % x.scales.head_dim() != 0)
        fail(argument, "blocks of scales that divide head_dim " + std::to_string(x.head_dim()),
             std::to_string(x.scales.head_dim()));
    return {argument, x.batch(), x.heads(), x.len(), x.head_dim(), {extent_of(x.values), extent_of(x.scales)}};
}
template <RowSource Pool>
source_facts facts(const char* argument, const paged_rows<Pool>& x) {
    const source_facts pool = facts(argument, x.pool);
    if (x.num_sequences < 0 || x.max_len < 0) fail(argument, "a number of sequences and a len of 0 or more", "less");
    if (x.num_sequences > 0 && x.max_len > 0) {
        if (x.page_size() < 1) fail(argument, "a page_size of at least 1", std::to_string(x.page_size()));
        const index_t pages = (x.max_len - 1) / x.page_size() + 1;
        if (!x.block_table) fail(argument, "a block_table", "null");
        if (x.num_sequences > 1 && x.table_stride < pages)
            fail(argument, "a table_stride of at least " + std::to_string(pages), std::to_string(x.table_stride));
        for (index_t sequence = 0; sequence < x.num_sequences; ++sequence)
            for (index_t i = 0; i < pages; ++i)
                if (const index_t page = x.block_table[sequence * x.table_stride + i]; page >= x.pool.batch())
                    fail(argument, "pages below " + std::to_string(x.pool.batch()) + " in block_table",
                         std::to_string(page));
    }
    return {argument, x.batch(), x.heads(), x.len(), x.head_dim(), pool.memory};
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Data with an entry for each pair of q and kv (masks and biases that are tensors) lies with neighbouring keys side by side,
// where the kernel has rows in lanes. So it is read with keys in lanes, a row at a time, and transposed.
#pragma once

#include <algorithm>

#include "domino/domain/key_words.hpp"
#include "domino/kernel/any_mask.hpp"
#include "domino/kernel/panel_rows.hpp"
#include "domino/kernel/prefetch.hpp"
#include "domino/simd/transpose.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// The domain that collects the lines of memory where a row's entries of `count` keys lie, and has no value worth the name.
struct collect_entries : point {
    index_t count;
    lines_to_prefetch& lines;

    auto lookup(const auto& table, auto... index) const {
        collect(table, index...);
        return typename std::remove_cvref_t<decltype(table)>::entry{};
    }
    auto call(const auto& functor, auto... x) const {
        if constexpr (requires { functor.row(count, x...); }) collect(functor, x...);
        return decltype(functor.at(x...)){};
    }
    auto staged(const auto& of) const { return evaluate(of.lookup, *this); }

private:
    void collect(const auto& data, auto... index) const {
        if (const auto* first = data.row(count, index...)) lines.add(first, count * index_t{sizeof(*first)});
    }
};

/// Collects what `expression` will read by pair for a panel's rows and `keys`.
template <Expression E>
void collect_lines(const E& expression, const panel_rows& rows, span keys, lines_to_prefetch& lines) {
    if constexpr (depends_on<E>(axes::pairs))
        for (index_t i = 0; i < rows.count && (i == 0 || !lines.empty()); ++i)  // bits, say, have none
            evaluate(expression,
                     collect_entries{{rows.b, rows.heads[i], rows.positions[i], keys.begin}, keys.size(), lines});
}

/// The lanes of a row's keys from `key` on.
using key_lanes = lanes<index_t, index_t, float, consecutive>;
inline key_lanes lanes_of(const panel_rows& rows, index_t row, index_t key) {
    return {rows.b, rows.heads[row], rows.positions[row], {key}};
}

/// Where a look-up's entries of `count` rows from `first` on and of `keys` lie, in a table of floats, which are written as they
/// are: as evenly spaced rows; none if not.
template <class Table, Expression... Indices>
float_rows stored_rows(const lookup<Table, Indices...>& e, const panel_rows& rows, index_t first, index_t count,
                       span keys) {
    const auto row = [&](index_t i) {
        const key_lanes at = lanes_of(rows, first + i, keys.begin);
        return e.indices.apply(
            [&](const auto&... index) { return at.row(e.table, keys.size(), evaluate(index, at)...); });
    };
    if constexpr (!std::same_as<typename Table::value_type, float>) return {};
    else {
        const float *top = row(0), *before = top;
        if (!top || count < 2) return {top, 0};
        index_t stride = 0;
        for (index_t i = 1; i < count; ++i) {
            const float* next = row(i);
            if (!next || (i > 1 && next - before != stride)) return {};
            stride = next - before;
            before = next;
        }
        return {top, stride};
    }
}
template <Expression E>
float_rows stored_rows(const E&, const panel_rows&, index_t, index_t, span) {
    return {};
}

/// Writes the value of `expression` for a panel's rows and at most kv_tile keys, the last of which has a register of keys up to it,
/// as floats to out [keys, panel]; lanes run along the keys.
template <Expression E>
void write_by_key(const E& expression, const panel_rows& rows, span keys, float* out) {
    // room for a register that ends with the last key and begins before the first
    constexpr index_t before = simd::width, row_size = before + kv_tile;
    alignas(64) float values[simd::width][row_size];
    for (index_t first = 0; first < rows.count; first += simd::width) {
        const index_t count = std::min(rows.count - first, simd::width);
        if (count == simd::width)
            if (const float_rows table = stored_rows(expression, rows, first, count, keys); table.first) {
                simd::transpose(table.first, table.stride, count, keys.size(), out + first, panel);
                continue;
            }
        for (index_t i = 0; i < count; ++i)
            for (index_t key = keys.begin; key < keys.end; key += simd::width) {
                const index_t start = std::min(key, keys.end - simd::width);
                as_stored(detail::spread(evaluate(expression, lanes_of(rows, first + i, start))))
                    .store_unaligned(values[i] + before + (start - keys.begin));
            }
        for (index_t i = count; i < simd::width; ++i) std::fill_n(values[i], row_size, 0.f);
        simd::transpose(values[0] + before, row_size, simd::width, keys.size(), out + first, panel);
    }
}

/// The same; lanes run along the rows.
template <Expression E>
void write_by_row(const E& expression, const panel_rows& rows, span keys, float* out) {
    with_lanes<panel_registers>(rows, expression, [&](auto at_row, const auto& e) {
        for (index_t key = keys.begin; key < keys.end; ++key, out += panel)
            for (int r = 0; r * simd::width < rows.count; ++r)
                as_stored(detail::spread(evaluate(e, at_row.at(r, key).without_staged())))
                    .store_aligned(out + r * simd::width);
    });
}

/// Writes it by whichever reads better.
template <Expression E>
void write_values(const E& expression, const panel_rows& rows, span keys, float* out) {
    if (keys.end >= simd::width) write_by_key(expression, rows, keys, out);
    else write_by_row(expression, rows, keys, out);
}

/// Writes what a panel's rows see of `keys`, the last of which has a word of keys up to it: bit i of out[j] for row i and the j-th
/// key. Words run along the keys.
template <Expression Mask>
void write_bits_by_key(const Mask& mask, const panel_rows& rows, span keys, std::uint64_t* out) {
    domino::detail::for_each_key_bits<panel>(
        mask, rows.count, keys,
        [&](index_t i, index_t key) {
            return key_words{rows.b, rows.heads[i], rows.positions[i], {key}};
        },
        [&](index_t j, std::uint64_t bits) { out[j] = bits; });
}

/// The same; lanes run along the rows.
template <Expression Mask>
void write_bits_by_row(const Mask& mask, const panel_rows& rows, span keys, std::uint64_t* out) {
    const std::uint64_t there = ~std::uint64_t{0} >> (64 - rows.count);
    with_lanes<panel_registers>(rows, mask, [&](auto at_row, const auto& known_mask) {
        for (index_t key = keys.begin; key < keys.end; ++key) {
            std::uint64_t word = 0;
            simd::unroll<panel_registers>([&](auto r) DOMINO_INLINE_LAMBDA {
                if (r > 0 && r * simd::width >= rows.count) return;
                const auto sees = domino::detail::spread(evaluate(known_mask, at_row.at(r, key)));
                word |= std::uint64_t{simd::to_bits(sees)} << (r * simd::width);
            });
            *out++ = word & there;
        }
    });
}

/// The same of an erased mask, in one call for the rows that share a head and follow each other.
inline void write_bits(const any_mask& mask, const panel_rows& rows, span keys, std::uint64_t* out) {
    std::fill_n(out, keys.size(), 0);
    for (index_t row = 0, end = 0; row < rows.count; row = end) {
        end = row + 1;
        while (end < rows.count && rows.heads[end] == rows.heads[row] &&
               rows.positions[end] == rows.positions[end - 1] + 1)
            ++end;
        mask.set_bits({rows.b, rows.heads[row], {rows.positions[row], rows.positions[row] + end - row}, keys}, row,
                      out);
    }
}

/// Writes them by whichever reads better.
template <Expression Mask>
void write_bits(const Mask& mask, const panel_rows& rows, span keys, std::uint64_t* out) {
    if constexpr (depends_on<Mask>(axes::pairs))
        if (keys.end >= key_words::size) return write_bits_by_key(mask, rows, keys, out);
    write_bits_by_row(mask, rows, keys, out);
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

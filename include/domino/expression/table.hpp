// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Captured buffers: `table(ptr, B, S)` is a view that can be indexed by expressions, as in ids(b, q) == ids(b, kv).
#pragma once

#include <array>
#include <bit>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <vector>

#include "domino/domain/interval.hpp"
#include "domino/error.hpp"
#include "domino/expression/operators.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// What an entry of type T is in an expression: a truth value, an integer or a float.
template <class T>
using entry_t =
    std::conditional_t<std::is_same_v<T, bool>, bool, std::conditional_t<std::is_integral_v<T>, index_t, float>>;

/// The range an entry alone spans.
constexpr interval as_range(index_t x) { return {x, x}; }
constexpr truth as_range(bool x) { return {x, x}; }
constexpr real_interval as_range(float x) { return x != x ? real_interval::anything() : real_interval{x, x}; }

/// Minimum and maximum of every 32 entries of a row, then of 2, 4, 8 … such blocks: any stretch of a row is the
/// join of O(log) of them and at most 62 entries.
template <class T>
class range_summary {
public:
    using hull = decltype(as_range(entry_t<T>{}));

    range_summary(const T* data, index_t rows, index_t columns, index_t row_stride)
        : data_(data), row_stride_(row_stride) {
        index_t width = (columns + block - 1) / block;
        for (index_t begin = 0;; width = (width + 1) / 2) {
            level_begin_.push_back(begin);
            begin += width;
            row_size_ = begin;
            if (width <= 1) break;
        }
        blocks_.reserve(static_cast<std::size_t>(rows * row_size_));
        for (index_t row = 0; row < rows; ++row) add_row(row, columns);
    }

    /// The join of entries [lo, hi] of a row.
    hull over(index_t row, index_t lo, index_t hi) const {
        const T* entry = data_ + row * row_stride_;
        hull all = as_range(entry_t<T>(entry[lo]));
        index_t first = (lo + block - 1) / block, last = (hi + 1) / block - 1;
        if (first > last) return scan(all, entry, lo, hi);
        all = scan(all, entry, lo, first * block - 1);
        all = scan(all, entry, (last + 1) * block, hi);
        while (first <= last) {  // the largest node that begins at `first` and does not end beyond `last`
            const auto begin = static_cast<std::uint64_t>(first), size = static_cast<std::uint64_t>(last - first + 1);
            const int level =
                std::min(static_cast<int>(std::bit_width(size)) - 1, first ? std::countr_zero(begin) : 63);
            const index_t node = level_begin_[static_cast<std::size_t>(level)] + (first >> level);
            all = join(all, blocks_[static_cast<std::size_t>(row * row_size_ + node)]);
            first += index_t{1} << level;
        }
        return all;
    }

private:
    static constexpr index_t block = 32;

    static hull scan(hull all, const T* entry, index_t lo, index_t hi) {
        for (index_t i = lo; i <= hi; ++i) all = join(all, as_range(entry_t<T>(entry[i])));
        return all;
    }
    void add_row(index_t row, index_t columns) {
        const T* entry = data_ + row * row_stride_;
        std::size_t begin = blocks_.size();
        for (index_t i = 0; i < columns; i += block)
            blocks_.push_back(scan(as_range(entry_t<T>(entry[i])), entry, i, std::min(i + block, columns) - 1));
        for (std::size_t width = blocks_.size() - begin; width > 1; width = blocks_.size() - begin) {
            for (std::size_t i = 0; i < width; i += 2)
                blocks_.push_back(i + 1 < width ? join(blocks_[begin + i], blocks_[begin + i + 1])
                                                : blocks_[begin + i]);
            begin += width;
        }
    }

    const T* data_;
    index_t row_stride_, row_size_ = 0;
    std::vector<index_t> level_begin_;
    std::vector<hull> blocks_;
};

}  // namespace detail

/// The entry of a table at expressions for its indices.
template <class Table, Expression... Indices>
struct lookup : node {
    Table table;
    [[no_unique_address]] std::tuple<Indices...> indices;
    static constexpr axes depends_on = (Indices::depends_on | ... | axes::none);
    /// Bare indices as in ids(b, q): the table must then cover the whole call; other look-ups are clamped.
    static constexpr bool bare = (is_placeholder<Indices> && ...);
    constexpr lookup(Table t, Indices... i) : table(std::move(t)), indices(i...) {}
    template <class Domain>
    constexpr auto evaluate(const Domain& at) const {
        return std::apply(
            [&](const Indices&... i) {
                if constexpr (bare && requires { at.note_bare(table, domino::evaluate(i, at)...); })
                    at.note_bare(table, domino::evaluate(i, at)...);
                return at.lookup(table, domino::evaluate(i, at)...);
            },
            indices);
    }
};

/// A view of a captured buffer of integers, floats or bools with 1 to 4 dimensions, not copied: the buffer must
/// outlive every use and not change while the table lives (its minima and maxima are taken at construction).
/// A look-up's indices are clamped into the table, so none reads outside; a bare one, as in ids(b, kv), must cover
/// the shape of the call, else the call throws. Tables of one or two dimensions with contiguous rows answer the
/// range domain; others may hold any value there, so their tiles are partial.
template <class T, std::size_t Rank>
class table_view {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, double> && !std::is_same_v<T, long double>,
                  "domino: a table holds integers, floats or bools");

public:
    using value_type = T;
    using entry = detail::entry_t<T>;
    using extents_type = std::array<index_t, Rank>;

    table_view(const T* data, extents_type extents, extents_type strides, std::string name)
        : data_(data), extents_(extents), strides_(strides), name_(std::make_shared<std::string>(std::move(name))) {
        index_t size = 1;
        for (const index_t extent : extents_)
            size = detail::checked_product("table extents", {size, detail::at_least(0, extent, "table extent")});
        if (!data_ && size > 0) detail::fail("table data", "a buffer", "null");
        if constexpr (Rank <= 2)
            if (size > 0 && strides_[Rank - 1] == 1)
                summary_ = std::make_shared<const detail::range_summary<T>>(
                    data_, Rank == 2 ? extents_[0] : 1, extents_[Rank - 1], Rank == 2 ? strides_[0] : 0);
    }

    /// The look-up node for expressions or integers, as in ids(b, q).
    template <Operand... Indices>
    requires(sizeof...(Indices) == Rank)
    auto operator()(const Indices&... i) const {
        static_assert((std::same_as<value_t<decltype(as_node(i))>, index_t> && ...),
                      "domino: a table's indices are integers");
        return lookup<table_view, decltype(as_node(i))...>(*this, as_node(i)...);
    }

    /// The entry at clamped indices; 0 where the table is empty.
    template <std::same_as<index_t>... I>
    entry at(I... index) const {
        if (empty()) return entry{};
        return entry(data_[offset(std::make_index_sequence<Rank>{}, index...)]);
    }

    /// The hull of the entries in a box of indices.
    template <std::same_as<interval>... I>
    auto over(I... index) const {
        const std::array<interval, Rank> box{index...};
        if (empty()) return detail::as_range(entry{});
        if (summary_) {
            const interval columns = clamped(box[Rank - 1], Rank - 1);
            const interval rows = Rank == 2 ? clamped(box[0], 0) : interval{0, 0};
            if (rows.hi - rows.lo < most_rows) {
                auto all = summary_->over(rows.lo, columns.lo, columns.hi);
                for (index_t row = rows.lo + 1; row <= rows.hi; ++row)
                    all = join(all, summary_->over(row, columns.lo, columns.hi));
                return all;
            }
        }
        return anything();
    }

    /// The entries at `index...` and the next `count - 1` in the last dimension, where all of them lie inside the table
    /// side by side; else null.
    template <std::same_as<index_t>... I>
    const T* row(index_t count, I... index) const {
        const extents_type at{index...};
        if (strides_[Rank - 1] != 1 || at[Rank - 1] + count > extents_[Rank - 1]) return nullptr;
        index_t offset = 0;
        for (std::size_t i = 0; i < Rank; ++i) {
            if (at[i] < 0 || at[i] >= extents_[i]) return nullptr;
            offset += at[i] * strides_[i];
        }
        return data_ + offset;
    }

    const T* data() const { return data_; }
    const extents_type& extents() const { return extents_; }
    const extents_type& strides() const { return strides_; }
    index_t extent(std::size_t dimension) const { return extents_[dimension]; }
    const std::string& name() const { return *name_; }
    bool empty() const {
        for (const index_t extent : extents_)
            if (extent == 0) return true;
        return false;
    }

private:
    static constexpr index_t most_rows = 256;

    index_t clamped(index_t i, std::size_t dimension) const {
        return std::clamp<index_t>(i, 0, extents_[dimension] - 1);
    }
    interval clamped(interval i, std::size_t dimension) const {
        return {clamped(i.lo, dimension), clamped(i.hi, dimension)};
    }
    template <std::size_t... Dimension>
    index_t offset(std::index_sequence<Dimension...>, auto... index) const {
        return ((clamped(index, Dimension) * strides_[Dimension]) + ...);
    }
    static auto anything() {
        using std::numeric_limits;
        if constexpr (std::is_same_v<T, bool>) return truth::unknown();
        else if constexpr (std::is_floating_point_v<T>) return real_interval::anything();
        else if constexpr (sizeof(T) < sizeof(index_t))
            return interval{numeric_limits<T>::min(), numeric_limits<T>::max()};
        else return interval{interval::least, interval::most};
    }

    const T* data_;
    extents_type extents_, strides_;
    std::shared_ptr<const std::string> name_;
    std::shared_ptr<const detail::range_summary<T>> summary_;
};

/// t(b, i) of a table [batch, len], t(i) of a table [len] that all batch entries share.
template <class T, std::size_t Rank, Expression I>
auto by_row(const table_view<T, Rank>& t, const I& i) {
    static_assert(Rank == 1 || Rank == 2, "domino: this table is [len] or [batch, len]");
    if constexpr (Rank == 1) return t(i);
    else return t(b, i);
}

/// A table over n entries, looked up as t(i).
template <class T>
auto table(const T* data, index_t n, std::string name = "table") {
    return table_view<T, 1>(data, {n}, {1}, std::move(name));
}
/// A table over rows x columns entries in row-major order, looked up as t(i, j).
template <class T>
auto table(const T* data, index_t rows, index_t columns, std::string name = "table") {
    return table_view<T, 2>(data, {rows, columns}, {columns, 1}, std::move(name));
}
/// A table with any strides (in entries; 0 broadcasts), looked up as t(i, j, ...).
template <class T, std::size_t Rank>
auto table(const T* data, const index_t (&extents)[Rank], const index_t (&strides)[Rank], std::string name = "table") {
    return table_view<T, Rank>(data, std::to_array(extents), std::to_array(strides), std::move(name));
}
/// A table over a span, a vector or an array; a temporary is refused, for the table would outlive it.
template <std::ranges::contiguous_range Range>
requires std::is_lvalue_reference_v<Range> || std::ranges::borrowed_range<Range>
auto table(Range&& entries, std::string name = "table") {
    return table(std::ranges::data(entries), static_cast<index_t>(std::ranges::size(entries)), std::move(name));
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Captured buffers: `table(ptr, B, S)` is a view that can be indexed by expressions, as in ids(b, q) == ids(b, kv).
#pragma once

#include <array>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "domino/error.hpp"
#include "domino/expression/operators.hpp"
#include "domino/expression/shared.hpp"
#include "domino/expression/summary.hpp"

namespace domino::inline DOMINO_ARCH {

/// The entry of a table at expressions for its indices.
template <class Table, Expression... Indices>
struct lookup : node {
    Table table;
    using value_type = typename Table::entry;
    [[no_unique_address]] children<Indices...> indices;
    static constexpr axes read_by_indices = (Indices::depends_on | ... | axes::none);
    /// Whether it has an entry for each pair, keys along the last dimension; or its indices look up such. (Not where blocks of keys
    /// share entries: there the range domain decides most tiles, and lanes are rows. Nor where an index reads the score, which is not
    /// known before.)
    static constexpr bool by_pair = [] {
        constexpr axes last = std::array{Indices::depends_on...}[sizeof...(Indices) - 1];
        if ((read_by_indices & axes::score) != axes::none) return false;
        return (read_by_indices & axes::pairs) != axes::none ||
               ((read_by_indices & axes::q) != axes::none && (last & (axes::kv | axes::blocks)) == axes::kv);
    }();
    static constexpr axes depends_on = read_by_indices | (by_pair ? axes::pairs : axes::none);
    constexpr lookup(Table t, const Indices&... i) : table(std::move(t)), indices(i...) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        return indices.apply([&](const Indices&... i) DOMINO_INLINE_LAMBDA {
            // a bare index, as both in ids(b, q): the table must then cover the whole call; others are clamped
            if constexpr (requires { at.note_bare(table, domino::evaluate(i, at)...); })
                at.note_bare(table, (is_placeholder<Indices> ? domino::evaluate(i, at) : interval{0, -1})...);
            return ask(at, table, domino::evaluate(i, at)...);
        });
    }
    template <class Domain>
    static DOMINO_INLINE constexpr auto ask(const Domain& at, const Table& of, const auto&... index) {
        return at.lookup(of, index...);
    }
};

/// A view of a captured buffer of integers, floats or bools with 1 to 4 dimensions, not copied: the buffer must outlive
/// every use (or be kept alive by an `owner`, which copies of the table share) and not change while the table lives (its
/// minima and maxima are taken at construction).
/// A look-up's indices are clamped into the table, so none reads outside; where one is bare, as b and kv in ids(b, kv), the
/// table must cover the call in that dimension, else the call throws. Tables answer the range domain by a summary; only of
/// floats in three or four dimensions (biases) none is taken: they may hold any value there.
template <class T, std::size_t Rank>
class table_view {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, double> && !std::is_same_v<T, long double>,
                  "domino: a table holds integers, floats or bools");

public:
    using value_type = T;
    using entry = detail::entry_t<T>;
    using extents_type = std::array<index_t, Rank>;

    table_view(const T* data, extents_type extents, extents_type strides, std::string name, domino::owner owner = {})
        : data_(data), extents_(extents), strides_(strides) {
        const index_t size = detail::checked_size("table extents", extents_);
        double reach = 0;
        for (std::size_t i = 0; i < Rank; ++i) reach += double(extents_[i]) * __builtin_fabs(double(strides_[i]));
        narrow_offsets_ = size > 0 && reach < 0x1p31;
        if (!data_ && size > 0) detail::fail("table data", "a buffer", "null");
        summary entries;
        if constexpr (Rank <= 2 || std::is_integral_v<T>)
            if (size > 0) entries = summary(data_, extents_, strides_);
        facts_ = shared<facts>({std::move(name), std::move(owner), std::move(entries)});
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
        auto all = detail::as_range(entry{});
        if (facts_->entries.over(box, all)) return all;
        return empty() ? all : anything();
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

    /// Whether the entries at `index...` and the next `count - 1` in the last dimension all lie beyond one end of it, and so
    /// are one entry.
    template <std::same_as<index_t>... I>
    bool is_beyond(index_t count, I... index) const {
        const index_t last = extents_type{index...}[Rank - 1];
        return last >= extents_[Rank - 1] || last + count <= 0;
    }

    /// Whether there are entries, and their distances from data() fit 32 bits.
    bool has_narrow_offsets() const { return narrow_offsets_; }

    const T* data() const { return data_; }
    /// Who keeps the buffer alive; none where the caller does.
    const domino::owner& owner() const { return facts_->owner; }
    const extents_type& extents() const { return extents_; }
    const extents_type& strides() const { return strides_; }
    index_t extent(std::size_t dimension) const { return extents_[dimension]; }
    const std::string& name() const { return facts_->name; }
    bool empty() const {
        for (const index_t extent : extents_)
            if (extent == 0) return true;
        return false;
    }

private:
    using summary = detail::range_summary<T, Rank>;
    struct facts {
        std::string name;
        domino::owner owner;
        summary entries;
    };

    index_t clamped(index_t i, std::size_t dimension) const { return interval{0, extents_[dimension] - 1}.nearest(i); }
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
    bool narrow_offsets_;
    shared<facts> facts_;
};

/// t(b, i) of a table [batch, len], t(i) of a table [len] that all batch entries share.
template <class T, std::size_t Rank, Expression I>
auto by_row(const table_view<T, Rank>& t, const I& i) {
    static_assert(Rank == 1 || Rank == 2, "domino: this table is [len] or [batch, len]");
    if constexpr (Rank == 1) return t(i);
    else return t(b, i);
}

/// values(...) by its last axes of (b, h, q, kv): [kv], [q, kv], [h, q, kv] or [b, h, q, kv].
template <class T, std::size_t Rank>
auto by_last_axes(const table_view<T, Rank>& values) {
    if constexpr (Rank == 1) return values(kv);
    else if constexpr (Rank == 2) return values(q, kv);
    else if constexpr (Rank == 3) return values(h, q, kv);
    else return values(b, h, q, kv);
}

/// An entry as a truth value: itself where it is bool, entry != 0 where it is an integer.
template <Expression E>
auto is_true(const E& entry) {
    if constexpr (TruthExpression<E>) return entry;
    else return entry != 0;
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
namespace detail {
template <class Range>
concept Spannable = requires(Range& entries) { std::span(entries); };
inline void check_entries(index_t entries, index_t rows, index_t columns) {
    if (entries <
        checked_product("table extents", {at_least(0, rows, "table rows"), at_least(0, columns, "table columns")}))
        fail("table data", std::to_string(rows) + " x " + std::to_string(columns) + " entries",
             std::to_string(entries));
}
template <class Range>
inline constexpr bool outlived =
    !std::is_lvalue_reference_v<Range> && !std::ranges::enable_borrowed_range<std::remove_cvref_t<Range>>;
}  // namespace detail
/// A table over a span, a vector or an array; a temporary is refused, for the table would outlive it.
template <detail::Spannable Range>
requires(!detail::outlived<Range>)
auto table(Range&& entries, std::string name = "table") {
    const std::span all(entries);
    return table(all.data(), static_cast<index_t>(all.size()), std::move(name));
}
/// The same as rows x columns in row-major order, looked up as t(i, j).
template <detail::Spannable Range>
requires(!detail::outlived<Range>)
auto table(Range&& entries, index_t rows, index_t columns, std::string name = "table") {
    const std::span all(entries);
    detail::check_entries(std::ssize(all), rows, columns);
    return table(all.data(), rows, columns, std::move(name));
}
// clang-format off
template <detail::Spannable Range> requires detail::outlived<Range>
void table(Range&&, index_t, index_t, std::string = "") = delete;  // domino: a table is a view, and this vector a temporary: name it, or pass a std::shared_ptr of it
template <detail::Spannable Range> requires detail::outlived<Range>
void table(Range&&, std::string = "") = delete;  // domino: a table is a view, and this vector a temporary: name it, or pass a std::shared_ptr of it
void table(const std::vector<bool>&, std::string = "") = delete;  // domino: std::vector<bool> holds bits: use std::vector<unsigned char>
// clang-format on

/// A std::shared_ptr of a vector.
template <class P>
concept SharedVector = requires(const P& entries) {
    entries.use_count();
    entries->data();
    entries->size();
};
/// Tables that keep a vector alive: n entries looked up as t(i), or rows x columns as t(i, j).
template <SharedVector P>
auto table(P entries, std::string name = "table") {
    if (!entries) detail::fail("table data", "a vector", "null");
    const std::span all(*entries);
    return table_view<typename decltype(all)::value_type, 1>(all.data(), {static_cast<index_t>(all.size())}, {1},
                                                             std::move(name), std::move(entries));
}
template <SharedVector P>
auto table(P entries, index_t rows, index_t columns, std::string name = "table") {
    if (!entries) detail::fail("table data", "a vector", "null");
    const std::span all(*entries);
    detail::check_entries(std::ssize(all), rows, columns);
    return table_view<typename decltype(all)::value_type, 2>(all.data(), {rows, columns}, {columns, 1}, std::move(name),
                                                             std::move(entries));
}

/// A table that owns its entries f(i), f(i, j), ...: tabulate<float>("cosines", f, n) or tabulate<bool>("seen", f, rows,
/// columns). Copies share the entries.
template <class T, class F, std::convertible_to<index_t>... N>
auto tabulate(std::string name, F f, N... extents) {
    constexpr std::size_t rank = sizeof...(N);
    const std::array<index_t, rank> shape{static_cast<index_t>(extents)...};
    const index_t size = detail::checked_size("tabulate extents", shape);
    owned_array<T> entries(size);
    std::array<index_t, rank> strides{};
    for (std::size_t i = rank; i-- > 0;) strides[i] = i + 1 == rank ? 1 : strides[i + 1] * shape[i + 1];
    const auto entry = [&]<std::size_t... I>(index_t k, std::index_sequence<I...>) {
        return static_cast<T>(f(k / strides[I] % shape[I]...));
    };
    for (index_t k = 0; k < size; ++k) entries[k] = entry(k, std::make_index_sequence<rank>{});
    const T* const first = entries.data();
    return table_view<T, rank>(first, shape, strides, std::move(name), std::move(entries));
}

}  // namespace domino::inline DOMINO_ARCH

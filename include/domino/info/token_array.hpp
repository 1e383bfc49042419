// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One integer a token: segment ids, positions, token types, padding.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <ranges>
#include <string>
#include <vector>

#include "domino/error.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// Integers [batch, len], one a token. It owns them; copies, and the tables made from it, share them. A
/// default-constructed one is unknown: `known()` is false.
class token_array {
public:
    token_array() = default;

    /// f(b, i) for every token.
    template <class F>
    requires std::is_invocable_v<const F&, index_t, index_t>
    token_array(index_t batch, index_t len, const F& f) : batch_(batch), len_(len) {
        const index_t size = detail::checked_product(
            "tokens", {detail::at_least(0, batch, "tokens: batch"), detail::at_least(0, len, "tokens: len")});
        std::vector<std::int32_t> values;
        values.reserve(static_cast<std::size_t>(size));
        for (index_t row = 0; row < batch; ++row)
            for (index_t i = 0; i < len; ++i) values.push_back(narrow(f(row, i)));
        values_ = std::make_shared<const std::vector<std::int32_t>>(std::move(values));
    }
    /// A copy of integers in row-major order; each must fit 32 bits.
    template <std::integral T>
    token_array(const T* data, index_t batch, index_t len)
        : token_array(batch, len, [=, all = buffer(data, batch, len)](index_t row, index_t i) {
              return static_cast<index_t>(all[row * len + i]);
          }) {}
    /// token_array{{1, 1, 2, 2}, {1, 1, 1, -1}}
    token_array(std::initializer_list<std::initializer_list<std::int32_t>> rows)
        : token_array(std::ssize(rows), rows.size() ? std::ssize(*rows.begin()) : 0, [&](index_t row, index_t i) {
              const auto& entries = rows.begin()[row];
              if (std::ssize(entries) != std::ssize(*rows.begin()))
                  detail::fail("tokens", "rows of one length", "row " + std::to_string(row) + " of another");
              return entries.begin()[i];
          }) {}

    bool known() const { return values_ != nullptr; }
    index_t batch() const { return batch_; }
    index_t len() const { return len_; }
    std::int32_t operator()(index_t row, index_t i) const {
        return (*values_)[static_cast<std::size_t>(row * len_ + i)];
    }
    /// In row-major order.
    const std::vector<std::int32_t>& values() const { return *values_; }

    /// f(value) for every token.
    template <class F>
    token_array map(const F& f) const {
        return {batch_, len_, [&](index_t row, index_t i) { return f((*this)(row, i)); }};
    }
    /// `count` tokens of each row from `begin(row)` on.
    template <class F>
    token_array slice(const F& begin, index_t count) const {
        return {batch_, count, [&](index_t row, index_t i) { return (*this)(row, begin(row) + i); }};
    }
    /// A table [batch, len] that keeps the values alive.
    auto as_table(std::string name) const { return table(values_, batch_, len_, std::move(name)); }

    friend bool operator==(const token_array& x, const token_array& y) {
        return x.known() == y.known() && x.batch_ == y.batch_ && x.len_ == y.len_ &&
               (!x.known() || x.values_ == y.values_ || *x.values_ == *y.values_);
    }

private:
    template <class T>
    static const T* buffer(const T* data, index_t batch, index_t len) {
        if (!data && batch > 0 && len > 0) detail::fail("tokens", "a buffer", "null");
        return data;
    }
    static std::int32_t narrow(index_t value) {
        if (value != static_cast<std::int32_t>(value))
            detail::fail("tokens", "integers of 32 bits", std::to_string(value));
        return static_cast<std::int32_t>(value);
    }

    index_t batch_ = 0, len_ = 0;
    std::shared_ptr<const std::vector<std::int32_t>> values_;
};

/// An integer that all batch entries share, or a range of them, one a batch entry (copied).
template <class T>
concept PerBatch =
    std::integral<T> || (std::ranges::random_access_range<T> && std::integral<std::ranges::range_value_t<T>>);

namespace detail {

template <PerBatch T>
index_t entry_of(const T& x, index_t entry) {
    if constexpr (std::integral<T>) return static_cast<index_t>(x);
    else return static_cast<index_t>(x[static_cast<std::size_t>(entry)]);
}

/// Checks that a per-batch argument has a value for each batch entry.
template <PerBatch T>
void check_entries(const T& x, index_t batch, const char* argument) {
    if constexpr (!std::integral<T>)
        if (std::ranges::ssize(x) != batch)
            fail(argument, "one integer, or " + std::to_string(batch) + ", one a batch entry",
                 std::to_string(std::ranges::ssize(x)));
}

/// f of per-batch arguments: an integer where all are, else a vector.
template <class F, PerBatch... X>
auto per_entry(index_t batch, const F& f, const X&... x) {
    if constexpr ((std::integral<X> && ...)) {
        return static_cast<index_t>(f(static_cast<index_t>(x)...));
    } else {
        std::vector<index_t> out;
        for (index_t entry = 0; entry < batch; ++entry) out.push_back(f(entry_of(x, entry)...));
        return out;
    }
}

/// A per-batch argument as an operand: the integer itself, or a table over b that owns a copy.
template <PerBatch T>
auto as_operand(const T& x, const char* name) {
    if constexpr (std::integral<T>) return static_cast<index_t>(x);
    else
        return table(std::make_shared<const std::vector<index_t>>(std::ranges::begin(x), std::ranges::end(x)), name)(b);
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

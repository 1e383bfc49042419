// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the range domain knows of a buffer: the join of any box of its entries, in logarithmic time.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "domino/domain/interval.hpp"

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

/// What a summary keeps of an entry: here the entry itself. A summary of something else (ids without blanks, what is
/// not -inf) gives another `of`; the results need a `join`.
struct value_of_entry {
    template <class T>
    static constexpr auto of(T x) {
        return as_range(entry_t<T>(x));
    }
};

/// The join of every 32 entries of a row, then of 2, 4, 8 … such blocks: any stretch of a row is the join of
/// O(log) of them and at most 62 entries. A row is a stretch of the last dimension; a dimension of stride 0 counts once.
template <class T, std::size_t Rank, class Kept = value_of_entry>
class range_summary {
public:
    using hull = decltype(Kept::of(T{}));
    using shape = std::array<index_t, Rank>;
    static constexpr index_t most_rows = 256;

    /// Knows nothing.
    range_summary() = default;
    range_summary(const T* data, const shape& extents, const shape& strides)
        : data_(data), extents_(extents), strides_(strides) {
        index_t rows = 1;
        for (std::size_t i = 0; i < Rank; ++i) {
            if (strides_[i] == 0) extents_[i] = 1;
            if (i + 1 < Rank) rows *= extents_[i];
        }
        index_t width = (extents_[Rank - 1] + block - 1) / block;
        for (index_t begin = 0;; width = (width + 1) / 2) {
            level_begin_.push_back(begin);
            begin += width;
            row_size_ = begin;
            if (width <= 1) break;
        }
        blocks_.reserve(static_cast<std::size_t>(rows * row_size_));
        for (index_t row = 0; row < rows; ++row) {
            add_row(begin_of(row));
            everything_ = row == 0 ? blocks_.back() : join(everything_, blocks_.back());
        }
    }

    /// The join of a box of entries, clamped into the table, into `all`; false where it has too many rows to ask.
    bool over(std::array<interval, Rank> box, hull& all) const {
        if (blocks_.empty()) return false;
        index_t rows = 1;
        for (std::size_t i = 0; i < Rank; ++i) {
            const interval all_of_it{0, extents_[i] - 1};  // 0 for a dimension of stride 0
            box[i] = {all_of_it.nearest(box[i].lo), all_of_it.nearest(box[i].hi)};
            if (i + 1 < Rank) rows *= box[i].hi - box[i].lo + 1;
            if (rows > most_rows) return false;
        }
        bool first = true;
        shape at;
        for (std::size_t i = 0; i < Rank; ++i) at[i] = box[i].lo;
        while (true) {  // the rows of the box, like an odometer
            const hull row = over_row(row_of(at), box[Rank - 1].lo, box[Rank - 1].hi);
            all = first ? row : join(all, row);
            if (Rank > 1 && all == everything_) return true;  // joining more changes nothing
            first = false;
            std::size_t digit = Rank - 1;
            while (digit > 0 && at[digit - 1] == box[digit - 1].hi) at[digit - 1] = box[digit - 1].lo, --digit;
            if (digit == 0) return true;
            ++at[digit - 1];
        }
    }

private:
    static constexpr index_t block = 32;

    hull entry(const T* row, index_t i) const { return Kept::of(row[i * strides_[Rank - 1]]); }
    hull scan(hull all, const T* row, index_t lo, index_t hi) const {
        for (index_t i = lo; i <= hi; ++i) all = join(all, entry(row, i));
        return all;
    }
    index_t row_of(const shape& at) const {
        index_t row = 0;
        for (std::size_t i = 0; i + 1 < Rank; ++i) row = row * extents_[i] + at[i];
        return row;
    }
    const T* begin_of(index_t row) const {
        const T* begin = data_;
        for (std::size_t i = Rank - 1; i-- > 0; row /= extents_[i]) begin += row % extents_[i] * strides_[i];
        return begin;
    }
    /// The join of entries [lo, hi] of a row.
    hull over_row(index_t row, index_t lo, index_t hi) const {
        const T* entries = begin_of(row);
        hull all = entry(entries, lo);
        index_t first = (lo + block - 1) / block, last = (hi + 1) / block - 1;
        if (first > last) return scan(all, entries, lo, hi);
        const index_t blocks_begin = first * block;
        while (first <= last) {  // the largest node that begins at `first` and does not end beyond `last`
            const auto begin = static_cast<std::uint64_t>(first), size = static_cast<std::uint64_t>(last - first + 1);
            const int level = smaller(static_cast<int>(std::bit_width(size)) - 1, first ? std::countr_zero(begin) : 63);
            const index_t node = level_begin_[static_cast<std::size_t>(level)] + (first >> level);
            all = join(all, blocks_[static_cast<std::size_t>(row * row_size_ + node)]);
            first += index_t{1} << level;
        }
        if (Rank > 1 && all == everything_) return all;
        all = scan(all, entries, lo, blocks_begin - 1);
        return scan(all, entries, (last + 1) * block, hi);
    }
    void add_row(const T* row) {
        const index_t columns = extents_[Rank - 1];
        std::size_t begin = blocks_.size();
        for (index_t i = 0; i < columns; i += block)
            blocks_.push_back(scan(entry(row, i), row, i, smaller(i + block, columns) - 1));
        for (std::size_t width = blocks_.size() - begin; width > 1; width = blocks_.size() - begin) {
            for (std::size_t i = 0; i < width; i += 2)
                blocks_.push_back(i + 1 < width ? join(blocks_[begin + i], blocks_[begin + i + 1])
                                                : blocks_[begin + i]);
            begin += width;
        }
    }

    const T* data_ = nullptr;
    shape extents_{}, strides_{};
    index_t row_size_ = 0;
    std::vector<index_t> level_begin_;
    std::vector<hull> blocks_;
    hull everything_{};  ///< the join of all entries
};

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

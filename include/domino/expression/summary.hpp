// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the range domain knows of a buffer: the join of any box of its entries, in logarithmic time.
#pragma once

#include <array>
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

template <class T>
inline constexpr bool integer_entries = std::is_same_v<entry_t<T>, index_t>;

/// The range an entry alone spans.
constexpr interval as_range(index_t x) { return {x, x}; }
constexpr truth as_range(bool x) { return {x, x}; }
constexpr real_interval as_range(float x) { return x != x ? real_interval::anything() : real_interval{x, x}; }

/// The least and the largest of 16 entries side by side; of a NaN among floats `nan` tells, and then they are not known.
/// Registers of lanes, since compilers do not make them of a loop over floats.
template <class T>
struct bounds_of_16 {
    T lo, hi;
    bool nan = false;
    explicit bounds_of_16(const T* entries) {
        typedef T lanes __attribute__((vector_size(8 * sizeof(T))));
        lanes x, y;
        __builtin_memcpy(&x, entries, sizeof x);
        __builtin_memcpy(&y, entries + 8, sizeof y);
        if constexpr (!std::is_integral_v<T>) nan = any((x != x) | (y != y));
        lanes least = x < y ? x : y, most = x < y ? y : x;
        const auto fold = [&](const lanes& other_least, const lanes& other_most) {
            least = other_least < least ? other_least : least;
            most = most < other_most ? other_most : most;
        };
        fold(__builtin_shufflevector(least, least, 4, 5, 6, 7, 0, 1, 2, 3),
             __builtin_shufflevector(most, most, 4, 5, 6, 7, 0, 1, 2, 3));
        fold(__builtin_shufflevector(least, least, 2, 3, 0, 1, 6, 7, 4, 5),
             __builtin_shufflevector(most, most, 2, 3, 0, 1, 6, 7, 4, 5));
        lo = least[1] < least[0] ? least[1] : least[0];
        hi = most[0] < most[1] ? most[1] : most[0];
    }

private:
    static bool any(const auto& lanes) {
        std::uint64_t words[sizeof lanes / 8], all = 0;
        __builtin_memcpy(words, &lanes, sizeof lanes);
        for (const std::uint64_t word : words) all |= word;
        return all != 0;
    }
};

/// What a summary keeps of an entry: here the entry itself. A summary of something else (ids without blanks, what is
/// not -inf) gives another `of`; the results need a `join`.
struct value_of_entry {
    template <class T>
    static constexpr auto of(T x) {
        return as_range(entry_t<T>(x));
    }
    /// The join of 16 of them, side by side. (Not of integers that may be beyond an index, whose order is another.)
    template <class T>
    requires(std::is_signed_v<T> || sizeof(T) < sizeof(index_t))
    static auto of_16(const T* x) {
        if constexpr (std::is_same_v<T, bool>) {
            const bounds_of_16 bytes(reinterpret_cast<const unsigned char*>(x));
            return truth{bytes.hi != 0, bytes.lo != 0};
        } else {
            const bounds_of_16 bounds(x);
            if constexpr (!std::is_integral_v<T>)
                if (bounds.nan) return real_interval::anything();
            return join(of(bounds.lo), of(bounds.hi));
        }
    }
};

/// A hull as it lies in memory: bounds of integers have these integers' type.
template <class T, class Hull>
struct kept_hull {
    Hull hull;
    constexpr operator Hull() const { return hull; }
};
template <class T>
struct kept_hull<T, interval> {
    T lo, hi;
    constexpr kept_hull(interval x = {0, 0}) : lo(static_cast<T>(x.lo)), hi(static_cast<T>(x.hi)) {}
    constexpr operator interval() const { return {index_t(lo), index_t(hi)}; }
};

/// The join of every 16 entries of a row, and a binary tree over these blocks in its in-order layout: any stretch of a row is
/// the join of O(log) nodes, of one where it is a node itself, and at most 30 entries. A row is a stretch of the last
/// dimension; a dimension of stride 0 counts once.
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
        const index_t columns = extents_[Rank - 1];
        row_size_ = larger(2 * (columns / block) - 1, index_t{0});
        nodes_.resize(static_cast<std::size_t>(rows * row_size_));
        for (index_t i = 0; i < rows; ++i) {
            shape at{};
            index_t rest = i;
            for (std::size_t axis = Rank - 1; axis-- > 0; rest /= extents_[axis]) at[axis] = rest % extents_[axis];
            fill(row_at(at));
            const hull all = over_row(at, columns - 1);
            everything_ = i == 0 ? all : join(everything_, all);
        }
        everything_is_known_ = true;
    }

    /// The join of a box of entries, clamped into the table, into `all` (of all entries, where the box has many rows); false where
    /// nothing is known.
    bool over(std::array<interval, Rank> box, hull& all) const {
        if (!data_) return false;
        index_t rows = 1;
        for (std::size_t i = 0; i < Rank; ++i) {
            const interval all_of_it{0, extents_[i] - 1};  // 0 for a dimension of stride 0
            box[i] = {all_of_it.nearest(box[i].lo), all_of_it.nearest(box[i].hi)};
            if (i + 1 < Rank) rows *= box[i].hi - box[i].lo + 1;
            if (rows > most_rows) return all = everything_, true;
        }
        bool first = true;
        shape at;
        for (std::size_t i = 0; i < Rank; ++i) at[i] = box[i].lo;
        while (true) {  // the rows of the box, like an odometer
            const hull row = over_row(at, box[Rank - 1].hi);
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
    static constexpr index_t block = 16;

    /// A row's entries, and the first of its nodes.
    struct row_view {
        const T* entries;
        index_t stride, first_node;
        hull operator[](index_t i) const { return Kept::of(entries[i * stride]); }
    };
    row_view row_at(const shape& at) const {
        row_view found{data_, strides_[Rank - 1], 0};
        for (std::size_t i = 0; i + 1 < Rank; ++i) {
            found.entries += at[i] * strides_[i];
            found.first_node = found.first_node * extents_[i] + at[i];
        }
        found.first_node *= row_size_;
        return found;
    }
    /// Where the join of the blocks [first, first + size) is kept: size is a power of two and divides first.
    static std::size_t place(const row_view& of, index_t first, index_t size) {
        return static_cast<std::size_t>(of.first_node + 2 * first + size - 1);
    }
    hull node(const row_view& of, index_t first, index_t size) const { return nodes_[place(of, first, size)]; }
    /// The join of the entries of a row from `at` to `hi`.
    hull over_row(const shape& at, index_t hi) const {
        const index_t lo = at[Rank - 1], size = hi - lo + 1;
        if (size >= block && (size & (size - 1)) == 0 && (lo & (size - 1)) == 0)
            return node(row_at(at), lo / block, size / block);
        return joined(at, hi);
    }
    static hull scan(const row_view& of, index_t lo, index_t hi) {
        hull all = of[lo];
        for (index_t i = lo + 1; i <= hi; ++i) all = join(all, of[i]);
        return all;
    }
    static hull block_at(const row_view& of, index_t first) {
        if constexpr (requires { Kept::of_16(of.entries); })
            if (of.stride == 1) return Kept::of_16(of.entries + first);
        return scan(of, first, first + block - 1);
    }
    /// over_row of any stretch; in a function of its own, so that what a mask inlines is the one read above.
    DOMINO_NOINLINE hull joined(shape at, index_t hi) const {
        const row_view of = row_at(at);
        const index_t lo = at[Rank - 1], begin = (lo + block - 1) / block, end = (hi + 1) / block;
        if (begin >= end) return scan(of, lo, hi);
        index_t first = begin;
        const auto next = [&] {  // the largest node that begins at `first` and does not go beyond `end`
            const index_t most = floor_power_of_two(end - first), divisor = first & -first;
            const index_t size = divisor ? smaller(most, divisor) : most;
            const hull found = node(of, first, size);
            first += size;
            return found;
        };
        hull all = next();
        while (first < end) all = join(all, next());
        if (Rank > 1 && everything_is_known_ && all == everything_) return all;
        if (lo < begin * block) all = join(all, scan(of, lo, begin * block - 1));
        if (hi >= end * block) all = join(all, scan(of, end * block, hi));
        return all;
    }
    void fill(const row_view& of) {
        const index_t blocks = extents_[Rank - 1] / block;
        for (index_t i = 0; i < blocks; ++i) nodes_[place(of, i, 1)] = {block_at(of, i * block)};
        for (index_t half = 1; 2 * half <= blocks; half *= 2)
            for (index_t i = 0; i + 2 * half <= blocks; i += 2 * half)
                nodes_[place(of, i, 2 * half)] = {join(node(of, i, half), node(of, i + half, half))};
    }

    const T* data_ = nullptr;
    shape extents_{}, strides_{};
    index_t row_size_ = 0;
    std::vector<kept_hull<T, hull>> nodes_;
    hull everything_{};  ///< the join of all entries
    bool everything_is_known_ = false;
};

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lanes domain over many keys of one row at once: a mask that reads data by pair finds its place in it once for 64 keys,
// and their truths are the bits of a word.
#pragma once

#include <concepts>
#include <cstdint>

#include "domino/domain/lanes.hpp"

namespace domino::inline DOMINO_ARCH {

/// Bit i is the truth of key i.
struct key_word {
    std::uint64_t bits;
};

/// A word's keys, of one row.
struct key_words {
    static constexpr index_t size = 64, registers = size / simd::width;
    static_assert(size % simd::width == 0);
    /// What differs by key and is no truth: registers of keys.
    template <class T>
    struct several {
        T of[registers];
    };

    index_t b, h, q;
    consecutive kv;

    static constexpr auto constant(auto value) { return value; }

    template <class Op, class... Xs>
    DOMINO_INLINE auto operator()(Op op, Xs... x) const {
        if constexpr ((detail::Shared<Xs> && ...)) return part_lanes()(op, x...);
        else if constexpr (requires { apply(op, x...); }) return apply(op, x...);
        else return each([&](index_t r) DOMINO_INLINE_LAMBDA { return part_lanes()(op, part(x, r)...); });
    }

    template <class Table, class... Index>
    DOMINO_INLINE auto lookup(const Table& table, Index... index) const {
        if constexpr ((detail::Shared<Index> && ...)) return table.at(index...);
        else {
            if constexpr (detail::by_last_index<Index...>)
                if (const auto* row = table.row(size, detail::first_of(index)...))
                    return load<typename Table::entry>(row);
            return each([&](index_t r) DOMINO_INLINE_LAMBDA { return part_lanes().lookup(table, part(index, r)...); });
        }
    }

    template <class Functor, class... Xs>
    DOMINO_INLINE auto call(const Functor& functor, Xs... x) const {
        if constexpr ((detail::Shared<Xs> && ...)) return functor.at(x...);
        else {
            using detail::first_of;
            if constexpr (detail::by_last_index<Xs...>) {
                if constexpr (requires { functor.word(size, first_of(x)...); })
                    return key_word{functor.word(size, first_of(x)...)};
                else if constexpr (requires { functor.row(size, first_of(x)...); })
                    if (const auto* row = functor.row(size, first_of(x)...)) return load<bool>(row);
            }
            return each([&](index_t r) DOMINO_INLINE_LAMBDA { return part_lanes().call(functor, part(x, r)...); });
        }
    }

    /// All keys' truths.
    static DOMINO_INLINE std::uint64_t word_of(bool x) { return x ? ~std::uint64_t{0} : 0; }
    static DOMINO_INLINE std::uint64_t word_of(key_word x) { return x.bits; }

private:
    using part_lanes = lanes<index_t, index_t, float, consecutive>;

    template <class T>
    static constexpr bool is_truth = std::same_as<T, bool> || std::same_as<T, key_word>;
    // clang-format off
    template <class X, class Y> requires(is_truth<X> && is_truth<Y>)
    static DOMINO_INLINE key_word apply(op::logical_and, X x, Y y) { return {word_of(x) & word_of(y)}; }
    template <class X, class Y> requires(is_truth<X> && is_truth<Y>)
    static DOMINO_INLINE key_word apply(op::logical_or, X x, Y y) { return {word_of(x) | word_of(y)}; }
    template <class X, class Y> requires(is_truth<X> && is_truth<Y>)
    static DOMINO_INLINE key_word apply(op::logical_xor, X x, Y y) { return {word_of(x) ^ word_of(y)}; }
    static DOMINO_INLINE key_word apply(op::logical_not, key_word x) { return {~x.bits}; }
    // clang-format on

    /// f(r) of each register of keys.
    template <class F>
    static DOMINO_INLINE auto each(F f) {
        using T = decltype(f(index_t{0}));
        if constexpr (std::same_as<T, consecutive>) return f(0);
        else if constexpr (std::same_as<T, simd::bools>) {
            key_word word{0};
            for (index_t r = 0; r < registers; ++r)
                word.bits |= std::uint64_t{simd::to_bits(f(r))} << (r * simd::width);
            return word;
        } else {
            several<T> all;
            for (index_t r = 0; r < registers; ++r) all.of[r] = f(r);
            return all;
        }
    }
    static DOMINO_INLINE auto part(detail::Shared auto x, index_t) { return x; }
    static DOMINO_INLINE consecutive part(consecutive x, index_t r) { return {x.origin, x.shift + r * simd::width}; }
    static DOMINO_INLINE simd::bools part(key_word x, index_t r) {
        return simd::from_bits(static_cast<std::uint32_t>(x.bits >> (r * simd::width)));
    }
    template <class T>
    static DOMINO_INLINE T part(const several<T>& x, index_t r) {
        return x.of[r];
    }

    template <class Entry, class T>
    static DOMINO_INLINE auto load(const T* row) {
        if constexpr (std::same_as<Entry, bool> && sizeof(T) == 1) return key_word{simd::not_zero(row)};
        else
            return each([&](index_t r) DOMINO_INLINE_LAMBDA {
                const T* at = row + r * simd::width;
                if constexpr (std::same_as<T, float>) return simd::floats::load_unaligned(at);
                else if constexpr (std::same_as<Entry, bool>)
                    return simd::to_bools(simd::load_ints(at) != simd::ints(0));
                else return simd::load_ints(at);
            });
    }
};

}  // namespace domino::inline DOMINO_ARCH

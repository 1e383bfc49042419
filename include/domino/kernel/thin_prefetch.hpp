// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a thin panel prefetches, and when: whole vectors between its products, or line by line while they run.
#pragma once

#include <algorithm>

#include "domino/kernel/processor.hpp"
#include "domino/kernel/reader.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Whether so few rows can read in the order of memory: a key at once, and all channels of values. Then little is to be prefetched,
/// for hardware prefetchers follow. (A Zen 4 reads at 93 % of its bandwidth so, for one row.)
template <int rows, class TK, class TV>
inline constexpr bool may_read_in_order =
    registers == 32 && rows <= 2 && std::same_as<TK, float> && std::same_as<TV, float>;

/// Whether keys and values are prefetched into L1, and not only into L2; where that is done line by line, the compiler knows it. (A
/// Zen 3 takes 0.93 to 1.0 of the time that it takes from L2.)
inline constexpr bool lines_into_l1 = registers == 16;
inline bool prefetches_into_l1() { return lines_into_l1 || this_processor().near; }

/// How a pass of some rows prefetches vectors of keys and of values: line by line while the loops run, or whole ones between.
template <int rows, class TK, class TV, bool in_order>
class prefetch_plan {
    /// (Four rows of float32 at head_dim 128: a Zen 3 reads at 84 % of the bandwidth line by line and at 70 the other way, a Zen 4
    /// at 60 and 78.)
    template <class T>
    static constexpr bool prefers_lines = (registers == 16) == (rows == 4) || sizeof(T) < sizeof(float);

public:
    static constexpr bool key_lines = prefers_lines<TK>, value_lines = prefers_lines<TV>;
    const bool into_l1 = prefetches_into_l1();
    const bool by_line;          ///< where lines are preferred
    const index_t keys, values;  ///< vectors ahead

    prefetch_plan(const processor& p, index_t head_dim, index_t value_dim)
        : by_line(registers == 16 || (may_read_in_order<rows, TK, TV> ? in_order : !p.near)),
          keys(p.near ? 16 / index_t{sizeof(TK)} : far<TK>(head_dim)),
          values(p.near ? 0 : far<TV>(value_dim)) {}

    /// Whether n keys are read at once, and as many prefetched between. What the buffers of L1 cannot hold is dropped: a Zen 3
    /// reads float32 at 88 % of the bandwidth with eight lines, and at 70 with twice as many. A Zen 4, into L2, gains up to 32.
    bool fit(index_t n, index_t head_dim) const {
        return n * head_dim * index_t{sizeof(TK)} <= (into_l1 ? 8 : 32) * simd::line_bytes;
    }

private:
    /// (By line, measured on a Zen 4: 1 to 2 KB in order and 4 to 6 KB else are alike, more is slower.)
    template <class T>
    index_t far(index_t dim) const {
        if (registers == 16 || !by_line || !prefers_lines<T>) return 16;
        return std::max<index_t>((in_order ? 1536 : 6144) / (dim * index_t{sizeof(T)}), 1);
    }
};

/// A walk over stretches of memory, line by line; behind the last one null, where it ends. (Two words: it travels in registers.)
struct line_walk {
    const char* at;
    const stretch* now;

    DOMINO_INLINE void prefetch_one() {
        if (!at) return;
        simd::prefetch<lines_into_l1 ? simd::prefetch_to::l1 : simd::prefetch_to::l2>(at);
        at += simd::line_bytes;
        if (at < now->end) return;
        ++now;
        at = now->begin;
    }
};

/// Where the vectors of `tokens` lie.
struct vector_lines {
    stretches all;
    template <RowSource S>
    vector_lines(const S& source, index_t b_, index_t h_, span tokens) {
        all.add(source, b_, h_, tokens);
    }
    line_walk walk() const { return {all.begin()->begin, all.begin()}; }
};

/// Nothing is prefetched line by line.
struct no_walk {
    static void prefetch_one() {}
};
struct no_lines {
    no_lines(const auto&...) {}
    static no_walk walk() { return {}; }
};
template <bool by_line>
using lines_of = std::conditional_t<by_line, vector_lines, no_lines>;

/// Prefetches whole vectors of a source, into L1 or L2.
template <RowSource S>
DOMINO_INLINE void prefetch_vectors(const S& source, index_t b_, index_t h_, span tokens, bool into_l1) {
    const index_t head_dim = source.head_dim();
    while (tokens.begin < tokens.end) {
        const auto run = source.rows(b_, h_, tokens.begin);
        const index_t count = std::min(run.count, tokens.size());
        tokens.begin += count;
        if (!run.first) continue;
        for (index_t i = 0; i < count; ++i)
            if (into_l1) simd::prefetch(run.first + i * run.stride, head_dim);
            else simd::prefetch<simd::prefetch_to::l2>(run.first + i * run.stride, head_dim);
    }
}
/// The same in a call: code that is not in the way where it is not wanted.
template <RowSource S>
DOMINO_NOINLINE void prefetch_vectors_apart(const S& source, index_t b_, index_t h_, span tokens, bool into_l1) {
    prefetch_vectors(source, b_, h_, tokens, into_l1);
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

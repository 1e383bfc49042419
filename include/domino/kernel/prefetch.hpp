// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is prefetched while a microkernel computes, so that it is in L2 when it is needed. A line now and then: a few at once
// fill the buffers in which L1 waits for lines, and then the microkernel's own reads wait for them.
#pragma once

#include <algorithm>

#include "domino/kernel/reader.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Vectors that will be needed, evenly spaced.
struct rows_to_prefetch {
    float_rows rows = {};
    index_t dim = 0, count = 0;

    /// The next n of them go to `taken`.
    void take(index_t n, stretches& taken) {
        n = std::min(n, count);
        taken.add(rows.first, dim, rows.stride, n);
        rows = rows.from(n);
        count -= n;
    }
};

/// A walk over stretches of memory, a few lines at a time, which may go beyond a stretch; at the end the last one again, which is near
/// then.
struct stretch_walk {
    const stretch *now = nullptr, *last = nullptr;
    const char *at = nullptr, *end = nullptr;

    stretch_walk() = default;
    explicit stretch_walk(const stretches& of) : now(of.begin()), last(of.end() - 1), at(now->begin), end(now->end) {}
    DOMINO_INLINE void advance(index_t bytes) {
        if ((at += bytes) < end) [[likely]]
            return;
        if (now != last) ++now;
        at = now->begin;
        end = now->end;
    }
};

/// Stretches of memory, about as long as each other, that will be needed: the first line of each, then the second ones.
class lines_to_prefetch {
public:
    void clear() { count_ = next_ = offset_ = end_ = 0; }
    bool empty() const { return count_ == 0; }
    /// As far as there is room.
    void add(const void* first, index_t bytes) {
        if (count_ == most) return;
        const index_t before = static_cast<index_t>(reinterpret_cast<std::uintptr_t>(first) % simd::line_bytes);
        first_lines_[count_++] = static_cast<const char*>(first) - before;
        end_ = std::max(end_, before + bytes);
    }
    DOMINO_INLINE void prefetch_one() {
        if (offset_ >= end_) return;
        simd::prefetch(first_lines_[next_] + offset_);
        if (++next_ < count_) return;
        next_ = 0;
        offset_ += simd::line_bytes;
    }

private:
    static constexpr index_t most = 4 * panel;
    const char* first_lines_[most];
    index_t count_ = 0, next_ = 0, offset_ = 0, end_ = 0;
};

/// How far a block's keys and values have been prefetched or read. Values are prefetched while the same tile's keys are read, and
/// keys a tile ahead, while values are read: by the first panel that comes near them. Where some are copied or converted at once
/// before they are read (0: where they are read in place), it is the next ones that are prefetched.
class read_ahead {
public:
    /// The keys whose values are prefetched while `some` keys are read of a tile that ends at `tile_end`.
    span values_with_keys(span some, index_t tile_end, index_t copied_at_once) {
        return next(values_, some.begin + copied_at_once, tile_end + copied_at_once, some.size());
    }
    /// The keys that are prefetched while the values of `some` are read.
    span keys_with_values(span some, index_t copied_at_once) {
        const index_t begin = some.end + std::max<index_t>(copied_at_once - kv_tile, 0);
        return next(keys_, begin, begin + kv_tile, some.size());
    }

private:
    /// The next n from `begin` on, unless all before `end` are done.
    static span next(index_t& done, index_t begin, index_t end, index_t n) {
        if (done >= end) return {0, 0};
        begin = std::max(done, begin);
        done = begin + n;
        return {begin, done};
    }

    index_t keys_ = 0, values_ = 0;
};

/// Prefetches vectors, line by line as hardware prefetchers like it, or single lines, or both, between the steps of a
/// microkernel for `step` keys: a line before every `spacing`-th call.
template <bool vectors, bool lines, int step = kernel::step<panel_registers>, int spacing = 2>
struct prefetcher {
    stretch_walk walk = {};
    lines_to_prefetch* list = nullptr;

    /// Calls f() `calls` times and prefetches four lines meanwhile, of the vectors step / 2 at most. Their bytes are counted
    /// once for all calls: a branch for each line would be mispredicted now and then.
    template <class F>
    DOMINO_INLINE void interleave(F&& f) {
        DOMINO_UNROLL_LOOP
        for (index_t i = 0; i < calls; ++i) {
            if (i % spacing == 0) {
                if constexpr (vectors)
                    if (i / spacing < step / 2)
                        simd::prefetch<simd::prefetch_to::l2>(walk.at + i / spacing * simd::line_bytes);
                if constexpr (lines) list->prefetch_one();
            }
            f();
        }
        if constexpr (vectors) walk.advance(step / 2 * simd::line_bytes);
    }
    static constexpr index_t calls = 4 * spacing;
};
struct no_prefetch {};
/// Prefetches keys while values are read: where those take more channels at once, fewer calls have all the lines.
template <int R>
using keys_prefetcher = prefetcher<true, false, step<R>, 2 * step<R> / value_step<R>>;

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a thin panel prefetches, and when: whole vectors between its products, or line by line while they run.
#pragma once

#include <algorithm>

#include "domino/kernel/processor.hpp"
#include "domino/kernel/shape.hpp"
#include "domino/tensor/source.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Where the vectors of `tokens` lie, one after the other; null where there is none, and behind the last.
template <RowSource S>
class vector_cursor {
public:
    vector_cursor(const S& source, index_t batch_entry, index_t head, span tokens)
        : source_(source), batch_entry_(batch_entry), head_(head), tokens_(tokens) {}
    DOMINO_INLINE const typename S::element* next() {
        if (left_ == 0) {
            if (tokens_.begin >= tokens_.end) return nullptr;
            run_ = source_.rows(batch_entry_, head_, tokens_.begin);
            left_ = run_.count;
        }
        --left_;
        ++tokens_.begin;
        const auto* at = run_.first;
        if (at) run_.first += run_.stride;
        return at;
    }

private:
    const S& source_;
    index_t batch_entry_, head_;
    span tokens_;
    row_run<typename S::element> run_{};
    index_t left_ = 0;
};

/// A walk over stretches of memory, line by line. The last stretch is empty, and there it stays. (Two words: it travels in
/// registers.)
struct line_walk {
    struct stretch {
        const char *begin, *end;
    };
    const char* at;
    const stretch* now;

    DOMINO_INLINE void prefetch_one() {
        simd::prefetch(at);
        at += simd::line_bytes;
        if (at < now->end) return;
        if (now->begin != now->end) ++now;
        at = now->begin;
    }
};

/// Where the vectors of `tokens` lie, of a tile at most, and behind them a line that is near anyhow.
class vector_lines {
public:
    template <RowSource S>
    vector_lines(const S& source, index_t b_, index_t h_, span tokens, const void* near) {
        const index_t head_dim = source.head_dim();
        const auto add = [&](const auto* first, index_t n) {
            stretches_[count_++] = {reinterpret_cast<const char*>(first), reinterpret_cast<const char*>(first + n)};
        };
        while (tokens.begin < tokens.end) {
            const auto run = source.rows(b_, h_, tokens.begin);
            const index_t count = std::min(run.count, tokens.size());
            tokens.begin += count;
            if (!run.first) continue;
            if (run.stride == head_dim) add(run.first, count * head_dim);
            else
                for (index_t i = 0; i < count; ++i) add(run.first + i * run.stride, head_dim);
        }
        add(static_cast<const char*>(near), 0);
    }
    line_walk walk() const { return {stretches_[0].begin, stretches_}; }

private:
    line_walk::stretch stretches_[most_thin_keys + 1];
    index_t count_ = 0;
};

/// How a thin panel prefetches: keys so many vectors ahead of the dot products, and values as many ahead of their keys.
struct prefetch_ahead {
    bool near, touches;
    index_t keys, values;

    prefetch_ahead(const processor& p, bool one_row_of_float, index_t key_bytes)
        : near(p.near),
          touches(p.reads_in_order && one_row_of_float),
          keys(near ? 16 / key_bytes : 16),
          values(near || touches ? 0 : 16) {}
    template <class T>
    DOMINO_INLINE void prefetch(const T* vector, index_t dim) const {
        if (touches) simd::touch(vector, dim);
        else if (near) simd::prefetch(vector, dim);
        else simd::prefetch<simd::prefetch_to::l2>(vector, dim);
    }
};

/// Whether so many rows prefetch keys or values of a type line by line while they compute; or else between, for some keys at once.
/// (A Zen 3 reads float32 for four rows at 84 % of the bandwidth so, and at 70 the other way; for one row the other way is as good or
/// better. Not measured with AVX-512.)
template <int rows, class T>
inline constexpr bool prefetches_inside = registers == 16 && (rows == 4 || sizeof(T) < sizeof(float));

/// Bytes of keys that are prefetched at once, and as many of values: eight lines. What the buffers of L1 cannot hold is
/// dropped: a Zen 3 reads float32 at 88 % of the bandwidth so, and at 70 with twice as many.
inline constexpr index_t prefetched_at_once = 8 * simd::line_bytes;

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

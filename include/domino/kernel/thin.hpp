// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two products for a panel of few rows (decoding, the last rows of a block): lanes run along head_dim, so that no
// lane is idle, and elements are converted in registers. What comes from memory is asked for vector by vector, K and V in
// turn, a few keys before its use, so that reading and arithmetic overlap. Scores and weights keep the layout [keys, panel].
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "domino/kernel/shape.hpp"
#include "domino/simd/convert.hpp"
#include "domino/simd/sum.hpp"
#include "domino/tensor/source.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Vector i of a run as floats.
template <class T>
void convert_row(const row_run<T>& run, index_t i, index_t head_dim, float* to) {
    const T* from = run.first + i * run.stride;
    if constexpr (std::same_as<T, std::int8_t>) {
        const float* scale = run.scales + i * run.scale_stride;
        for (index_t c = 0; c < head_dim; c += run.scale_block)
            simd::convert(from + c, run.scale_block, *scale++, to + c);
    } else {
        simd::convert(from, head_dim, to);
    }
}

template <class T>
DOMINO_INLINE simd::floats load_some(const T* at) {
    return simd::load(at);
}
template <class T>
DOMINO_INLINE simd::floats load_some(const T* at, index_t n) {
    return simd::load_first(at, n);
}

/// A pass of a thin panel: the dot products of its rows with `keys`, and the weighted values of `earlier` keys.
struct thin_pass {
    index_t rows;
    const float* q;  ///< [rows, head_dim]
    span keys;
    float* dots;  ///< [keys, panel]
    span earlier;
    const float* weights;  ///< [earlier, panel]
    const float* shrink;   ///< [rows]: output = output * shrink + the values
    float* output;         ///< [rows, value_dim]
    float* key_scratch;    ///< room for as many vectors as `keys` has
    float* value_scratch;  ///< room for as many as `earlier` has
    index_t kv_len;        ///< tokens that there are
};

/// Calls f(run, i) for the runs of `tokens`, i of them before it: elements that can be converted in registers (the others,
/// of int8 with a scale for parts of registers, as floats in `scratch`). A run that is not there has `first` null.
template <RowSource S, class F>
DOMINO_INLINE void for_each_thin_run(const S& source, index_t b_, index_t h_, span tokens, float* scratch, F f) {
    using T = typename S::element;
    const index_t head_dim = source.head_dim();
    for (index_t token = tokens.begin; token < tokens.end;) {
        row_run<T> run = source.rows(b_, h_, token);
        run.count = std::min(run.count, tokens.end - token);
        const index_t i = token - tokens.begin;
        token += run.count;
        if constexpr (std::same_as<T, std::int8_t>)
            if (run.first && run.scale_block != head_dim && run.scale_block % simd::width != 0) {
                for (index_t j = 0; j < run.count; ++j) convert_row(run, j, head_dim, scratch + j * head_dim);
                f(row_run<float>{scratch, head_dim, run.count}, i);
                continue;
            }
        f(run, i);
    }
}

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

/// q[r] . key i of a run, for rows [rows, head_dim]. Each is summed in two chains.
template <int rows, class T>
DOMINO_INLINE simd::quad dot_vector(const float* q, index_t head_dim, const row_run<T>& k, index_t i) {
    const T* key = k.first + i * k.stride;
    const auto sum_over = [&](index_t d, index_t end, simd::floats(&sums)[rows]) DOMINO_INLINE_LAMBDA {
        simd::floats odd[rows];
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { sums[r] = odd[r] = simd::floats(0.f); });
        const auto advance = [&](simd::floats(&chain)[rows], auto... n) DOMINO_INLINE_LAMBDA {
            simd::floats channels = load_some(key + d, n...);
            if constexpr (rows > 1) simd::keep(channels);
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
                chain[r] = simd::fma(channels, load_some(q + r * head_dim + d, n...), chain[r]);
            });
            d += simd::width;
        };
        while (d + 2 * simd::width <= end) {
            advance(sums);
            advance(odd);
        }
        if (d + simd::width <= end) advance(sums);
        if (d < end) advance(odd, end - d);
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { sums[r] = sums[r] + odd[r]; });
    };
    simd::floats sums[rows];
    if constexpr (!std::same_as<T, std::int8_t>) sum_over(0, head_dim, sums);
    else {
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { sums[r] = simd::floats(0.f); });
        const float* scale = k.scales + i * k.scale_stride;
        for (index_t begin = 0; begin < head_dim; begin += k.scale_block) {
            simd::floats of_block[rows];
            sum_over(begin, begin + k.scale_block, of_block);
            const simd::floats factor(*scale++);
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { sums[r] = simd::fma(of_block[r], factor, sums[r]); });
        }
    }
    return simd::sums_of_four(sums[0], sums[std::min(1, rows - 1)], sums[rows / 2], sums[rows - 1]);
}

/// output[r] = output[r] * shrink[r] + the weighted sum of the pass's earlier values, for rows from `row` on and `strip`
/// registers of channels from c on (the first n channels of one). Where `skip_masked`, a weight of -0 contributes nothing.
template <int rows, int strip, bool skip_masked, RowSource V>
DOMINO_INLINE void add_channels_of(const V& value_source, index_t b_, index_t h_, const thin_pass& pass, index_t row,
                                   index_t c, auto... n) {
    simd::floats sums[rows][strip];
    const auto each = [&](auto f) DOMINO_INLINE_LAMBDA {
        simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
            simd::unroll<strip>([&](auto i) DOMINO_INLINE_LAMBDA { f(sums[r][i], r, c + i * simd::width); });
        });
    };
    each([](simd::floats& sum, auto, index_t) DOMINO_INLINE_LAMBDA { sum = simd::floats(0.f); });
    const auto add_run = [&]<class T>(const row_run<T>& run, index_t first) DOMINO_INLINE_LAMBDA {
        if (!run.first) return;
        constexpr bool is_scaled = std::same_as<T, std::int8_t>;
        [[maybe_unused]] const float* scales[strip];
        if constexpr (is_scaled)
            simd::unroll<strip>(
                [&](auto i) DOMINO_INLINE_LAMBDA { scales[i] = run.scales + (c + i * simd::width) / run.scale_block; });
        const T* value = run.first + c;
        const float* weights = pass.weights + first * panel + row;
        for (index_t key = 0; key < run.count; ++key, value += run.stride, weights += panel) {
            simd::floats channels[strip];
            simd::unroll<strip>([&](auto i) DOMINO_INLINE_LAMBDA {
                channels[i] = load_some(value + i * simd::width, n...);
                if constexpr (is_scaled) channels[i] = channels[i] * simd::floats(scales[i][key * run.scale_stride]);
                else if constexpr (rows > 1) simd::keep(channels[i]);
            });
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
                if constexpr (skip_masked)
                    if (weights[r] == 0.f && std::signbit(weights[r])) return;
                const simd::floats weight(weights[r]);
                simd::unroll<strip>(
                    [&](auto i) DOMINO_INLINE_LAMBDA { sums[r][i] = simd::fma(weight, channels[i], sums[r][i]); });
            });
        }
    };
    for_each_thin_run(value_source, b_, h_, pass.earlier, pass.value_scratch, add_run);
    each([&](simd::floats sum, auto r, index_t first) DOMINO_INLINE_LAMBDA {
        float* at = pass.output + (row + r) * value_source.head_dim() + first;
        const simd::floats result = simd::fma(load_some(at, n...), simd::floats(pass.shrink[row + r]), sum);
        if constexpr (sizeof...(n) == 0) result.store_unaligned(at);
        else {
            alignas(64) float lanes[simd::width];
            result.store_aligned(lanes);
            std::copy_n(lanes, n..., at);
        }
    });
}

/// The part of a pass that `rows` rows from `row` on have. Keys are read one by one, and with each its value, which the
/// next pass will find in L1; after each, some channels of the earlier values are summed.
template <int rows, bool skip_masked, RowSource K, RowSource V>
DOMINO_NOINLINE void pass_rows(const K& key_source, const V& value_source, index_t b_, index_t h_,
                               const thin_pass& pass, index_t row) {
    constexpr index_t strip = std::min(8 / rows, 4), channels = strip * simd::width;
    const index_t head_dim = key_source.head_dim(), value_dim = value_source.head_dim();
    const index_t strips = pass.earlier.empty() ? 0 : (value_dim + channels - 1) / channels, keys = pass.keys.size();
    index_t done = 0;
    const auto add_strip = [&]() DOMINO_INLINE_LAMBDA {
        index_t c = done++ * channels;
        if (c + channels <= value_dim)
            return add_channels_of<rows, strip, skip_masked>(value_source, b_, h_, pass, row, c);
        for (; c + simd::width <= value_dim; c += simd::width)
            add_channels_of<rows, 1, skip_masked>(value_source, b_, h_, pass, row, c);
        if (c < value_dim) add_channels_of<rows, 1, skip_masked>(value_source, b_, h_, pass, row, c, value_dim - c);
    };
    const float* q = pass.q + row * head_dim;
    const bool prefetches = simd::on_intel();
    vector_cursor<V> values(value_source, b_, h_, pass.keys);
    constexpr index_t ahead = thin_ahead<typename K::element>;
    vector_cursor<K> later(key_source, b_, h_, {pass.keys.begin + ahead, std::min(pass.keys.end + ahead, pass.kv_len)});
    for_each_thin_run(key_source, b_, h_, pass.keys, pass.key_scratch, [&](auto run, index_t i) DOMINO_INLINE_LAMBDA {
        float* dots = pass.dots + i * panel;
        for (index_t j = 0; j < run.count; ++j, dots += panel) {
            simd::quad sums(0.f);
            if (run.first) sums = dot_vector<rows>(q, head_dim, run, j);
            if (row == 0) {  // whole registers, which a load can take before they are in L1
                simd::widen(sums).store_aligned(dots);
                const auto* value = values.next();
                if (prefetches) {
                    if (value) simd::prefetch(value, value_dim);
                    if (const auto* key = later.next()) simd::prefetch(key, head_dim);
                } else if (value) simd::touch(value, value_dim);
            } else simd::store_first<rows>(sums, dots + row);
            ++i;
            while (done * keys < strips * i) add_strip();
        }
    });
    while (done < strips) add_strip();
}

/// Makes a pass over head h_ of sources of keys and of values: 4, 2 and 1 rows at a time, of which the first meet the
/// memory and the others what lies in L1 then.
template <bool skip_masked, RowSource K, RowSource V>
void make_pass(const void* k, const void* v, index_t b_, index_t h_, const thin_pass& pass) {
    const K& key_source = *static_cast<const K*>(k);
    const V& value_source = *static_cast<const V*>(v);
    index_t row = 0;
    const auto advance = [&]<int rows>(std::integral_constant<int, rows>) {
        for (; row + rows <= pass.rows; row += rows)
            pass_rows<rows, skip_masked>(key_source, value_source, b_, h_, pass, row);
    };
    advance(std::integral_constant<int, 4>{});
    advance(std::integral_constant<int, 2>{});
    advance(std::integral_constant<int, 1>{});
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

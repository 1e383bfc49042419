// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two products for a panel of few rows (decoding, the last rows of a block): lanes run along head_dim, so that no
// lane is idle, and elements are converted in registers. What comes from memory is prefetched, K and V in turn, a few keys
// before its use, so that reading and arithmetic overlap. Scores and weights keep the layout [keys, panel].
#pragma once

#include <algorithm>
#include <cmath>

#include "domino/kernel/reader.hpp"
#include "domino/kernel/thin_prefetch.hpp"
#include "domino/simd/sum.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

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
    bool skip_masked;      ///< a weight of -0 contributes nothing, whatever the value is
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

/// dots[key * panel + r] = q[r] . key i + key of a run, for rows [rows, head_dim]: of `keys` keys at once, so that Q is read
/// once for them; few sums are made in two parts, so that they do not wait for each other. Where `whole`, registers are
/// written, which a load can take before they are in L1. Meanwhile the `next` lines are prefetched.
template <int rows, int keys, class T, class Walk>
DOMINO_NOINLINE Walk dot_vectors(const float* q, index_t head_dim, const row_run<T>& k, index_t i, bool whole,
                                 float* dots, Walk next) {
    // where rows may be read in order, by one key or by four, sums are made alike
    constexpr int parts = rows * keys < 8 || (registers == 32 && rows <= 2) ? 2 : 1;
    const T* key_rows[keys];
    simd::unroll<keys>([&](auto key) DOMINO_INLINE_LAMBDA { key_rows[key] = k.first + (i + key) * k.stride; });
    using sums_of_parts = simd::floats[keys][rows][parts];
    sums_of_parts sums;
    const auto each = [&](auto f) DOMINO_INLINE_LAMBDA {
        simd::unroll<keys>([&](auto key) DOMINO_INLINE_LAMBDA {
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA { f(key, r); });
        });
    };
    const auto clear = [&](sums_of_parts& of) DOMINO_INLINE_LAMBDA {
        each([&](auto key, auto r) DOMINO_INLINE_LAMBDA {
            simd::unroll<parts>([&](auto part) DOMINO_INLINE_LAMBDA { of[key][r][part] = simd::floats(0.f); });
        });
    };
    const auto sum_over = [&](index_t d, index_t end, sums_of_parts& of) DOMINO_INLINE_LAMBDA {
        const auto advance = [&](auto part, auto... n) DOMINO_INLINE_LAMBDA {
            simd::floats channels[keys];
            simd::unroll<keys>([&](auto key) DOMINO_INLINE_LAMBDA {
                channels[key] = load_some(key_rows[key] + d, n...);
                if constexpr (rows > 1) simd::keep(channels[key]);
            });
            simd::unroll<rows>([&](auto r) DOMINO_INLINE_LAMBDA {
                simd::floats row = load_some(q + r * head_dim + d, n...);
                if constexpr (keys > 1) simd::keep(row);
                simd::unroll<keys>([&](auto key) DOMINO_INLINE_LAMBDA {
                    of[key][r][part] = simd::fma(channels[key], row, of[key][r][part]);
                });
            });
            d += simd::width;
        };
        if constexpr (std::same_as<Walk, line_walk>) {
            // a line a step; of float32 in two parts that is every other one: where hardware prefetchers follow, all are slower
            constexpr int steps = std::max<int>(simd::line_bytes / sizeof(T) / simd::width, parts);
            while (d + steps * simd::width <= end) {
                simd::unroll<keys>([&](auto) DOMINO_INLINE_LAMBDA { next.prefetch_one(); });
                simd::unroll<steps>([&](auto step)
                                        DOMINO_INLINE_LAMBDA { advance(std::integral_constant<int, step % parts>{}); });
            }
        }
        while (d + parts * simd::width <= end) simd::unroll<parts>(advance);
        constexpr std::integral_constant<int, 0> first{};
        while (d + simd::width <= end) advance(first);
        if (d < end) advance(first, end - d);
    };
    clear(sums);
    const auto scale_of = [&](int key, index_t block) DOMINO_INLINE_LAMBDA {
        return simd::floats(k.scales[(i + key) * k.scale_stride + block]);
    };
    const bool one_scale = k.scale_block == head_dim;
    if (!std::same_as<T, std::int8_t> || one_scale) sum_over(0, head_dim, sums);
    else
        for (index_t begin = 0, block = 0; begin < head_dim; begin += k.scale_block, ++block) {
            sums_of_parts of_block;
            clear(of_block);
            sum_over(begin, begin + k.scale_block, of_block);
            each([&](auto key, auto r) DOMINO_INLINE_LAMBDA {
                simd::unroll<parts>([&](auto part) DOMINO_INLINE_LAMBDA {
                    sums[key][r][part] = simd::fma(of_block[key][r][part], scale_of(key, block), sums[key][r][part]);
                });
            });
        }
    const auto sum_of = [&](int key, int r) DOMINO_INLINE_LAMBDA {
        simd::floats sum = sums[key][r][0];
        for (int part = 1; part < parts; ++part) sum = sum + sums[key][r][part];
        if constexpr (std::same_as<T, std::int8_t>)
            if (one_scale) sum = sum * scale_of(key, 0);
        return sum;
    };
    // four registers are summed together: of as many keys as have so many rows
    constexpr int quad_rows = std::min(rows, 4), quad_keys = std::min(keys, 4 / quad_rows);
    simd::unroll<keys / quad_keys>([&](auto group) DOMINO_INLINE_LAMBDA {
        const auto sum = [&](int j, int beyond) DOMINO_INLINE_LAMBDA {
            return sum_of(group * quad_keys + j / quad_rows % quad_keys, beyond + j % quad_rows);
        };
        const simd::quad first = simd::sums_of_four(sum(0, 0), sum(1, 0), sum(2, 0), sum(3, 0));
        simd::unroll<quad_keys>([&](auto key) DOMINO_INLINE_LAMBDA {
            float* to = dots + (group * quad_keys + key) * panel;
            const simd::quad of_key = simd::repeat_lanes<key * quad_rows, quad_rows>(first);
            if (whole) simd::widen(of_key).store_aligned(to);
            else simd::store_first<quad_rows>(of_key, to);
        });
        if constexpr (rows == 8)
            simd::store_first<4>(simd::sums_of_four(sum(0, 4), sum(1, 4), sum(2, 4), sum(3, 4)),
                                 dots + group * panel + 4);
    });
    return next;
}

/// output[r] = output[r] * shrink[r] + the weighted sum of the pass's earlier values, for rows from `row` on and `strip`
/// registers of channels from c on (the first n channels of one). Where `skip_masked`, a weight of -0 contributes nothing.
/// Meanwhile the `next` lines are prefetched.
template <int rows, int strip, bool skip_masked, RowSource V, class Walk>
DOMINO_NOINLINE Walk add_channels_of(const V& value_source, index_t b_, index_t h_, const thin_pass& pass, index_t row,
                                     Walk next, index_t c, auto... n) {
    constexpr index_t line = simd::line_bytes / index_t{sizeof(typename V::element)};
    constexpr int lines{(strip * simd::width + line - 1) / line};
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
            simd::unroll<lines>([&](auto) DOMINO_INLINE_LAMBDA { next.prefetch_one(); });
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
    const index_t value_dim = value_source.head_dim();
    float* const output = pass.output + row * value_dim;
    const float* const shrink = pass.shrink + row;
    each([&](simd::floats sum, auto r, index_t first) DOMINO_INLINE_LAMBDA {
        float* at = output + r * value_dim + first;
        const simd::floats result = simd::fma(load_some(at, n...), simd::floats(shrink[r]), sum);
        if constexpr (sizeof...(n) == 0) result.store_unaligned(at);
        else {
            alignas(64) float lanes[simd::width];
            result.store_aligned(lanes);
            std::copy_n(lanes, n..., at);
        }
    });
    return next;
}

/// Registers of channels that so many rows sum at once. With 32 registers these are 8 to 24 sums; with 16 at most twelve, beside three
/// values and a weight, for few rows no more than a line of values; and eight of float32, where memory is the limit and other lines
/// are to come soon.
template <class T>
constexpr int thin_strip(int rows) {
    if (registers == 32) return rows == 8 ? 3 : rows <= 2 && std::same_as<T, float> ? 8 : 4;
    if (std::same_as<T, float>) return std::min(8 / rows, 4);
    constexpr int line{simd::line_bytes / index_t{sizeof(T)} / simd::width};
    return rows == 1 ? std::min(line, 8) : rows == 2 ? 4 : 3;
}

/// Calls f with the largest strip that is not more than `left` registers, which are some: of `most`, and of all sizes below or of four,
/// two and one.
template <int most, bool all_sizes, class F>
DOMINO_INLINE void take_strip(index_t left, F f) {
    constexpr int fewer = all_sizes ? most - 1 : most > 4 ? 4 : most > 2 ? 2 : 1;
    if constexpr (most > 1)
        if (left < most) return take_strip<fewer, all_sizes>(left, f);
    f(std::integral_constant<int, most>{});
}

/// The part of a pass that `rows` rows from `row` on have. Between keys some channels of the earlier values are summed.
template <int rows, bool in_order, RowSource K, RowSource V>
DOMINO_NOINLINE void pass_rows(const K& key_source, const V& value_source, index_t b_, index_t h_,
                               const thin_pass& pass, index_t row) {
    using TK = typename K::element;
    using TV = typename V::element;
    constexpr int strip = thin_strip<TV>(rows);
    const index_t head_dim = key_source.head_dim(), value_dim = value_source.head_dim();
    const index_t channels = pass.earlier.empty() ? 0 : value_dim, keys = pass.keys.size();
    const float* q = pass.q + row * head_dim;

    using plan = prefetch_plan<rows, TK, TV, in_order>;
    const plan prefetch(this_processor(), head_dim, value_dim);
    const bool first = row == 0;  // other rows meet what lies in cache then
    const auto ahead = [&](span tokens, index_t n) {
        const index_t end = first ? pass.kv_len : 0;
        return span{std::min(tokens.begin + n, end), std::min(tokens.end + n, end)};
    };
    const auto lines_ahead = [&](span tokens, index_t n) { return prefetch.by_line ? ahead(tokens, n) : span{0, 0}; };
    const lines_of<plan::key_lines> next_keys(key_source, b_, h_, lines_ahead(pass.keys, prefetch.keys));
    const lines_of<plan::value_lines> next_values(value_source, b_, h_,
                                                  lines_ahead(in_order ? pass.earlier : pass.keys, prefetch.values));
    auto key_walk = next_keys.walk();
    auto value_walk = next_values.walk();
    const auto prefetch_between = [&]<bool lines>(std::bool_constant<lines>, const auto& source, index_t n, index_t i,
                                                  index_t count) DOMINO_INLINE_LAMBDA {
        const auto tokens = [&] { return ahead({pass.keys.begin + i, pass.keys.begin + i + count}, n); };
        if constexpr (!lines) prefetch_vectors(source, b_, h_, tokens(), prefetch.into_l1);
        else if (!prefetch.by_line) prefetch_vectors_apart(source, b_, h_, tokens(), prefetch.into_l1);
    };

    index_t channels_done = 0;
    const auto add = [&]<bool skip_masked, int of_strip>(std::bool_constant<skip_masked>,
                                                         std::integral_constant<int, of_strip>, auto... n) {
        value_walk = add_channels_of<rows, of_strip, skip_masked>(value_source, b_, h_, pass, row, value_walk,
                                                                  channels_done, n...);
        channels_done = std::min(channels_done + of_strip * simd::width, value_dim);
    };
    const auto add_strip = [&] {
        const index_t left = (value_dim - channels_done) / simd::width;
        const auto add_as = [&]<bool skip_masked>(std::bool_constant<skip_masked> skip) {
            constexpr std::integral_constant<int, 1> one;
            if (left == 0) return add(skip, one, value_dim - channels_done);
            const auto add_some = [&](auto n) { add(skip, n); };
            if constexpr (skip_masked)  // which is rare: few sizes
                return left >= 4 ? add_some(std::integral_constant<int, 4>{}) : add_some(one);
            // 4 as 2 + 2: one register alone has too few sums for two units
            take_strip<strip, may_read_in_order<rows, TK, TV>>(strip == 3 && left == 4 ? 2 : left, add_some);
        };
        if (pass.skip_masked) add_as(std::true_type{});
        else add_as(std::false_type{});
    };
    for_each_thin_run(key_source, b_, h_, pass.keys, pass.key_scratch, [&](auto run, index_t keys_done) {
        float* dots = pass.dots + keys_done * panel + row;
        index_t j = 0;
        const auto advance = [&]<int at_once>(std::integral_constant<int, at_once>) {
            for (; j + at_once <= run.count; j += at_once, dots += at_once * panel) {
                prefetch_between(std::bool_constant<plan::key_lines>{}, key_source, prefetch.keys, keys_done, at_once);
                if (run.first) key_walk = dot_vectors<rows, at_once>(q, head_dim, run, j, first, dots, key_walk);
                else
                    for (int n = 0; n < at_once; ++n) std::fill_n(dots + n * panel, rows, 0.f);
                prefetch_between(std::bool_constant<plan::value_lines>{}, value_source, prefetch.values, keys_done,
                                 at_once);
                keys_done += at_once;
                while (channels_done * keys < channels * keys_done) add_strip();
            }
        };
        if constexpr (!in_order) {
            if constexpr (rows <= 2 || (rows == 4 && registers == 32))
                if (prefetch.fit(4, head_dim)) advance(std::integral_constant<int, 4>{});
            if (rows == 8 || (rows == 4 && registers == 16) || prefetch.fit(2, head_dim))
                advance(std::integral_constant<int, 2>{});
        }
        advance(std::integral_constant<int, 1>{});
    });
    while (channels_done < channels) add_strip();
}

/// Whether keys and values lie one behind the other for a while (pages are too short), and all channels of a value are summed at
/// once.
template <RowSource K, RowSource V>
bool are_streams(const K& keys, const V& values, index_t b_, index_t h_, const thin_pass& pass) {
    constexpr index_t least = 128;
    if (pass.keys.empty() || this_processor().near) return false;
    const index_t token = pass.keys.begin, value_dim = values.head_dim();
    const auto is_stream = [&](const auto& source) {
        const auto run = source.rows(b_, h_, token);
        return run.stride == source.head_dim() && run.count >= std::min(least, pass.kv_len - token);
    };
    return value_dim % simd::width == 0 && value_dim <= thin_strip<typename V::element>(1) * simd::width &&
           is_stream(keys) && is_stream(values);
}

/// Makes a pass over head h_ of sources of keys and of values: 8, 4, 2 and 1 rows at a time, of which the
/// first meet the memory and the others what lies in L1 then.
template <RowSource K, RowSource V>
void make_pass(const void* k, const void* v, index_t b_, index_t h_, const thin_pass& pass) {
    const K& key_source = *static_cast<const K*>(k);
    const V& value_source = *static_cast<const V*>(v);
    using TK = typename K::element;
    using TV = typename V::element;
    const bool in_order = may_read_in_order<1, TK, TV> && are_streams(key_source, value_source, b_, h_, pass);
    index_t row = 0;
    const auto advance = [&]<int rows>(std::integral_constant<int, rows>) {
        for (; row + rows <= pass.rows; row += rows) {
            if constexpr (may_read_in_order<rows, TK, TV>)
                if (in_order) {
                    pass_rows<rows, true>(key_source, value_source, b_, h_, pass, row);
                    continue;
                }
            pass_rows<rows, false>(key_source, value_source, b_, h_, pass, row);
        }
    };
    if constexpr (registers == 32) advance(std::integral_constant<int, 8>{});
    advance(std::integral_constant<int, 4>{});
    advance(std::integral_constant<int, 2>{});
    advance(std::integral_constant<int, 1>{});
}

/// Sources of K and V without their types: how a thin panel makes its passes, one call a tile.
struct thin_reader {
    const void *k = nullptr, *v = nullptr;
    index_t most_rows = 0;    ///< of a thin panel
    index_t value_bytes = 0;  ///< of an element
    void (*make)(const void*, const void*, index_t, index_t, const thin_pass&) = nullptr;

    thin_reader() = default;
    template <RowSource K, RowSource V>
    thin_reader(const K& keys, const V& values)
        : k(&keys),
          v(&values),
          most_rows(sizeof(typename K::element) < sizeof(float) ? thin_rows_of_narrow : thin_rows),
          value_bytes(sizeof(typename V::element)),
          make(make_pass<K, V>) {}
    /// Keys of a tile.
    index_t keys(index_t rows, index_t value_dim) const {
        return thin_keys(value_dim, value_bytes, rows, prefetches_into_l1());
    }
    void operator()(index_t b_, index_t h_, const thin_pass& pass) const { make(k, v, b_, h_, pass); }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

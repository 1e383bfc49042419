// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A source's rows as floats: where they lie if they are floats, evenly spaced; converted into scratch memory otherwise.
// The kernels know neither pages nor element types.
#pragma once

#include "domino/kernel/thin.hpp"
#include "domino/tensor/source.hpp"
#include "domino/tile/tile.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Vector i at first + i * stride.
struct float_rows {
    const float* first;
    index_t stride;
    float_rows from(index_t i) const { return {first + i * stride, stride}; }
};

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

/// The vectors of tokens `kv` of head h_; `scratch` has room for [kv.size(), head_dim].
template <RowSource S>
float_rows read_rows(const void* object, index_t b_, index_t h_, span kv, float* scratch) {
    const S& source = *static_cast<const S*>(object);
    using T = typename S::element;
    const index_t head_dim = source.head_dim();
    float* to = scratch;
    for (index_t token = kv.begin; token < kv.end;) {
        const row_run<T> run = source.rows(b_, h_, token);
        const index_t count = std::min(run.count, kv.end - token);
        if constexpr (std::same_as<T, float>)
            if (run.first && count == kv.size()) return {run.first, run.stride};
        for (index_t i = 0; i < count; ++i, to += head_dim)
            if (run.first) convert_row(run, i, head_dim, to);
            else std::fill_n(to, head_dim, 0.f);
        token += count;
    }
    return {scratch, head_dim};
}

/// Calls f(run, i, later) for the runs of tokens `kv`, i of them before it; `later` is where the vectors lie that come
/// thin_ahead bytes after, or, where none do, the run itself.
template <RowSource S, class F>
DOMINO_INLINE void for_each_row_run(const S& source, index_t b_, index_t h_, span kv, F f) {
    using T = typename S::element;
    const index_t ahead = thin_ahead / (source.head_dim() * index_t{sizeof(T)}) + 1;
    for (index_t token = kv.begin; token < kv.end;) {
        row_run<T> run = source.rows(b_, h_, token);
        run.count = std::min(run.count, kv.end - token);
        const T* later = token + ahead < source.len() ? source.rows(b_, h_, token + ahead).first : run.first;
        f(run, token - kv.begin, later);
        token += run.count;
    }
}

/// Calls f(run, later), with what cannot be converted in registers as floats in `scratch`, which has room for thin_keys
/// vectors.
template <class T, class F>
DOMINO_INLINE void with_elements(const row_run<T>& run, const T* later, index_t head_dim, float* scratch, F f) {
    if constexpr (std::same_as<T, std::int8_t>)
        if (!converts_in_registers(run, head_dim)) {
            for (index_t i = 0; i < run.count; ++i) convert_row(run, i, head_dim, scratch + i * head_dim);
            return f(row_run<float>{scratch, head_dim, run.count}, scratch);
        }
    f(run, later);
}

/// thin_dots() and thin_add_values() of a source's tokens `kv`, at most thin_keys.
template <RowSource S>
void thin_dots_with(const void* object, index_t b_, index_t h_, span kv, const float* q, index_t rows, float* dots,
                    float* scratch) {
    const S& source = *static_cast<const S*>(object);
    const index_t head_dim = source.head_dim();
    for_each_row_run(source, b_, h_, kv, [&](const auto& run, index_t i, const auto* later) DOMINO_INLINE_LAMBDA {
        float* to = dots + i * panel;
        if (!run.first) std::fill_n(to, run.count * panel, 0.f);
        else
            with_elements(run, later, head_dim, scratch,
                          [&](const auto& keys, const auto* next) { thin_dots(q, rows, head_dim, keys, next, to); });
    });
}
template <bool skip_masked, RowSource S>
void thin_add_values_of(const void* object, index_t b_, index_t h_, span kv, float* sums, index_t rows,
                        const float* weights, float* scratch) {
    const S& source = *static_cast<const S*>(object);
    const index_t head_dim = source.head_dim();
    for_each_row_run(source, b_, h_, kv, [&](const auto& run, index_t i, const auto* later) DOMINO_INLINE_LAMBDA {
        if (run.first)
            with_elements(run, later, head_dim, scratch, [&](const auto& values, const auto* next) {
                thin_add_values<skip_masked>(sums, rows, head_dim, weights + i * panel, values, next);
            });
    });
}

/// A source without its type: how its rows become floats, one call a tile; and how a thin panel meets them where they
/// lie, one call for a few.
struct row_reader {
    const void* source = nullptr;
    float_rows (*read)(const void*, index_t, index_t, span, float*) = nullptr;
    void (*thin_dots)(const void*, index_t, index_t, span, const float*, index_t, float*, float*) = nullptr;
    void (*thin_add_values[2])(const void*, index_t, index_t, span, float*, index_t, const float*, float*) = {};
    index_t batch = 0, heads = 0, len = 0, head_dim = 0;

    row_reader() = default;
    template <RowSource S>
    explicit row_reader(const S& s)
        : source(&s),
          read(read_rows<S>),
          thin_dots(thin_dots_with<S>),
          thin_add_values{thin_add_values_of<false, S>, thin_add_values_of<true, S>},
          batch(s.batch()),
          heads(s.heads()),
          len(s.len()),
          head_dim(s.head_dim()) {}
    float_rows operator()(index_t b_, index_t h_, span kv, float* scratch) const {
        return read(source, b_, h_, kv, scratch);
    }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

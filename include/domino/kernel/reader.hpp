// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A source's rows as floats: where they lie if they are floats, evenly spaced; converted into scratch memory otherwise.
// The kernels know neither pages nor element types. And where rows lie, for prefetching. (Not scales: they are few.)
#pragma once

#include <algorithm>

#include "domino/kernel/shape.hpp"
#include "domino/simd/convert.hpp"
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

/// Vector i at first + i * stride.
struct float_rows {
    const float* first;
    index_t stride;
    float_rows from(index_t i) const { return {first + i * stride, stride}; }
};

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

/// A stretch of memory; vectors that touch each other are one.
struct stretch {
    const char *begin, *end;
};
/// Where vectors lie that will be read, of a tile at most: behind the last stretch there is one that is null.
class stretches {
public:
    stretches() { clear(); }
    bool empty() const { return count_ == 0; }
    const stretch* begin() const { return all_; }
    const stretch* end() const { return all_ + count_; }

    void clear() {
        count_ = 0;
        all_[0] = {nullptr, nullptr};
    }
    template <class T>
    void add(const T* first, index_t n) {
        all_[count_++] = {reinterpret_cast<const char*>(first), reinterpret_cast<const char*>(first + n)};
        all_[count_] = {nullptr, nullptr};
    }
    /// n vectors, evenly spaced.
    template <class T>
    void add(const T* first, index_t dim, index_t stride, index_t n) {
        if (n > 0 && stride == dim) return add(first, n * dim);
        for (index_t i = 0; i < n; ++i) add(first + i * stride, dim);
    }
    /// The vectors of `tokens`, those that there are.
    template <RowSource S>
    void add(const S& source, index_t b_, index_t h_, span tokens) {
        while (tokens.begin < tokens.end) {
            const auto run = source.rows(b_, h_, tokens.begin);
            const index_t count = std::min(run.count, tokens.size());
            if (run.first) add(run.first, source.head_dim(), run.stride, count);
            tokens.begin += count;
        }
    }

private:
    stretch all_[kv_tile + 1];
    index_t count_ = 0;
};
template <RowSource S>
void add_stretches(const void* object, index_t b_, index_t h_, span kv, stretches& to) {
    to.add(*static_cast<const S*>(object), b_, h_, kv);
}

/// A source without its type: how its rows become floats, and where they lie, one call a tile.
struct row_reader {
    const void* source = nullptr;
    float_rows (*read)(const void*, index_t, index_t, span, float*) = nullptr;
    void (*add)(const void*, index_t, index_t, span, stretches&) = nullptr;
    index_t batch = 0, heads = 0, len = 0, head_dim = 0;

    row_reader() = default;
    template <RowSource S>
    explicit row_reader(const S& s)
        : source(&s),
          read(read_rows<S>),
          add(add_stretches<S>),
          batch(s.batch()),
          heads(s.heads()),
          len(s.len()),
          head_dim(s.head_dim()) {}
    float_rows operator()(index_t b_, index_t h_, span kv, float* scratch) const {
        return read(source, b_, h_, kv, scratch);
    }
    /// Adds where they lie.
    void locate(index_t b_, index_t h_, span kv, stretches& to) const { add(source, b_, h_, kv, to); }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

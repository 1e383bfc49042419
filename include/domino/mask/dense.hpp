// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks that come as tensors: bools, additive floats, bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// Decides tiles of values > least, for tables that keep no summary of their own.
template <std::size_t Rank>
struct above {
    shared<range_summary<float, Rank>> summary;
    float least;
    truth over(const auto& box, const auto&) const {
        real_interval all = real_interval::anything();
        std::array<interval, Rank> indices;
        const std::array<interval, 4> axes_of{box.b, box.h, box.q, box.kv};
        for (std::size_t i = 0; i < Rank; ++i) indices[i] = axes_of[4 - Rank + i];
        if (!summary || !summary->over(indices, all)) return truth::unknown();
        return box(op::greater{}, all, box.constant(least));
    }
};

}  // namespace detail

/// A mask that is a tensor: values(...) != 0, indexed by its last axes of (b, h, q, kv): [kv], [q, kv], [h, q, kv] or
/// [b, h, q, kv]. A stride of 0 broadcasts an axis.   (attnax explicit masks, torch attn_mask of bool, ONNX)
template <class T, std::size_t Rank>
auto dense(const table_view<T, Rank>& values) {
    static_assert(std::is_integral_v<T>,
                  "domino: dense(values) needs bools or integers; of an additive tensor write kept_by_bias");
    return is_true(by_last_axes(values));
}

/// What an additive tensor keeps: values(...) > least, where `least` is what it adds to hide, -inf or a finite stand-in.
/// Indexed as in dense.   (torch attn_mask of float, ggml)
template <std::size_t Rank>
auto kept_by_bias(const table_view<float, Rank>& values, float least = -std::numeric_limits<float>::infinity()) {
    const auto kept = by_last_axes(values) > least;
    if constexpr (Rank <= 2) return kept;
    else {
        using summary = detail::range_summary<float, Rank>;
        shared<summary> entries;
        if (!values.empty()) entries = shared(summary(values.data(), values.extents(), values.strides()));
        return sharpen(kept, detail::above<Rank>{entries, least});
    }
}

namespace detail {

/// A bit for each (b, h, q, kv); strides in bits.
struct bit_functor {
    const std::uint8_t* bytes;
    std::array<index_t, 4> extents, strides;
    domino::owner owner;

    bool at(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        const index_t i = offset(b_, h_, q_) + clamped(kv_, 3) * strides[3];
        return extents[3] > 0 && (bytes[i / 8] >> (i % 8) & 1) != 0;
    }
    std::uint64_t word(index_t count, index_t b_, index_t h_, index_t q_, index_t kv_) const {
        constexpr index_t loaded = 64;
        const index_t i = offset(b_, h_, q_) + kv_;
        std::uint64_t bits = 0;
        if (std::endian::native == std::endian::little && strides[3] == 1 && kv_ >= 0 && kv_ + count <= extents[3] &&
            i / 8 * 8 + loaded <= end()) {
            __builtin_memcpy(&bits, bytes + i / 8, sizeof(bits));
            bits >>= i % 8;
            if (i % 8 + count > loaded) bits |= std::uint64_t{bytes[i / 8 + 8]} << (loaded - i % 8);
            return bits;
        }
        for (index_t j = 0; j < count; ++j) bits |= std::uint64_t{at(b_, h_, q_, kv_ + j)} << j;
        return bits;
    }
    truth over(interval b_, interval h_, interval q_, interval kv_) const {
        const interval batch = clamped(b_, 0), heads = clamped(h_, 1), rows = clamped(q_, 2), keys = clamped(kv_, 3);
        constexpr index_t most_words = 1 << 13;
        const index_t row_words = (keys.hi - keys.lo) / (strides[3] == 1 ? 64 : 1) + 1;
        if (extents[3] == 0 || size(batch) * size(heads) * size(rows) * row_words > most_words) return truth::unknown();
        truth all{false, true};
        for (index_t i = batch.lo; i <= batch.hi; ++i)
            for (index_t j = heads.lo; j <= heads.hi; ++j)
                for (index_t row = rows.lo; row <= rows.hi; ++row) {
                    all = join(all, over_row(i, j, row, keys));
                    if (all == truth::unknown()) return all;
                }
        return all;
    }
    void inspect(interval b_, interval h_, interval q_, interval kv_, auto&) const {
        const std::array<interval, 4> box{b_, h_, q_, kv_};
        constexpr std::array<const char*, 4> names{"b", "h", "q", "kv"};
        for (std::size_t i = 0; i < 4; ++i)
            if ((strides[i] != 0 || extents[i] == 0) && (box[i].lo < 0 || box[i].hi >= extents[i]))
                fail("bits", "a bit for every " + std::string(names[i]) + " to " + std::to_string(box[i].hi),
                     std::to_string(extents[i]));
    }
    static auto words(const auto&... x) { return call_text("bits", x...); }

private:
    /// One more than the last bit.
    index_t end() const {
        index_t last = 0;
        for (std::size_t i = 0; i < 4; ++i) last += (extents[i] - 1) * strides[i];
        return last + 1;
    }
    static index_t size(interval x) { return x.hi - x.lo + 1; }
    index_t clamped(index_t i, std::size_t axis) const {
        return strides[axis] == 0 || extents[axis] == 0 ? 0 : interval{0, extents[axis] - 1}.nearest(i);
    }
    interval clamped(interval i, std::size_t axis) const { return {clamped(i.lo, axis), clamped(i.hi, axis)}; }
    index_t offset(index_t b_, index_t h_, index_t q_) const {
        return clamped(b_, 0) * strides[0] + clamped(h_, 1) * strides[1] + clamped(q_, 2) * strides[2];
    }
    truth over_row(index_t b_, index_t h_, index_t q_, interval keys) const {
        constexpr index_t most = 64;
        truth all{false, true};
        for (index_t key = keys.lo; key <= keys.hi && all != truth::unknown(); key += most) {
            const index_t count = smaller(keys.hi - key + 1, most);
            const std::uint64_t wanted = ~std::uint64_t{0} >> (most - count), bits = word(count, b_, h_, q_, key);
            all = join(all, truth{(bits & wanted) != 0, (~bits & wanted) == 0});
        }
        return all;
    }
};

}  // namespace detail

/// One bit a pair, in bytes from the low bit up: bit b * strides[0] + h * strides[1] + q * strides[2] + kv * strides[3].
/// Strides count bits and are not negative, 0 broadcasts. The bytes are not copied and must outlive the mask; `owner`, if
/// given, keeps them.
inline auto packed_bits(const std::uint8_t* bytes, std::array<index_t, 4> extents, std::array<index_t, 4> strides,
                        owner owner = {}) {
    const index_t size = detail::checked_size("packed_bits(bytes, extents, strides): extents", extents);
    for (const index_t stride : strides) detail::at_least(0, stride, "packed_bits(bytes, extents, strides): strides");
    if (!bytes && size > 0) detail::fail("packed_bits(bytes, extents, strides): bytes", "a buffer", "null");
    if (size == 0) extents[3] = 0;  // where no bit is looked for
    return call<detail::bit_functor, detail::b_t, detail::h_t, detail::q_t, detail::kv_t>(
        {bytes, extents, strides, std::move(owner)}, {}, {}, {}, {});
}

}  // namespace domino::inline DOMINO_ARCH

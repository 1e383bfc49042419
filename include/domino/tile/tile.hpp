// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tile of the score matrix, and the verdict of a mask on it.
#pragma once

#include <array>

#include "domino/domain/point.hpp"
#include "domino/domain/range.hpp"
#include "domino/domain/text.hpp"
#include "domino/expression/functor.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// Indices [begin, end); a single index i is [i, i + 1).
struct span {
    index_t begin = 0, end = 1;
    constexpr span() = default;
    constexpr span(index_t only) : begin(only), end(only + 1) {}
    constexpr span(index_t first, index_t last) : begin(first), end(last) {}
    constexpr index_t size() const { return end - begin; }
    constexpr bool empty() const { return end <= begin; }
    friend constexpr bool operator==(const span&, const span&) = default;
};

/// A box of the score matrix: {.b = 0, .h = 0, .q = {0, 128}, .kv = {128, 256}}. Positions, so q includes any offset.
struct tile {
    span b = 0, h = 0, q = 0, kv = 0;
    constexpr bool empty() const { return b.empty() || h.empty() || q.empty() || kv.empty(); }
    constexpr index_t pairs() const { return empty() ? 0 : b.size() * h.size() * q.size() * kv.size(); }
};

/// A tile cut in the middle of its longer side, q or kv.
constexpr std::array<tile, 2> halves(const tile& t) {
    std::array<tile, 2> out{t, t};
    const auto side = t.q.size() >= t.kv.size() ? &tile::q : &tile::kv;
    (out[0].*side).end = (out[1].*side).begin = (t.*side).begin + (t.*side).size() / 2;
    return out;
}

/// The score matrix: [batch, heads, q_len, kv_len].
struct mask_shape {
    index_t batch = 1, heads = 1, q_len = 0, kv_len = 0;
    constexpr tile all() const { return {{0, batch}, {0, heads}, {0, q_len}, {0, kv_len}}; }
};

namespace detail {

constexpr interval closed(span s) { return {s.begin, s.end - 1}; }
constexpr range as_range(const tile& t) { return {closed(t.b), closed(t.h), closed(t.q), closed(t.kv)}; }

}  // namespace detail

/// The mask's verdict on a tile, from intervals alone, in O(size of the expression): `empty` and `full` are proofs,
/// `partial` may be pessimistic. A tile without elements is empty. constexpr where the mask is.
template <MaskMod M>
constexpr tile_kind classify(const M& mask_mod, const tile& t) {
    return t.empty() ? tile_kind::empty : as_kind(evaluate(as_mask(mask_mod), detail::as_range(t)));
}

/// Whether the mask lets query position q see key position kv. constexpr where the mask is.
template <MaskMod M>
constexpr bool attends(const M& mask_mod, index_t b_, index_t h_, index_t q_, index_t kv_) {
    return evaluate(as_mask(mask_mod), point{b_, h_, q_, kv_});
}

/// A mask of plain integers with a bound: bound(tile) gives the tile's kind, and is trusted.
template <class F, class Bound>
requires std::is_invocable_r_v<tile_kind, const Bound&, const tile&>
constexpr auto scalar(F f, Bound bound) {
    static_assert(detail::IntegerMask<F>, "domino: scalar(f, bound) needs f(int b, int h, int q, int kv) -> bool");
    const auto as_truth = [bound](interval b_, interval h_, interval q_, interval kv_) {
        const tile_kind kind =
            bound(tile{{b_.lo, b_.hi + 1}, {h_.lo, h_.hi + 1}, {q_.lo, q_.hi + 1}, {kv_.lo, kv_.hi + 1}});
        return truth{kind != tile_kind::empty, kind == tile_kind::full};
    };
    using Functor = detail::integer_mask<F, std::remove_const_t<decltype(as_truth)>>;
    return call<Functor, detail::b_t, detail::h_t, detail::q_t, detail::kv_t>(Functor{std::move(f), as_truth}, {}, {},
                                                                              {}, {});
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two masks side by side: are they the same, does one keep all that the other keeps, and where do they part.
#pragma once

#include <algorithm>
#include <optional>
#include <tuple>

#include "domino/tile/inspect.hpp"

namespace domino::inline DOMINO_ARCH {

/// An element of the score matrix.
struct element {
    index_t b = 0, h = 0, q = 0, kv = 0;
    friend constexpr bool operator==(const element&, const element&) = default;
};

namespace detail {

/// Moves `first` to the first kept pair of `t` in row-major order that comes before it, if there is one. A tile that
/// ranges decide, or that comes after what was found, is not looked into.
template <Expression E>
void find_first(const E& expression, const tile& t, std::optional<element>& first) {
    const auto before_first = [&](index_t row, index_t key) {
        return !first || std::tie(row, key) < std::tie(first->q, first->kv);
    };
    if (t.empty() || !before_first(t.q.begin, t.kv.begin)) return;
    const truth verdict = evaluate(expression, as_range(t));
    if (!verdict.may) return;
    if (verdict.must) {
        first = element{t.b.begin, t.h.begin, t.q.begin, t.kv.begin};
        return;
    }
    if (t.pairs() <= few_pairs) {
        for (index_t row = t.q.begin; row < t.q.end; ++row)
            for (index_t key = t.kv.begin; key < t.kv.end; ++key)
                if (before_first(row, key) && evaluate(expression, point{t.b.begin, t.h.begin, row, key}))
                    first = element{t.b.begin, t.h.begin, row, key};
        return;
    }
    for (const tile& half : halves(t)) find_first(expression, half, first);
}

}  // namespace detail

/// The first pair that the mask keeps over `shape`, by (b, h, q, kv) in row-major order; nothing where it keeps none.
/// Stretches that ranges decide are not visited.
template <MaskMod M>
std::optional<element> first_kept(const M& mask_mod, const mask_shape& shape) {
    using E = mask_t<M>;
    const E& expression = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    std::optional<element> first;
    detail::for_each_slice<E>(shape, [&](const tile& slice) {
        detail::find_first(expression, slice, first);
        return !first;
    });
    return first;
}

/// What `compare` finds.
struct mask_comparison {
    std::optional<element> only_first;   ///< the first pair that the first mask keeps and the second does not
    std::optional<element> only_second;  ///< the first pair that the second mask keeps and the first does not
    bool equal() const { return !only_first && !only_second; }
    /// All that the first keeps the second keeps, too.
    bool first_implies_second() const { return !only_first; }
    bool second_implies_first() const { return !only_second; }
};

/// Compares two masks over `shape`: equal, one implied by the other, or the first counter-examples.
template <MaskMod X, MaskMod Y>
mask_comparison compare(const X& x, const Y& y, const mask_shape& shape) {
    return {first_kept(as_mask(x) && !as_mask(y), shape), first_kept(as_mask(y) && !as_mask(x), shape)};
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Second opinions on a tile. Interval arithmetic forgets that two terms belong to one index, as in kv % w and kv / w, or
// that one key's column is an interval though the hull of many is not; a mask may know better. Only the range domain
// listens, and only where the expression itself leaves a tile undecided.
#pragma once

#include <type_traits>

#include "domino/domain/interval.hpp"
#include "domino/error.hpp"
#include "domino/expression/functor.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {
/// visit_leaves is found where the visitor lives.
template <class E, class Visitor>
void visit_leaves_below(E& expression, Visitor& visitor) {
    visit_leaves(expression, visitor);
}
}  // namespace detail

/// A mask, and who is asked about its tiles: `sharpener.over(range, expression)` gives a sound truth. The indices are kept
/// so that substitution reaches the sharpener's too.
template <Expression E, class Sharpener, Expression... Indices>
struct sharpened : node {
    using value_type = value_t<E>;
    [[no_unique_address]] E expression;
    [[no_unique_address]] Sharpener sharpener;
    [[no_unique_address]] children<Indices...> indices;
    bool trusted = true;
    static constexpr axes depends_on = E::depends_on;
    constexpr sharpened(const E& e, const Sharpener& s, const Indices&... i)
        : expression(e), sharpener(s), indices(i...) {}
    template <class Domain>
    DOMINO_INLINE constexpr auto evaluate(const Domain& at) const {
        const auto value = domino::evaluate(expression, at);
        return indices.apply([&](const Indices&... i) DOMINO_INLINE_LAMBDA {
            if constexpr (!requires { at.sharpened(value, *this, domino::evaluate(i, at)...); }) {
                return value;
            } else if constexpr (std::is_same_v<decltype(value), const truth>) {
                return trusted ? at.sharpened(value, *this, domino::evaluate(i, at)...) : value;
            } else {
                auto rebuilt = at.sharpened(value, *this, domino::evaluate(i, at)...);
                rebuilt.trusted = trusted;
                return rebuilt;
            }
        });
    }
    /// What is known of a tile given by the mask's own indices.
    constexpr truth over(const auto& box) const { return sharpener.over(box, expression); }
    /// Whoever replaces a leaf makes the sharpener's knowledge stale: it is not asked any more.
    template <class Visitor>
    void visit_leaves(Visitor& visitor) {
        detail::visit_leaves_below(expression, visitor);
        trusted = false;
    }
};

namespace detail {

/// A sharpener with the expression that it was made for, which substitution has replaced.
template <Expression E, class Sharpener>
struct made_for {
    [[no_unique_address]] E expression;
    [[no_unique_address]] Sharpener sharpener;
    constexpr truth over(const auto& box, const auto&) const { return sharpener.over(box, expression); }
};
template <Expression E, class Sharpener>
constexpr auto bind(const Sharpener& sharpener, const E& expression) {
    return made_for<E, Sharpener>{expression, sharpener};
}
template <Expression E, class Sharpener, Expression F>
constexpr auto bind(const made_for<E, Sharpener>& bound, const F&) {
    return bound;
}

}  // namespace detail

/// `mask` with a second opinion on its tiles: `sharpener.over(range, expression)` gives a truth, which must be sound.
template <MaskMod M, class Sharpener>
constexpr auto sharpen(const M& mask_mod, const Sharpener& sharpener) {
    return sharpened<mask_t<M>, Sharpener, detail::b_t, detail::h_t, detail::q_t, detail::kv_t>(
        as_mask(mask_mod), sharpener, {}, {}, {}, {});
}

namespace detail {
template <Expression E>
struct equivalent {
    [[no_unique_address]] E expression;
    constexpr truth over(const auto& box, const auto&) const { return evaluate(expression, box); }
};
}  // namespace detail

/// `mask`, whose tiles are decided by `same`: another spelling of it, longer for each element and sharper for tiles.
template <MaskMod M, MaskMod Same>
constexpr auto decided_by(const M& mask_mod, const Same& same) {
    return sharpen(mask_mod, detail::equivalent<mask_t<Same>>{as_mask(same)});
}

/// Where an axis may be cut: last(box, i, hi) is the end of the piece of [i, hi] that begins at i, and pieces(size) how
/// many there may be of a stretch of that size.
namespace cut {

/// Nowhere.
struct nowhere {
    static constexpr index_t pieces(index_t) { return 1; }
    static constexpr index_t last(const auto&, index_t, index_t hi) { return hi; }
};
/// Before `stop`.
struct before {
    index_t stop;
    static constexpr index_t pieces(index_t) { return 2; }
    constexpr index_t last(const auto&, index_t i, index_t hi) const {
        return i < stop ? detail::smaller(stop - 1, hi) : hi;
    }
};
/// Before every multiple of `n`, at least 1.
struct every {
    index_t n;
    explicit constexpr every(index_t size = 1) : n(detail::at_least(1, size, "cut::every(n)")) {}
    constexpr index_t pieces(index_t size) const { return size / n + 1; }
    constexpr index_t last(const auto&, index_t i, index_t hi) const {
        return detail::smaller(hi, detail::floor_divide(i, n) * n + n - 1);
    }
};
/// Around whole lines of `n`: a part of a line, all whole lines together, a part of a line. In each of them i / n and
/// i % n are independent.
struct lines {
    index_t n, origin;
    explicit constexpr lines(index_t size, index_t first = 0)
        : n(detail::at_least(1, size, "cut::lines(n)")), origin(first) {}
    static constexpr index_t pieces(index_t) { return 3; }
    constexpr index_t last(const auto&, index_t i, index_t hi) const {
        const index_t line = detail::floor_divide(i - origin, n) * n + origin;
        const index_t end = detail::floor_divide(hi - origin + 1, n) * n + origin;  // of the last whole line
        return i == line && end > i ? end - 1 : detail::smaller(hi, line + n - 1);
    }
};
/// Where the entries of a table, [len] or [batch, len], change.
template <class Table>
struct changes {
    Table table;
    static constexpr index_t pieces(index_t size) { return size > 1024 ? size : 1; }
    index_t last(const auto& box, index_t i, index_t hi) const {
        index_t same = i;
        for (index_t step = 1; same < hi; step *= 2) {  // gallop while the entries are one, then narrow down
            index_t next = detail::smaller(same + step, hi);
            while (next > same && !constant(over(box, {i, next}))) next = same + (next - same) / 2;
            if (next == same) break;
            same = next;
        }
        return same;
    }

private:
    auto over(const auto& box, interval i) const {
        if constexpr (requires { table.over(i); }) return table.over(i);
        else return table.over(box.b, i);
    }
    static constexpr bool constant(truth x) { return x.may == x.must; }
    static constexpr bool constant(const auto& x) { return x.is_point(); }
};
template <class Table>
changes(Table) -> changes<Table>;

}  // namespace cut

namespace detail {

/// Asks the mask piece by piece, until both a kept and a masked pair may be there.
template <class QCut, class KVCut>
struct pieces {
    [[no_unique_address]] QCut q_cut;
    [[no_unique_address]] KVCut kv_cut;

    constexpr truth over(auto box, const auto& expression) const {
        constexpr index_t most_questions = 256, far = index_t{1} << 48;
        const interval rows = box.q, keys = box.kv;
        if (rows.lo < -far || rows.hi > far || keys.lo < -far || keys.hi > far) return truth::unknown();
        const index_t row_pieces = q_cut.pieces(rows.hi - rows.lo + 1),
                      key_pieces = kv_cut.pieces(keys.hi - keys.lo + 1);
        if (row_pieces > most_questions || key_pieces > most_questions || row_pieces * key_pieces > most_questions)
            return truth::unknown();
        truth all{false, true};
        index_t questions = most_questions;
        for (index_t row = rows.lo; row <= rows.hi; row = box.q.hi + 1) {
            box.q = {row, q_cut.last(box, row, rows.hi)};
            for (index_t key = keys.lo; key <= keys.hi; key = box.kv.hi + 1) {
                if (questions-- == 0) return truth::unknown();
                box.kv = {key, kv_cut.last(box, key, keys.hi)};
                const truth piece = evaluate(expression, box);
                all = join(all, piece);
                if (all == truth::unknown()) return all;
            }
        }
        return all;
    }
};

}  // namespace detail

/// `mask`, whose tiles are decided piece by piece where they are not decided as a whole.
template <MaskMod M, class QCut, class KVCut>
constexpr auto piecewise(const M& mask_mod, const QCut& q_cut, const KVCut& kv_cut) {
    return sharpen(mask_mod, detail::pieces<QCut, KVCut>{q_cut, kv_cut});
}
/// The same with both axes cut alike.
template <MaskMod M, class Cut>
constexpr auto piecewise(const M& mask_mod, const Cut& cut_both) {
    return piecewise(mask_mod, cut_both, cut_both);
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ids that may be blank, as tables: what the range domain knows of them with the blanks left out.
#pragma once

#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// The ids of a box of tokens: those that count lie between lo and hi, and there may be blanks beside them.
struct id_hull {
    index_t lo = interval::most, hi = interval::least;
    bool blank = false;
    friend constexpr id_hull join(id_hull x, id_hull y) {
        return {smaller(x.lo, y.lo), larger(x.hi, y.hi), x.blank || y.blank};
    }
    friend constexpr bool operator==(const id_hull&, const id_hull&) = default;
};
struct negative_is_blank {
    static constexpr id_hull of(index_t id) { return id < 0 ? id_hull{.blank = true} : id_hull{id, id}; }
    static constexpr bool may_be_in(interval ids) { return ids.lo < 0; }
};
struct zero_is_blank {
    static constexpr id_hull of(index_t id) { return id == 0 ? id_hull{.blank = true} : id_hull{id, id}; }
    static constexpr bool may_be_in(interval ids) { return ids.contains(0); }
};

/// Decides tiles of "equal ids, neither blank" with the blanks left out: their ids would widen a hull and meet each other.
template <class T, class U, std::size_t R, std::size_t S, class Blank>
class equal_ids {
public:
    equal_ids(const table_view<T, R>& q_ids, const table_view<U, S>& kv_ids) {
        if (!has_blanks(q_ids) && !has_blanks(kv_ids)) return;  // then their hulls are sharp already
        q_ids_ = summary<T, R>(q_ids), kv_ids_ = summary<U, S>(kv_ids);
    }

    truth over(const auto& box, const auto&) const {
        id_hull x, y;
        if (!q_ids_ || !kv_ids_ || !over(*q_ids_, box.b, box.q, x) || !over(*kv_ids_, box.b, box.kv, y))
            return truth::unknown();
        const bool may = x.lo <= y.hi && y.lo <= x.hi;
        return {may, may && x.lo == x.hi && y.lo == y.hi && !x.blank && !y.blank};
    }

private:
    template <class V, std::size_t Rank>
    using summary_of = range_summary<V, Rank, Blank>;
    template <class V, std::size_t Rank>
    static bool has_blanks(const table_view<V, Rank>& t) {
        const interval all{0, interval::most};
        if (t.empty()) return false;
        if constexpr (Rank == 1) return Blank::may_be_in(t.over(all));
        else return Blank::may_be_in(t.over(all, all));
    }
    template <class V, std::size_t Rank>
    static shared<summary_of<V, Rank>> summary(const table_view<V, Rank>& t) {
        if (t.empty()) return {};
        return shared(summary_of<V, Rank>(t.data(), t.extents(), t.strides()));
    }
    template <class V, std::size_t Rank>
    static bool over(const summary_of<V, Rank>& of, interval batch, interval i, id_hull& all) {
        if constexpr (Rank == 1) return of.over({i}, all);
        else return of.over({batch, i}, all);
    }
    shared<summary_of<T, R>> q_ids_;
    shared<summary_of<U, S>> kv_ids_;
};

}  // namespace detail

}  // namespace domino::inline DOMINO_ARCH

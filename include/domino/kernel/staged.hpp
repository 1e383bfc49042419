// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The look-ups by pair of a score mod: their entries are read along the keys before the scores come, and wait in memory, rows in
// lanes, until the score mod is evaluated.
#pragma once

#include "domino/expression/substitute.hpp"
#include "domino/kernel/by_key.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// A look-up of a score mod whose entries wait in memory.
template <Expression E>
struct staged : node {
    using value_type = value_t<E>;
    E lookup;
    index_t slot;
    static constexpr axes depends_on = E::depends_on;
    staged(const E& e, index_t s) : lookup(e), slot(s) {}
    template <class Domain>
    DOMINO_INLINE auto evaluate(const Domain& at) const {
        if constexpr (requires { at.staged(*this); }) return at.staged(*this);
        else return domino::evaluate(lookup, at);  // below another one
    }
};

/// The domain of expressions whose look-ups by pair are staged.
struct staging : substitution<> {
    mutable index_t slots = 0;

    template <class Table, Expression... Indices>
    auto lookup(const Table& table, const Indices&... index) const {
        using E = domino::lookup<Table, Indices...>;
        if constexpr (E::by_pair) return staged<E>(E(table, index...), slots++);
        else return E(table, index...);
    }
    void sharpened(const auto&...) const = delete;  // sharpeners are dropped: only the range domain asks them
};

/// The score mod as the kernel evaluates it: itself where nothing is looked up by pair.
template <Expression E>
decltype(auto) stage(const E& score_mod) {
    if constexpr (depends_on<E>(axes::pairs)) return evaluate(score_mod, staging{});
    else return (score_mod);
}

/// The range domain without what would take long to look up: more than one row of a table.
struct quick_range : range {
    auto lookup(const auto& table, auto... index) const {
        using entry = typename std::remove_cvref_t<decltype(table)>::entry;
        constexpr std::size_t last = sizeof...(index) - 1;
        const interval at[] = {index...};
        for (std::size_t i = 0; i < last; ++i)
            if (!at[i].is_point()) return anything(entry{});
        return range::lookup(table, index...);
    }

private:
    static truth anything(bool) { return truth::unknown(); }
    static interval anything(index_t) { return {interval::least, interval::most}; }
    static real_interval anything(float) { return real_interval::anything(); }
};

/// The domain in which a score mod has no value, but its look-ups write theirs.
struct write_staged {
    const panel_rows& rows;
    span keys;
    float* out;

    struct nothing {};
    nothing b = {}, h = {}, q = {}, kv = {}, score = {};
    nothing constant(auto) const { return {}; }
    nothing operator()(auto, auto...) const { return {}; }
    nothing lookup(const auto&, auto...) const { return {}; }
    nothing call(const auto&, auto...) const { return {}; }
    template <Expression E>
    nothing staged(const kernel::staged<E>& of) const {
        if (of.slot >= most_staged) return {};
        float* to = out + of.slot * kv_tile * panel;
        if constexpr (std::same_as<value_t<E>, float>) {  // far keys often share one entry
            tile box = rows.box;
            box.kv = keys;
            const real_interval all = evaluate(of.lookup, quick_range{domino::detail::as_range(box)});
            if (all.is_point() && all.lo != 0.f) {  // of 0 and -0 both may be there
                std::fill_n(to, keys.size() * panel, all.lo);
                return {};
            }
        }
        write_values(of.lookup, rows, keys, to);
        return {};
    }
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

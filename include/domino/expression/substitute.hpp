// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Substitution is evaluation in a domain whose values are expressions. Composition, offsets and shards are all this.
#pragma once

#include "domino/expression/functor.hpp"
#include "domino/expression/sharpen.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// The domain of expressions: each placeholder is an expression, each operator builds its node again.
template <Expression B = detail::b_t, Expression H = detail::h_t, Expression Q = detail::q_t,
          Expression KV = detail::kv_t, Expression Score = detail::score_t>
struct substitution {
    B b{};
    H h{};
    Q q{};
    KV kv{};
    Score score{};

    template <class T>
    static constexpr auto constant(T value) {
        return domino::constant<T>(value);
    }
    template <class Op, Expression... Xs>
    constexpr auto operator()(Op, const Xs&... x) const {
        return operation<Op, Xs...>(x...);
    }
    constexpr auto lookup(const auto& table, const auto&... index) const { return table(index...); }
    template <Expression E, Expression... Xs>
    constexpr auto sharpened(const E& e, const auto& original, const Xs&... x) const {
        const auto sharpener = detail::bind(original.sharpener, original.expression);
        return domino::sharpened<E, std::remove_const_t<decltype(sharpener)>, Xs...>(e, sharpener, x...);
    }
    template <class Functor, Expression... Xs>
    constexpr auto call(const Functor& functor, const Xs&... x) const {
        return domino::call<Functor, Xs...>(functor, x...);
    }
};

/// `mask` with other expressions in the places of q and kv: with_indices(causal, kv, q) is q <= kv.
template <MaskMod M, Expression Q, Expression KV>
constexpr auto with_indices(const M& mask_mod, const Q& for_q, const KV& for_kv) {
    return evaluate(as_mask(mask_mod), substitution<detail::b_t, detail::h_t, Q, KV>{{}, {}, for_q, for_kv, {}});
}

/// `mask` with q + dq in the place of q and kv + dkv in the place of kv: a shard, or a chunk of a longer sequence.
template <MaskMod M, Operand DQ>
constexpr auto offset(const M& mask_mod, const DQ& dq) {
    return with_indices(mask_mod, q + dq, kv);
}
template <MaskMod M, Operand DQ, Operand DKV>
constexpr auto offset(const M& mask_mod, const DQ& dq, const DKV& dkv) {
    return with_indices(mask_mod, q + dq, kv + dkv);
}

/// The score unchanged.
constexpr auto compose() { return score; }
/// Score mods left to right: compose(s1, s2) puts s1 in the place of `score` in s2 (attnax compose_score_mods).
template <ScoreMod First>
constexpr auto compose(const First& first) {
    return as_score_mod(first);
}
template <ScoreMod First, ScoreMod Second, ScoreMod... Rest>
constexpr auto compose(const First& first, const Second& second, const Rest&... rest) {
    const auto inner = as_score_mod(first);
    using Inner = std::remove_const_t<decltype(inner)>;
    const auto both =
        evaluate(as_score_mod(second),
                 substitution<detail::b_t, detail::h_t, detail::q_t, detail::kv_t, Inner>{{}, {}, {}, {}, inner});
    return compose(both, rest...);
}

}  // namespace domino::inline DOMINO_ARCH

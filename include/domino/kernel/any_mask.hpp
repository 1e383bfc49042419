// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask whose type is forgotten, for engines that read their layers at run time and for tests that build trees.
#pragma once

#include <cstdint>
#include <memory>

#include "domino/domain/text.hpp"
#include "domino/expression/known.hpp"
#include "domino/expression/leaves.hpp"
#include "domino/kernel/key_bits.hpp"
#include "domino/tile/inspect.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

using rows_in_lanes = lanes<index_t, consecutive>;

/// One bit a row, one word a key: sets the bits of what a mask keeps, the first row's in place `bit`. At most 64 rows.
template <Expression E>
void set_bits(const E& expression, const tile& t, index_t bit, std::uint64_t* keys) {
    if constexpr (depends_on<E>(axes::pairs))
        if (t.kv.end >= key_words::size)
            return for_each_key_bits<64>(
                expression, t.q.size(), t.kv,
                [&](index_t i, index_t key) {
                    return key_words{t.b.begin, t.h.begin, t.q.begin + i, {key}};
                },
                [&](index_t j, std::uint64_t bits) { keys[j] |= bits << bit; });
    for (index_t row = t.q.begin; row < t.q.end; row += simd::width, bit += simd::width) {
        rows_in_lanes at{t.b.begin, t.h.begin, {row}, 0, {}, smaller(t.q.end - row, simd::width)};
        const auto of_rows = knowing_all_but<axes::kv>(expression, [&](const auto& e) { return evaluate(e, at); });
        const std::uint64_t there = ~std::uint64_t{0} >> (64 - at.live);
        for (at.kv = t.kv.begin; at.kv < t.kv.end; ++at.kv)
            keys[at.kv - t.kv.begin] |= (simd::to_bits(spread(evaluate(of_rows, at))) & there) << bit;
    }
}

}  // namespace detail

/// Any mask mod, type-erased: `any_mask m = causal;  if (windowed) m = m && last_n(1024);`. It is itself an expression
/// and composes like any other; the kernel calls it once a tile. Copies share the mask.
class any_mask {
public:
    /// The mask itself.
    template <class M>
    requires(!std::same_as<M, any_mask> && MaskMod<M>)
    any_mask(const M& mask_mod)
        : leaf_(erased{std::make_shared<model<mask_t<M>>>(as_mask(mask_mod))}, {}, {}, {}, {}) {}

    template <class M>
    requires(!std::same_as<M, any_mask> && !MaskMod<M> && (Operand<M> || ScoreMod<M>))
    any_mask(const M&) = delete;  // domino: not a mask mod: a truth value over b, h, q, kv, as in kv <= q

    using value_type = bool;
    static constexpr axes depends_on = axes::b | axes::h | axes::q | axes::kv | axes::blocks;
    template <class Domain>
    auto evaluate(const Domain& at) const {
        return leaf_.evaluate(at);
    }

    /// The mask's own leaves.
    void visit_leaves(detail::leaf_visitor& visitor) { leaf_.functor.visit_leaves(visitor); }

    /// Sets bits of at most 64 rows of one (b, h): bit + i of keys[j] where row t.q.begin + i sees key t.kv.begin + j. The mask's
    /// integers must fit 32 bits.
    void set_bits(const tile& t, index_t bit, std::uint64_t* keys) const { leaf_.functor.mask->set_bits(t, bit, keys); }

    /// for_each_run of the mask: its tiles are asked about without a call for each.
    template <class Visit>
    void for_each_run(const tile& rows, index_t grain, Visit&& visit) const {
        leaf_.functor.mask->for_each_run(rows, grain, {&visit, [](void* to, const run& r) {
                                                           (*static_cast<std::remove_reference_t<Visit>*>(to))(r);
                                                       }});
    }

private:
    struct run_visitor {
        void* object;
        void (*visit)(void*, const run&);
        void operator()(const run& r) const { visit(object, r); }
    };
    struct concept_ {
        virtual ~concept_() = default;
        virtual bool at(const point&) const = 0;
        virtual simd::bools at(const detail::rows_in_lanes&) const = 0;
        virtual truth over(const range&) const = 0;
        virtual text words(const writer&) const = 0;
        virtual void inspect(const range&, detail::integers&) const = 0;
        virtual void set_bits(const tile&, index_t, std::uint64_t*) const = 0;
        virtual void for_each_run(const tile&, index_t, run_visitor) const = 0;
        virtual std::shared_ptr<const concept_> visited(detail::leaf_visitor&) const = 0;
    };
    template <Expression E>
    struct model final : concept_ {
        explicit model(const E& e) : expression(e) {}
        bool at(const point& p) const override { return domino::evaluate(expression, p); }
        simd::bools at(const detail::rows_in_lanes& rows) const override {
            return detail::spread(domino::evaluate(expression, rows));
        }
        truth over(const range& r) const override { return domino::evaluate(expression, r); }
        text words(const writer& names) const override { return domino::evaluate(expression, names); }
        void inspect(const range& r, detail::integers& seen) const override {
            domino::evaluate(expression, detail::inspection{r, &seen});
        }
        void set_bits(const tile& t, index_t bit, std::uint64_t* keys) const override {
            detail::set_bits(expression, t, bit, keys);
        }
        void for_each_run(const tile& rows, index_t grain, run_visitor visit) const override {
            domino::for_each_run(expression, rows, grain, visit);
        }
        std::shared_ptr<const concept_> visited(detail::leaf_visitor& visitor) const override {
            const auto copy = std::make_shared<model>(*this);
            detail::visit_leaves(copy->expression, visitor);
            return copy;
        }
        E expression;
    };
    struct erased {
        std::shared_ptr<const concept_> mask;
        void visit_leaves(detail::leaf_visitor& visitor) {
            visitor.enter("mask");
            mask = mask->visited(visitor);
            visitor.leave();
        }
        bool at(index_t b_, index_t h_, index_t q_, index_t kv_) const { return mask->at(point{b_, h_, q_, kv_}); }
        simd::bools in_lanes(index_t live, index_t b_, index_t h_, consecutive q_, index_t kv_) const {
            return mask->at(detail::rows_in_lanes{b_, h_, q_, kv_, {}, live});
        }
        truth over(interval b_, interval h_, interval q_, interval kv_) const { return mask->over({b_, h_, q_, kv_}); }
        void inspect(interval b_, interval h_, interval q_, interval kv_, detail::integers& seen) const {
            mask->inspect({b_, h_, q_, kv_}, seen);
        }
        text words(const text& b_, const text& h_, const text& q_, const text& kv_) const {
            return mask->words({b_, h_, q_, kv_});
        }
    };
    call<erased, detail::b_t, detail::h_t, detail::q_t, detail::kv_t> leaf_;
};

}  // namespace domino::inline DOMINO_ARCH

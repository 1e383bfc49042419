// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask whose type is forgotten, for engines that read their layers at run time and for tests that build trees.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "domino/domain/text.hpp"
#include "domino/expression/known.hpp"
#include "domino/expression/leaves.hpp"
#include "domino/tile/check.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// One bit a row, one word a key: sets the bits of what a mask keeps, the first row's in place `bit`. Most of a tile is decided
/// by ranges; the rest, and data by pair, of which these would read as much, point by point.
template <Expression E>
constexpr void set_bits(const E& expression, const tile& t, index_t bit, std::uint64_t* keys) {
    constexpr index_t few = 8;
    const index_t rows = t.q.size();
    if constexpr (!depends_on<E>(axes::pairs)) {
        const truth verdict = evaluate(expression, as_range(t));
        if (!verdict.may) return;
        if (verdict.must) {
            const std::uint64_t all = ~std::uint64_t{0} >> (64 - rows) << bit;
            for (index_t j = 0; j < t.kv.size(); ++j) keys[j] |= all;
            return;
        }
        if (rows > few || t.kv.size() > few) {
            tile first = t, second = t;
            if (t.kv.size() > rows) {
                first.kv.end = second.kv.begin = t.kv.begin + t.kv.size() / 2;
                set_bits(expression, first, bit, keys);
                set_bits(expression, second, bit, keys + first.kv.size());
            } else {
                first.q.end = second.q.begin = t.q.begin + rows / 2;
                set_bits(expression, first, bit, keys);
                set_bits(expression, second, bit + rows / 2, keys);
            }
            return;
        }
    }
    for (index_t j = 0; j < t.kv.size(); ++j) {
        point at{t.b.begin, t.h.begin, 0, t.kv.begin + j};
        const auto of_row = knowing_all_but<axes::q>(expression, [&](const auto& e) { return evaluate(e, at); });
        for (index_t i = 0; i < rows; ++i) {
            at.q = t.q.begin + i;
            keys[j] |= std::uint64_t{evaluate(of_row, at)} << (bit + i);
        }
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
    any_mask(const M& mask_mod) : leaf_(erased{std::make_shared<model<mask_t<M>>>(mask(mask_mod))}, {}, {}, {}, {}) {}

    using value_type = bool;
    static constexpr axes depends_on = axes::b | axes::h | axes::q | axes::kv;
    template <class Domain>
    auto evaluate(const Domain& at) const {
        return leaf_.evaluate(at);
    }

    /// The mask's own leaves.
    void visit_leaves(detail::leaf_visitor& visitor) { leaf_.functor.visit_leaves(visitor); }

    /// Sets bits of at most 64 rows of one (b, h): bit + i of keys[j] where row t.q.begin + i sees key t.kv.begin + j.
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
        bool at(index_t b_, index_t h_, index_t q_, index_t kv_) const { return mask->at({b_, h_, q_, kv_}); }
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

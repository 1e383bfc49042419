// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask whose type is forgotten, for engines that read their layers at run time and for tests that build trees.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "domino/domain/text.hpp"
#include "domino/expression/leaves.hpp"
#include "domino/tile/check.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

/// One bit a row, one word a key: what a mask keeps of at most 64 rows.
template <Expression E>
constexpr void fill_bits(const E& expression, const tile& t, std::uint64_t* keys) {
    for (index_t key = t.kv.begin; key < t.kv.end; ++key) {
        std::uint64_t rows = 0;
        for (index_t row = t.q.begin; row < t.q.end; ++row)
            rows |= std::uint64_t{evaluate(expression, point{t.b.begin, t.h.begin, row, key})} << (row - t.q.begin);
        keys[key - t.kv.begin] = rows;
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

    /// Bits of at most 64 rows of one (b, h): bit i of keys[j] is row t.q.begin + i, key t.kv.begin + j.
    void fill_bits(const tile& t, std::uint64_t* keys) const { leaf_.functor.mask->fill_bits(t, keys); }

private:
    struct concept_ {
        virtual ~concept_() = default;
        virtual bool at(const point&) const = 0;
        virtual truth over(const range&) const = 0;
        virtual text words(const writer&) const = 0;
        virtual void inspect(const range&, detail::integers&) const = 0;
        virtual void fill_bits(const tile&, std::uint64_t*) const = 0;
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
        void fill_bits(const tile& t, std::uint64_t* keys) const override { detail::fill_bits(expression, t, keys); }
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

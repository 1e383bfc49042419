// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One call of attention with everything it needs: tensors, options, and the same problem told to the oracle.
#pragma once

#include <domino/compiled_elsewhere.hpp>
#include <functional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "compare.hpp"
#include "inputs.hpp"
#include "reference.hpp"

namespace call {

using reference::index_t;

struct shape {
    index_t batch = 1, heads = 1, kv_heads = 1, q_len = 1, kv_len = 1, head_dim = 8, value_dim = 8;
};

inline std::ostream& operator<<(std::ostream& out, const shape& s) {
    return out << "B=" << s.batch << " H=" << s.heads << " Hk=" << s.kv_heads << " S=" << s.q_len << " T=" << s.kv_len
               << " D=" << s.head_dim << " Dv=" << s.value_dim;
}

struct layouts {
    inputs::layout q{}, k{}, v{}, o{};
};

/// A score mod whose type is forgotten, so that one kernel runs many.
inline auto any_score(std::function<float(float score, int b, int h, int q, int kv)> f) {
    return domino::scalar(std::move(f));
}

/// Domino's view of a test tensor.
inline domino::tensor_view<const float> in(const inputs::tensor& t) { return {t.data(), t.extents, t.strides}; }
inline domino::tensor_view<float> out(inputs::tensor& t) { return {t.data(), t.extents, t.strides}; }

struct problem {
    shape s;
    inputs::tensor q, k, v, o, lse;
    index_t q_offset = 0;
    std::vector<index_t> kv_lengths;
    float scale;
    std::function<bool(index_t, index_t, index_t, index_t)> keep;
    std::function<double(double, index_t, index_t, index_t, index_t)> score;

    explicit problem(shape extents, layouts how = {})
        : s(extents),
          q(inputs::make({s.batch, s.heads, s.q_len, s.head_dim}, how.q)),
          k(inputs::make({s.batch, s.kv_heads, s.kv_len, s.head_dim}, how.k)),
          v(inputs::make({s.batch, s.kv_heads, s.kv_len, s.value_dim}, how.v)),
          o(inputs::make({s.batch, s.heads, s.q_len, s.value_dim}, how.o)),
          lse(inputs::make({s.batch, s.heads, s.q_len, 1})),
          scale(1.0f / std::sqrt(static_cast<float>(s.head_dim))) {}

    problem& fill(inputs::random& r, double sigma = 1.0) {
        q.fill(r, inputs::normal(sigma));
        k.fill(r, inputs::normal());
        v.fill(r, inputs::normal());
        return *this;
    }

    reference::problem told() const {
        reference::problem p;
        p.q = q.view(), p.k = k.view(), p.v = v.view();
        p.mask = keep;
        p.score = score;
        p.scale = static_cast<double>(scale);
        p.q_offset = q_offset;
        p.kv_lengths = kv_lengths;
        return p;
    }

    /// Runs the library into `o` and `lse`.
    template <class Mask, class Score, class Executor = domino::serial_executor>
    void run(const Mask& mask, const Score& score_mod, const Executor& executor = {}) {
        domino::attention(
            in(q), in(k), in(v), out(o), mask, score_mod,
            {.scale = scale, .lse = lse.data(), .q_offset = q_offset, .kv_lengths = kv_lengths, .executor = executor});
    }

    /// The output, row after row.
    std::vector<float> output() {
        std::vector<float> flat;
        o.each([&](float& x) { flat.push_back(x); });
        lse.each([&](float& x) { flat.push_back(x); });
        return flat;
    }

    /// What differs from the oracle, or nothing.
    std::string difference(compare::bound bound = {}) {
        const auto expected = reference::attention(told());
        const auto values = compare::output(expected, o.view(), bound);
        const auto sums = compare::lse(expected, lse.data(), lse.extents, bound);
        worst_share = std::max(values.share, sums.share);
        worst_units = values.units;
        std::ostringstream text;
        if (!values)
            text << "output " << values.worst << " error/(uA)=" << values.units << " of the bound: " << values.share;
        if (!sums) text << " lse " << sums.worst << " of the bound: " << sums.share;
        return text.str();
    }
    double worst_share = 0, worst_units = 0;
};

}  // namespace call

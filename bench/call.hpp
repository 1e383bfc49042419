// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call of attention with tensors of random numbers.
#pragma once

#include "inputs.hpp"

namespace bench {

/// The tensors of a call. The queries stand at the last q_len positions.
struct shape {
    index_t head_dim = 0, q_len = 0, kv_len = 0;
    index_t value_dim = 0;  ///< 0: head_dim
    index_t batch = 1, heads = 1, kv_heads = 1;
};

/// K and V in pages of 16 tokens, as many as divide kv_len, in random order; a page has the vectors of all heads.
template <class T>
struct pages_of {};
template <class T>
struct element_of : std::type_identity<T> {};
template <class T>
struct element_of<pages_of<T>> : std::type_identity<T> {};

/// What a row calls: a mask and a score mod, or makers of them for a length; the elements of Q, and of K and V.
template <class Mask, class Score, class TQ, class T>
struct attention_call {
    Mask mask;
    Score score;
    domino::executor_ref threads;
};
template <class TQ = float, class T = TQ, class Mask, class Score = decltype(domino::score)>
attention_call<Mask, Score, TQ, T> with(const Mask& mask, const Score& score_mod = domino::score,
                                        domino::executor_ref threads = {}) {
    return {mask, score_mod, threads};
}

/// A call with its tensors: runs when it is called.
template <class Mask, class Score, class TQ, class T>
class prepared {
    using element = typename element_of<T>::type;

public:
    prepared(const attention_call<Mask, Score, TQ, T>& c, shape s)
        : value_dim_(s.value_dim ? s.value_dim : s.head_dim),
          mask_(made_for(c.mask, s.kv_len)),
          score_(made_for(c.score, s.kv_len)),
          q_(s.batch * s.heads * s.q_len * s.head_dim),
          k_(s.batch * s.kv_heads * s.kv_len * s.head_dim),
          v_(s.batch * s.kv_heads * s.kv_len * value_dim_),
          o_(s.batch * s.heads * s.q_len * value_dim_),
          scales_(static_cast<std::size_t>(s.batch * s.kv_heads * s.kv_len), 1.f / 127.f),
          Q_(domino::bhsd(q_.data(), s.batch, s.heads, s.q_len, s.head_dim)),
          K_(domino::bhsd(k_.data(), s.batch, s.kv_heads, s.kv_len, s.head_dim)),
          V_(domino::bhsd(v_.data(), s.batch, s.kv_heads, s.kv_len, value_dim_)),
          O_(domino::bhsd(o_.data(), s.batch, s.heads, s.q_len, value_dim_)),
          block_table_(shuffled(s.batch * s.kv_len / page_size)),
          options_{.q_offset = s.kv_len - s.q_len, .executor = c.threads} {}

    void operator()() const { domino::attention(Q_, source(K_), source(V_), O_, mask_, score_, options_); }
    const domino::tensor_view<float>& output() const { return O_; }

    /// Prefill is not held against the reads: they are few there.
    bench::work work() const {
        const index_t rows = Q_.batch() * Q_.heads() * Q_.len(), dims = Q_.head_dim() + value_dim_;
        const index_t visible =
            domino::stats(domino::offset(mask_, options_.q_offset), {Q_.batch(), Q_.heads(), Q_.len(), K_.len()})
                .visible;
        const index_t read = std::min(K_.len(), visible / rows + Q_.len());  // keys that any query sees
        const double bytes =
            double(K_.batch() * K_.heads() * read * dims) * sizeof(element) + double(rows * dims) * 4.0;
        return {attention_flops(visible, Q_.head_dim(), value_dim_), Q_.len() < K_.len() ? bytes : 0.0,
                options_.executor.concurrency()};
    }

private:
    static constexpr index_t page_size = 16;

    auto source(const domino::tensor_view<const element>& view) const {
        if constexpr (std::is_same_v<T, std::int8_t>) {
            return domino::quantized_view{view,
                                          domino::bhsd(scales_.data(), view.batch(), view.heads(), view.len(), 1)};
        } else if constexpr (!std::is_same_v<T, element>) {
            const index_t pages = view.len() / page_size;
            return domino::paged_view<element>{
                domino::bhsd(view.data, view.batch() * pages, view.heads(), page_size, view.head_dim()),
                block_table_.data(), pages, view.batch(), view.len()};
        } else {
            return view;
        }
    }

    index_t value_dim_;
    made_t<Mask> mask_;
    made_t<Score> score_;
    elements<TQ> q_;
    elements<element> k_, v_;
    elements<float> o_;
    std::vector<float> scales_;
    domino::tensor_view<const TQ> Q_;
    domino::tensor_view<const element> K_, V_;
    domino::tensor_view<float> O_;
    std::vector<std::int32_t> block_table_;
    domino::attention_options options_;
};

}  // namespace bench

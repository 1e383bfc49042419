// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The call: attention(Q, K, V, O, mask, score_mod, options).
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <numbers>
#include <optional>
#include <span>

#include "domino/kernel/run.hpp"
#include "domino/mask/causal.hpp"
#include "domino/tensor/check.hpp"

namespace domino::inline DOMINO_ARCH {

/// Options of a call, as designated initializers: {.scale = 0.125f, .lse = L, .q_offset = T - S}.
struct attention_options {
    /// Factor of the dot products; 1 / sqrt(head_dim) where not given. Finite.
    std::optional<float> scale = {};
    /// Where the log-sum-exp of each row goes, [batch, heads, q_len], natural logarithm; -inf for a row that sees nothing.
    lse_view lse = {};
    /// Position of the first query: `q` in a mask is the row plus this. kv_len - q_len aligns bottom-right.
    index_t q_offset = 0;
    /// Keys that exist for each batch entry, [batch], each 0 to kv_len, of index_t (64 bits); the rest is never read. Empty: all.
    std::span<const index_t> kv_lengths = {};
    /// A virtual logit for each head, [heads], in the denominator of the softmax: it takes weight and gives none. Not
    /// scaled; -inf for a head without. Part of the log-sum-exp.   (gpt-oss; ONNX Runtime head_sink)
    std::span<const float> sinks = {};
    /// A sink of 0 for every head: 1 more in the denominator.   (ONNX Runtime smooth_softmax)
    bool smooth_softmax = false;
    /// Rows that have no weight at all; their log-sum-exp is -inf under each policy. `uniform` reads all their values.
    domino::empty_rows empty_rows = domino::empty_rows::zeros;
    /// Dropout of the weights, after the softmax: the log-sum-exp knows nothing of it.
    dropout_options dropout = {};
    /// Whose threads do the work.
    executor_ref executor = {};
    /// Scratch memory, at least workspace_bytes(...); empty: allocated once for the call.
    std::span<std::byte> workspace = {};
};

/// Bytes that a call with these head sizes needs with `workers` workers: at most a MiB each up to head_dim 512 and 320 KiB
/// more, whatever the lengths.
inline std::size_t workspace_bytes(index_t head_dim, index_t value_dim, index_t workers = 1) {
    return kernel::run_bytes(head_dim, value_dim, workers);
}

namespace detail {

kernel::problem checked_problem(const source_facts& Q, const source_facts& K, const source_facts& V,
                                const tensor_view<float>& O, const attention_options& options);
[[noreturn]] void fail_empty_row(index_t b_, index_t h_, index_t row);
template <Expression M, Expression S>
bool check_mods(const M& mask_expression, const S& score_expression, const kernel::problem& p);

}  // namespace detail

/// O = softmax(mask(score_mod(scale * Q K^T))) V, for each batch entry and head; query head i uses KV head
/// i / (heads / num_kv_heads).
///
///   Q [batch, heads, q_len, head_dim]          K [batch, num_kv_heads, kv_len, head_dim]
///   O [batch, heads, q_len, value head_dim]    V [batch, num_kv_heads, kv_len, value head_dim]
///
/// Any strides with contiguous head_dim, no alignment; heads a multiple of num_kv_heads. Q, K and V may be float, float16,
/// bfloat16, int8 with scales, or any RowSource; arithmetic is float32. The order of a score's life: dot product, scale,
/// score mod, mask, softmax (with sinks), dropout. A row that sees nothing gives +0 and lse -inf, or what
/// options.empty_rows says. What is masked has no influence, NaN and infinities included; NaN in what a row sees makes the
/// row NaN, as does a score of +inf. A score of -inf has weight 0, but is no mask: 0 times a value of NaN is NaN. Keys in
/// tiles that the mask leaves empty are not read. O and options.lse may overlap neither the inputs nor each other.
///
/// Scores and sums are float32, partial sums a tile of keys; |error| <= K u A per element, with u = 2^-24,
/// A = sum of weight * |v|, K = 12 + (2 + sqrt(head_dim) / 2) S, and S the largest |scale| sum |q_c k_c| + |score| of what
/// a row sees (tests/compare.hpp derives it). This counts on roundings that do not all go one way: almost equal weights
/// have made 23 of the 12, and two sums of 96 keys may make 190 of it. The same bits for any executor, thread count, alignment and strides; where no
/// panel is partly filled (q_len a multiple of 32, say) and without a score mod also on every architecture with fused
/// multiply-add. Allocates its workspace once (or not at all: see options). A wrong call throws invalid_argument before
/// any tensor is read or written; empty_rows::error throws when all rows are written.
template <class TQ, class TK, class TV, class TO, class M = decltype(full), class S = decltype(score)>
void attention(const TQ& Q, const TK& K, const TV& V, const TO& O, const M& mask_mod = full, const S& score_mod = score,
               const attention_options& options = {}) {
    static_assert(
        RowSource<TQ> && RowSource<TK> && RowSource<TV>,
        "domino: Q, K and V are views of tensors of float, float16, bfloat16 or (with scales) int8: make them "
        "with bhsd(ptr, B, H, S, D) or bshd(...), or pass a cache's view");
    static_assert(std::convertible_to<TO, tensor_view<float>>,
                  "domino: O is a view of a float tensor that can be written: make it with bhsd(ptr, B, H, S, D)");
    static_assert(MaskMod<M>,
                  "domino: the fifth argument is a mask mod: an expression of truth value over b, h, q, kv, as in "
                  "kv <= q, or a functor (b, h, q, kv) that returns one");
    static_assert(
        ScoreMod<S>,
        "domino: the sixth argument is a score mod: an expression of float value over score, b, h, q, kv, as in "
        "score - 0.1f * (q - kv), or a functor (score, b, h, q, kv) that returns one (the scale of the dot products is "
        "an "
        "option: {.scale = 0.125f})");
    if constexpr (RowSource<TQ> && RowSource<TK> && RowSource<TV> && MaskMod<M> && ScoreMod<S>) {
        const auto mask_expression = as_mask(mask_mod);
        const auto score_expression = kernel::stage(as_score_mod(score_mod));
        const detail::source_facts of_q = detail::facts("Q", Q), of_k = detail::facts("K", K),
                                   of_v = detail::facts("V", V);
        kernel::problem p = detail::checked_problem(of_q, of_k, of_v, O, options);
        p.q = kernel::row_reader(Q);
        p.k = kernel::row_reader(K);
        p.v = kernel::row_reader(V);
        p.thin = kernel::thin_reader(K, V);
        p.narrow = detail::check_mods(mask_expression, as_score_mod(score_mod), p);
        if (p.o.size() == 0) return;
        std::unique_ptr<std::byte[]> owned;
        std::byte* memory = options.workspace.data();
        if (options.workspace.empty()) {
            owned.reset(new std::byte[workspace_bytes(p.q.head_dim, p.v.head_dim, options.executor.concurrency())]);
            memory = owned.get();
        }
        std::atomic<index_t> first_empty = interval::most;
        p.softmax.first_empty = &first_empty;
        kernel::run(p, mask_expression, score_expression, options.executor, memory);
        if (const index_t row = first_empty; row != interval::most)
            detail::fail_empty_row(row / p.q.len / p.q.heads, row / p.q.len % p.q.heads, row % p.q.len);
    }
}

/// Options alone: dense attention.
template <class TQ, class TK, class TV, class TO>
void attention(const TQ& Q, const TK& K, const TV& V, const TO& O, const attention_options& options) {
    attention(Q, K, V, O, full, score, options);
}
/// Options without a score mod.
template <class TQ, class TK, class TV, class TO, class M>
void attention(const TQ& Q, const TK& K, const TV& V, const TO& O, const M& mask_mod,
               const attention_options& options) {
    attention(Q, K, V, O, mask_mod, score, options);
}

namespace detail {

[[noreturn]] inline void fail_empty_row(index_t b_, index_t h_, index_t row) {
    fail("mask", "a key that every row sees",
         "none for b " + std::to_string(b_) + ", h " + std::to_string(h_) + ", row " + std::to_string(row));
}

/// A mask with a shape of its own (mask_info) is for calls of that shape; one head is any number of heads.
inline void check_own_shape(const mask_shape& own, const kernel::problem& p) {
    check_equal("mask", "batch", "Q", p.q.batch, own.batch);
    if (own.heads != 1) check_equal("mask", "heads", "Q", p.q.heads, own.heads);
    check_equal("mask", "q_len", "Q", p.q.len, own.q_len);
    check_equal("mask", "kv_len", "K", p.k.len, own.kv_len);
}

/// Throws where a mask or a score mod does not suit a checked call, whose Q and K are known. Whether lanes can evaluate the
/// mask; another is evaluated by elements.
template <Expression M, Expression S>
bool check_mods(const M& mask_expression, const S& score_expression, const kernel::problem& p) {
    const tile all{{0, p.q.batch}, {0, p.q.heads}, {p.q_offset, p.q_offset + p.q.len}, {0, p.k.len}};
    if constexpr (requires {
                      { mask_expression.shape() } -> std::convertible_to<mask_shape>;
                  })
        check_own_shape(mask_expression.shape(), p);
    const bool narrow = fits_lanes(inspect(mask_expression, all));
    if (!fits_lanes(inspect(score_expression, all, "score_mod")))
        fail("score_mod", "integers within 32 bits over the call's shape", "wider ones");
    return narrow;
}

inline kernel::softmax_options checked_softmax(const attention_options& options, index_t heads) {
    if (!options.sinks.empty()) {
        if (options.smooth_softmax)
            fail("options.smooth_softmax", "not both it and options.sinks, for it is a sink of 0", "both");
        if (static_cast<index_t>(options.sinks.size()) != heads)
            fail("options.sinks", std::to_string(heads) + " entries, one a head", std::to_string(options.sinks.size()));
        for (const float sink : options.sinks)
            if (!(sink < std::numeric_limits<float>::infinity()))
                fail("options.sinks", "finite logits or -inf", std::to_string(sink));
    }
    if (!(options.dropout.rate >= 0 && options.dropout.rate <= 1))
        fail("options.dropout.rate", "0 to 1", std::to_string(options.dropout.rate));
    return {options.sinks.empty() ? nullptr : options.sinks.data(), options.smooth_softmax, options.empty_rows,
            options.dropout};
}

inline kernel::problem checked_problem(const source_facts& Q, const source_facts& K, const source_facts& V,
                                       const tensor_view<float>& O, const attention_options& options) {
    check_tensor("O", O);
    check_equal("K", "batch", "Q", Q.batch, K.batch);
    check_equal("V", "batch", "Q", Q.batch, V.batch);
    check_equal("O", "batch", "Q", Q.batch, O.batch());
    check_equal("V", "num_kv_heads", "K", K.heads, V.heads);
    check_equal("O", "heads", "Q", Q.heads, O.heads());
    check_equal("V", "kv_len", "K", K.len, V.len);
    check_equal("O", "q_len", "Q", Q.len, O.len());
    check_equal("K", "head_dim", "Q", Q.head_dim, K.head_dim);
    check_equal("O", "head_dim", "V", V.head_dim, O.head_dim());
    at_least(1, Q.head_dim, "Q: head_dim");
    at_least(1, V.head_dim, "V: head_dim");
    for (const source_facts* x : {&Q, &V})
        if (!fits_lanes({0, x->head_dim})) fail(x->argument, "a head_dim within 32 bits", std::to_string(x->head_dim));
    if (K.heads == 0 ? Q.heads != 0 : Q.heads % K.heads != 0)
        fail("K", "num_kv_heads that divide Q's " + std::to_string(Q.heads) + " heads", std::to_string(K.heads));

    kernel::problem p{.o = O, .lse = options.lse, .q_offset = options.q_offset};
    p.scale = options.scale.value_or(static_cast<float>(1.0 / std::sqrt(double(Q.head_dim))));
    if (!std::isfinite(p.scale * std::numbers::log2e_v<float>))
        fail("options.scale", "a finite factor, below 2.3e38", std::to_string(p.scale));
    if (!fits_lanes({0, K.len})) fail("K", "a kv_len within 32 bits", std::to_string(K.len));
    if (!fits_lanes({0, Q.len})) fail("Q", "a q_len within 32 bits", std::to_string(Q.len));
    if (!fits_lanes({p.q_offset, p.q_offset}) || !fits_lanes({0, saturating_add(p.q_offset, Q.len)}))
        fail("options.q_offset", "positions within 32 bits", std::to_string(p.q_offset));
    if (!options.kv_lengths.empty()) {
        check_equal("options.kv_lengths", "an entry for each batch entry,", "Q", Q.batch,
                    static_cast<index_t>(options.kv_lengths.size()));
        for (const index_t length : options.kv_lengths)
            if (length < 0 || length > K.len)
                fail("options.kv_lengths", "0 to kv_len " + std::to_string(K.len), std::to_string(length));
        p.kv_lengths = options.kv_lengths.data();
    }
    p.softmax = checked_softmax(options, Q.heads);
    at_least(1, options.executor.concurrency(), "options.executor: concurrency()");
    const std::size_t need = workspace_bytes(Q.head_dim, V.head_dim, options.executor.concurrency());
    if (!options.workspace.empty() && options.workspace.size() < need)
        fail("options.workspace", std::to_string(need) + " bytes", std::to_string(options.workspace.size()));

    memory_extent lse{};
    if (p.lse.data) {
        if (p.lse.strides == std::array<index_t, 3>{}) p.lse.strides = {Q.heads * Q.len, Q.len, 1};
        const tensor_view<float> rows{
            p.lse.data, {Q.batch, Q.heads, Q.len, 1}, {p.lse.strides[0], p.lse.strides[1], p.lse.strides[2], 1}};
        check_tensor("options.lse", rows);
        check_writable("options.lse", rows);
        lse = extent_of(rows);
    }
    check_writable("O", O);
    const memory_extent out = extent_of(O);
    const auto apart = [](const char* argument, memory_extent written, const char* other, memory_extent x) {
        if (written.meets(x))
            fail(argument, std::string("memory apart from ").append(other).append("'s"), "an overlap");
    };
    for (const source_facts* input : {&Q, &K, &V})
        for (const memory_extent memory : input->memory) {
            apart("O", out, input->argument, memory);
            apart("options.lse", lse, input->argument, memory);
        }
    apart("options.lse", lse, "O", out);
    return p;
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

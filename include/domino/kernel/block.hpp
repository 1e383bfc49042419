// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of a block of rows over all its keys: FlashAttention-2's loop. The mask decides which tiles of keys are
// visited; a full tile does no mask work at all.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "domino/kernel/dropout.hpp"
#include "domino/kernel/mods.hpp"
#include "domino/kernel/output.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// One row block's attention.
template <Expression Mask, Expression Score>
class block_attention : block_output {
public:
    block_attention(const problem& p, const Mask& mask, const Score& score_mod, const row_block& block,
                    const workspace& w)
        : block_output(p, block, w, q_factor(p.scale), score_unit(p.scale)), mask_(mask), score_mod_(score_mod) {}

    void compute() {
        attend(whole());
        if (finish(may_be_poisoned())) return;
        skip_masked_ = true;
        attend(whole());
        finish(false);
    }

    /// Pairs of a row and a key in tiles that are not empty.
    index_t work() const { return rows_ * count_live(mask_, whole(), kv_tile); }

    /// Cuts the keys into n parts of equal work: writes them to `parts`.
    void cut(index_t n, span* parts) const {
        for_each_share(mask_, whole(), kv_tile, n, [&](span keys) { *parts++ = keys; });
    }

    /// One part of the keys: the block's output, maxima and sums go to `part`.
    void compute_part(span keys, float* part) {
        tile rows = whole();
        rows.kv = keys;
        attend(rows);
        if (may_be_poisoned() && !finite()) {
            skip_masked_ = true;
            attend(rows);
        }
        copy_part(part);
    }

    /// Joins what the n parts gave, in their order and `stride` floats apart, and finishes.
    void join_parts(index_t n, const float* parts, index_t stride) {
        begin();
        for (index_t i = 0; i < panels(); ++i) clear(i);
        for (; n > 0; --n, parts += stride) join(parts);
        finish(false);
    }

private:
    /// The mask or the score mod reads data by pair.
    static constexpr bool by_pair = depends_on<Mask>(axes::pairs) || depends_on<Score>(axes::pairs);
    /// A mask that is a tensor gets one question a tile: to answer, the range domain reads as much of it as the mask itself.
    static constexpr index_t grain = depends_on<Mask>(axes::pairs)  ? kv_tile
                                   : depends_on<Mask>(axes::blocks) ? block_mask_grain
                                                                    : mask_grain;
    static constexpr bool plain_score = std::same_as<Score, placeholder<axes::score>>;

    /// Without a score mod a tile's scores stay dot products, and |scale| is applied in the exponent. The scale's sign goes into
    /// Q, as does a scale of 0: in the exponent 0 * -inf would be NaN.
    static float score_unit(float scale) { return plain_score && scale != 0.f ? std::abs(scale) : 1.f; }
    static float q_factor(float scale) { return !plain_score || scale > 0.f ? 1.f : scale < 0.f ? -1.f : 0.f; }

    /// A masked weight of 0 times a value of NaN or infinity must not count, but it leaves NaN in the output: only where any
    /// is found, all is computed again and masked values are skipped.
    bool may_be_poisoned() const { return any_partial_ && !skip_masked_; }

    void attend(const tile& rows) {
        begin();
        for_each_run(mask_, rows, kv_tile, [&](const run& r) {
            const index_t at_once = one_thin_panel() ? r.kv.end
                                  : panels() > 1     ? visit_keys(head_dim_, value_dim_)
                                                     : kv_tile;
            for_each_piece(r.kv, at_once, [&](span keys) { visit(keys, r.kind); });
        });
        pass({0, 0});
        pack_first(panels());
    }

    /// All rows meet a stretch of keys that stays in L2: each panel in turn, tile by tile.
    void visit(span keys, tile_kind kind) {
        if (!one_thin_panel()) {
            visited_ = keys;
            k_ = p_.k(block_.b, kv_head_, keys, w_.k);
            v_ = p_.v(block_.b, kv_head_, keys, w_.v);
        }
        any_partial_ |= kind == tile_kind::partial;
        for (index_t i = 0; i < panels(); ++i) {
            pack_first(i + 1);  // now, so that it is in L1
            const panel_rows rows = rows_of(i);
            for_each_piece(keys, tile_keys(i), [&](span some) {
                if constexpr (by_pair) collect_next_lines(i, rows, some, keys, kind);
                if (rows_in(i) <= simd::width) add_tile<1>(i, rows, some, kind);
                else add_tile<panel_registers>(i, rows, some, kind);
            });
        }
    }

    /// Collects what the mask and the score mod will read by pair when this tile is done: of the panel's next keys, or of the
    /// next panel's first ones.
    void collect_next_lines(index_t i, const panel_rows& rows, span some, span keys, tile_kind kind) {
        lines_.clear();
        const bool same_panel = some.end < keys.end;
        if (thin(i) || (!same_panel && i + 1 == panels())) return;
        const index_t begin = same_panel ? some.end : keys.begin;
        const span next{begin, std::min((begin / kv_tile + 1) * kv_tile, keys.end)};
        const panel_rows of = same_panel ? rows : rows_of(i + 1);
        if (kind == tile_kind::partial) collect_lines(mask_, of, next, lines_);
        collect_lines(score_mod_, of, next, lines_);
    }

    /// The vectors of `some` of the keys that are visited now.
    float_rows keys(span some) const { return k_.from(some.begin - visited_.begin); }
    float_rows values(span some) const { return v_.from(some.begin - visited_.begin); }

    /// A tile that is partial for the block may be less so for a panel: its runs are scored one by one.
    template <int R>
    void add_tile(index_t i, const panel_rows& rows, span keys, tile_kind kind) {
        simd::floats tile_max[R];
        for (auto& m : tile_max) m = simd::floats(minus_infinity);
        tile_ = keys;
        if (kind == tile_kind::full) {
            score(i, rows, keys, all_visible{}, w_.scores, tile_max);
            return add_weighted<R, false>(i, w_.scores, keys, {0, keys.size(), keys.size()}, tile_max);
        }
        if (skip_masked_) std::fill(visible_, std::end(visible_), 0);
        tile box = rows.box;
        box.kv = keys;
        span scored{0, 0};
        // what registers before the last see and what those beyond the first see, from the first such key to the last
        span early{keys.end, keys.begin}, late = early;
        const auto add = [&]<class Visible>(span some, seen_by who, const Visible& visible) {
            constexpr bool some_see = R > 1 && std::same_as<Visible, visible_bits>;
            if (scored.empty()) scored = {some.begin, some.begin};
            float* const scores = w_.scores + (some.begin - scored.begin) * panel;
            std::fill(w_.scores + scored.size() * panel, scores, minus_infinity);  // nobody sees what is between
            scored.end = some.end;
            const auto widen = [&](span& seen, std::uint64_t by) {
                const span more = some_see ? seen_span(some, by) : some;
                seen = {std::min(seen.begin, more.begin), std::max(seen.end, more.end)};
            };
            if (who != seen_by::last) widen(early, before_last);
            if (who != seen_by::first) widen(late, beyond_first);
            if constexpr (some_see)
                if (who != seen_by::several)
                    return score_register(i, who == seen_by::first ? 0 : R - 1, rows, some, visible, scores, tile_max);
            score(i, rows, some, visible, scores, tile_max);
        };
        for_each_run(mask_, box, grain, [&](const run& r) {
            if (r.kind == tile_kind::partial) return for_each_visible<R>(rows, r.kv, add);
            if (skip_masked_) std::fill_n(visible_of(r.kv), r.kv.size(), ~std::uint64_t{0});
            add(r.kv, seen_by::several, all_visible{});
        });
        if (scored.empty()) return;
        const span seen{std::min(early.begin, late.begin), std::max(early.end, late.end)};
        const index_t left = std::max(seen.begin, std::min(late.begin, early.end)), right = std::max(left, early.end);
        const seen_keys by_register{left - seen.begin, right - seen.begin, seen.size()};
        float* const scores = w_.scores + (seen.begin - scored.begin) * panel;
        if (skip_masked_) add_weighted<R, true>(i, scores, seen, by_register, tile_max);
        else add_weighted<R, false>(i, scores, seen, by_register, tile_max);
    }

    /// What the panel's rows see of the tile's keys from the first of `some` on.
    std::uint64_t* visible_of(span some) { return visible_ + (some.begin - tile_.begin); }

    /// Which registers of a panel's rows see a key. Below, the bits of the rows beyond the first one, and before the last.
    enum class seen_by { none, first, last, several };
    static constexpr std::uint64_t beyond_first = ~std::uint64_t{0} << (simd::width % 64),
                                   before_last = ~(~std::uint64_t{0} << ((panel_registers - 1) * simd::width));

    /// From the first to the last of some keys that these rows see; there is one.
    span seen_span(span some, std::uint64_t rows) {
        const std::uint64_t* const visible = visible_of(some);
        span seen{0, some.size()};
        while ((visible[seen.begin] & rows) == 0) ++seen.begin;
        while ((visible[seen.end - 1] & rows) == 0) --seen.end;
        return {some.begin + seen.begin, some.begin + seen.end};
    }

    /// Calls f(keys, registers that see them, bits) for what any row sees of a partial run, in whole steps. Rows that follow
    /// each other often see keys that follow each other, as under causality: then only a panel's first register sees the
    /// first keys, and only its last register the last ones.
    template <int R, class F>
    void for_each_visible(const panel_rows& rows, span keys, F f) {
        std::uint64_t* const visible = visible_of(keys);
        write_mask(mask_, rows, keys, p_.narrow, visible);
        std::fill_n(visible + keys.size(), step<R> - 1, 0);
        const auto who_sees = [&](index_t key) {
            std::uint64_t rows_of_step = 0;
            for (index_t j = 0; j < step<R>; ++j) rows_of_step |= visible[key - keys.begin + j];
            return rows_of_step == 0                  ? seen_by::none
                 : (rows_of_step & beyond_first) == 0 ? seen_by::first
                 : (rows_of_step & before_last) == 0  ? seen_by::last
                                                      : seen_by::several;
        };
        for (span some{keys.begin, keys.begin}; some.begin < keys.end; some.begin = some.end) {
            const seen_by who = who_sees(some.begin);
            do some.end += step<R>;
            while (some.end < keys.end && who_sees(some.end) == who);
            some.end = std::min(some.end, keys.end);
            if (who != seen_by::none) f(some, who, visible_bits{visible_of(some)});
        }
    }

    /// The rows, and in memory what the score mod looks up by pair for these keys.
    panel_rows with_entries(panel_rows rows, span keys) {
        if constexpr (depends_on<Score>(axes::pairs)) {
            evaluate(score_mod_, write_staged{rows, keys, w_.staged});
            rows.staged = w_.staged;
            rows.staged_begin = keys.begin;
        }
        return rows;
    }

    /// Scores of keys that one register of a panel's rows sees alone; in the steps of all R, in which they were cut: a longer one
    /// would read the bits of other keys.
    template <int R>
    void score_register(index_t i, int r, const panel_rows& rows, span some, visible_bits visible, float* scores,
                        simd::floats (&tile_max)[R]) {
        for (index_t key = 0; key < some.size(); ++key)
            for (int other = 0; other < R; ++other)
                if (other != r) simd::floats(minus_infinity).store_aligned(scores + key * panel + other * simd::width);
        simd::floats most[1] = {tile_max[r]};
        const index_t first = r * simd::width;
        score_dots(wide_dots<1, no_prefetch, step<R>>{q_panel(i) + first, head_dim_, keys(some), some.size()},
                   rows.only(r, 1), some, visible_bits{visible.keys, first}, scores + first, most);
        tile_max[r] = most[0];
    }

    template <int R, class Dots, class Visible>
    void score_dots(const Dots& dots, const panel_rows& rows, span some, Visible visible, float* scores,
                    simd::floats (&tile_max)[R]) {
        if constexpr (plain_score) {
            score_panel(dots, some.size(), visible, scores, tile_max);
        } else {
            simd::floats most[R];
            for (auto& m : most) m = simd::floats(minus_infinity);
            score_panel(dots, some.size(), all_visible{}, scores, most);
            modify_scores(with_entries(rows, some), some, p_.scale, score_mod_, visible, scores, tile_max);
        }
    }

    /// Scores of keys that several registers see. (Inlined: a tile of few rows takes a third of a microsecond, which a call
    /// lengthens.)
    template <int R, class Visible>
    DOMINO_INLINE void score(index_t i, const panel_rows& rows, span some, Visible visible, float* scores,
                             simd::floats (&tile_max)[R]) {
        const auto from = [&](const auto& dots) { score_dots(dots, rows, some, visible, scores, tile_max); };
        if constexpr (R == 1)
            if (thin(i)) {
                pass(some);
                return from(stored_dots{w_.dots, some.size()});
            }
        const auto with = [&]<class Prefetch>(const Prefetch& prefetch) {
            from(wide_dots<R, Prefetch>{q_panel(i), head_dim_, keys(some), some.size(), prefetch});
        };
        find_next_with_keys(some);
        const auto with_next = [&]<bool lines>(std::bool_constant<lines>) {
            if (!next_.empty()) with(prefetcher<true, lines, step<R>>{stretch_walk(next_), &lines_});
            else if constexpr (lines) with(prefetcher<false, true, step<R>>{{}, &lines_});
            else with(no_prefetch{});
        };
        if constexpr (by_pair)
            if (!lines_.empty()) return with_next(std::true_type{});
        with_next(std::false_type{});
    }

    /// Finds (next_) what is prefetched while `some` keys are read: values of their tile, or, when all these were, where the block's
    /// output goes.
    void find_next_with_keys(span some) {
        next_.clear();
        add_next(p_.v, ahead_.values_with_keys(some, tile_.end, keys_copied_at_once(v_, w_.v)));
        if (next_.empty()) to_write_.take(some.size(), next_);
    }
    /// The same while their values are read: keys, or, when all these were, rows of Q.
    void find_next_with_values(span some) {
        next_.clear();
        add_next(p_.k, ahead_.keys_with_values(some, keys_copied_at_once(k_, w_.k)));
        if (next_.empty()) locate_next_rows(some.size(), next_);
    }
    void add_next(const row_reader& source, span tokens) {
        source.locate(block_.b, kv_head_, {tokens.begin, std::min(tokens.end, p_.kv_len(block_.b))}, next_);
    }
    /// The keys that are copied at once to `scratch`, none where vectors are read in place.
    index_t keys_copied_at_once(const float_rows& rows, const float* scratch) const {
        return rows.first == scratch ? visited_.size() : 0;
    }

    /// Scores of some keys become `weights`; gives by how much what was summed before must `shrink`.
    template <int R, bool skip_masked>
    void weigh(index_t i, float* weights, span some, seen_keys seen, const simd::floats (&tile_max)[R],
               simd::floats (&shrink)[R]) {
        const auto exponentiate_as = [&]<class Rows>(Rows) {
            for (int r = 0; r < R; ++r) {
                const index_t row = i * panel + r * simd::width;
                const span own = seen.of_register(r, R);
                shrink[r] = exponentiate<Rows>(weights + own.begin * panel + r * simd::width, own.size(),
                                               score_unit_ * std::numbers::log2e_v<float>, tile_max[r],
                                               {w_.max + row, w_.sum + row});
            }
        };
        if constexpr (R == 1)
            if (rows_in(i) <= 4) exponentiate_as(four_rows{});
            else exponentiate_as(many_rows{});
        else exponentiate_as(many_rows{});
        if constexpr (skip_masked) mark_masked<R>(weights, some.size(), {visible_of(some)});
        if (p_.softmax.dropout.active())
            drop_weights(weights, some, R * simd::width, {block_.b, w_.heads + i * panel, w_.positions + i * panel},
                         p_.softmax.dropout);
    }

    /// Some keys' values join the output, weighted by their scores; those of a thin panel at its next pass.
    template <int R, bool skip_masked>
    void add_weighted(index_t i, float* scores, span some, seen_keys seen, const simd::floats (&tile_max)[R]) {
        simd::floats shrink[R];
        weigh<R, skip_masked>(i, scores, some, seen, tile_max, shrink);
        if constexpr (R == 1) {
            if (thin(i)) {
                std::swap(w_.scores, w_.weights);
                waiting_.keys = some;
                waiting_.skip_masked = skip_masked;
                return shrink[0].store_aligned(waiting_.shrink);
            }
            seen.left = seen.right = seen.end;
        }
        rescale(o_panel(i), value_dim_, shrink);
        const auto add_with = [&](const auto& prefetch) {
            add_values<R, skip_masked>(o_panel(i), value_dim_, scores, values(some), seen, prefetch);
        };
        if constexpr (!skip_masked) {
            find_next_with_values(some);
            if (!next_.empty()) return add_with(keys_prefetcher<R>{stretch_walk(next_)});
        }
        add_with(no_prefetch{});
    }

    /// The dot products of the thin panel's rows with `some` keys, and, while they are read, the values of its tile before:
    /// from memory both arrive together.
    void pass(span some) {
        if (some.empty() && waiting_.keys.empty()) return;
        const index_t i = panels() - 1;
        p_.thin(block_.b, kv_head_,
                {.rows = thin_rows_of(rows_in(i)),
                 .q = q_panel(i),
                 .keys = some,
                 .dots = w_.dots,
                 .earlier = waiting_.keys,
                 .weights = w_.weights,
                 .skip_masked = waiting_.skip_masked,
                 .shrink = waiting_.shrink,
                 .output = o_panel(i),
                 .key_scratch = w_.thin_k,
                 .value_scratch = w_.thin_v,
                 .kv_len = p_.kv_len(block_.b)});
        waiting_.keys = {0, 0};
    }

    const Mask& mask_;
    const Score& score_mod_;

    // the keys and values that are visited now; not of a thin panel that is alone
    span visited_{0, 0};
    float_rows k_{}, v_{};
    bool any_partial_ = false;  ///< some tile was
    bool skip_masked_ = false;  ///< some value may not be finite, and a mask may hide it
    span tile_{0, 0};           ///< the panel's

    /// What the panel's rows see of its tile's keys, as in visible_bits, and room for a step of keys more. Only partial runs are
    /// written, unless masked values are skipped.
    std::uint64_t visible_[kv_tile + most_step];

    read_ahead ahead_;
    stretches next_;           ///< vectors that are prefetched
    lines_to_prefetch lines_;  ///< while a tile's keys are read
    rows_to_prefetch to_write_ = {{o_row(0), p_.o.strides[2]}, value_dim_, block_.heads.size() == 1 ? rows_ : 0};

    /// The thin panel's tile whose values are yet to be added, and by how much the output shrinks then.
    struct {
        span keys{0, 0};
        bool skip_masked = false;
        alignas(64) float shrink[simd::width] = {};
    } waiting_;
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

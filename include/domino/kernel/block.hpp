// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of a block of rows over all its keys: FlashAttention-2's loop. The mask decides which tiles of keys are
// visited; a full tile does no mask work at all.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "domino/kernel/dropout.hpp"
#include "domino/kernel/grid.hpp"
#include "domino/kernel/mods.hpp"
#include "domino/kernel/scores.hpp"
#include "domino/kernel/thin.hpp"
#include "domino/kernel/values.hpp"
#include "domino/simd/transpose.hpp"
#include "domino/tile/walk.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// One row block's attention.
template <Expression Mask, Expression Score>
class block_attention {
public:
    block_attention(const problem& p, const Mask& mask, const Score& score_mod, const row_block& block, workspace w)
        : p_(p),
          mask_(mask),
          score_mod_(score_mod),
          block_(block),
          w_(w),
          rows_(block.heads.size() * block.queries.size()),
          kv_head_(block.heads.begin / p.group()) {}

    void compute() {
        attend(whole());
        if (finish()) return;
        attend_with_care(whole());
        finish();
    }

    /// Pairs of a row and a key in tiles that are not empty.
    index_t work() const { return rows_ * count_live(mask_, whole(), kv_tile); }

    /// Cuts the keys into n parts of equal work: writes them to `parts`.
    void cut(index_t n, span* parts) const {
        for_each_share(mask_, whole(), kv_tile, n, [&](span keys) { *parts++ = keys; });
    }

    /// One part of the keys, of a block that is one panel: its output, maxima and sums go to `part`.
    void compute_part(span keys, float* part) {
        tile rows = whole();
        rows.kv = keys;
        attend(rows);
        if (may_be_poisoned(0)) attend_with_care(rows);
        part = std::copy_n(w_.o, panel * value_dim_, part);
        part = std::copy_n(w_.max, panel, part);
        std::copy_n(w_.sum, panel, part);
    }

    /// Joins what the n parts gave, in their order, and finishes.
    void join_parts(index_t n, const float* parts) {
        number_rows();
        pack(0);
        const index_t row_stride = thin(0) ? value_dim_ : 1, channel_stride = thin(0) ? 1 : panel;
        for (; n > 0; --n, parts += panel * (value_dim_ + 2))
            for (index_t row = 0; row < rows_; ++row) {
                const float before = w_.max[row], more = parts[panel * value_dim_ + row];
                const float now = std::max(before, more);
                const auto factor = [&](float max) {  // what saw nothing is 0, or NaN: it stays so
                    return max == minus_infinity ? 1.f : std::exp((max - now) * unit());
                };
                const float a = factor(before), b = factor(more);
                for (index_t c = 0; c < value_dim_; ++c) {
                    const index_t at = row * row_stride + c * channel_stride;
                    w_.o[at] = w_.o[at] * a + parts[at] * b;
                }
                w_.sum[row] = w_.sum[row] * a + parts[panel * (value_dim_ + 1) + row] * b;
                w_.max[row] = now;
            }
        finish();
    }

private:
    /// The mask or the score mod reads data by pair.
    static constexpr bool by_pair = depends_on<Mask>(axes::pairs) || depends_on<Score>(axes::pairs);
    /// Of data by pair the range domain would read as much as the mask.
    static constexpr index_t grain = depends_on<Mask>(axes::pairs) ? kv_tile : mask_grain;
    static constexpr bool plain_score = std::same_as<Score, placeholder<axes::score>>;

    /// Without a score mod the scores stay dot products, of |scale| each; the sign of the scale goes into Q (as does a
    /// scale of 0, for -inf * 0 is NaN).
    float unit() const { return plain_score && p_.scale != 0.f ? std::abs(p_.scale) : 1.f; }
    float q_factor() const { return !plain_score || p_.scale > 0.f ? 1.f : p_.scale < 0.f ? -1.f : 0.f; }

    /// The block's rows and all keys there are.
    tile whole() const { return {block_.b, block_.heads, positions(block_.queries), {0, p_.kv_len(block_.b)}}; }

    void attend(const tile& rows) {
        number_rows();
        packed_ = 0;
        for_each_run(mask_, rows, kv_tile, [&](const run& r) {
            const index_t at_once = thin(0) ? r.kv.end : panels() > 1 ? visit_keys(head_dim_, value_dim_) : kv_tile;
            for_each_piece(r.kv, at_once, [&](span keys) { visit(keys, r.kind); });
        });
        pass({0, 0});
        pack_first(panels());
    }

    /// A masked weight of 0 times a value of NaN or infinity must not count, but it leaves NaN in the output: only where any
    /// is found, all is computed again with care.
    bool may_be_poisoned(index_t i) const { return masks_ && !careful_ && !all_finite(o_panel(i), value_dim_); }
    void attend_with_care(const tile& rows) {
        careful_ = true;
        attend(rows);
    }

    index_t panels() const { return (rows_ + panel - 1) / panel; }
    index_t rows_in(index_t i) const { return std::min(panel, rows_ - i * panel); }
    bool thin(index_t i) const { return rows_in(i) <= p_.kv.most_rows; }  // the last one, if any
    index_t tile_keys(index_t i) const { return thin(i) ? p_.kv.keys(rows_in(i), value_dim_) : kv_tile; }
    float* q_panel(index_t i) const { return w_.q + i * panel * head_dim_; }
    float* o_panel(index_t i) const { return w_.o + i * panel * value_dim_; }
    span positions(span queries) const { return {queries.begin + p_.q_offset, queries.end + p_.q_offset}; }
    index_t head_of(index_t row) const { return block_.heads.begin + row / block_.queries.size(); }
    index_t query_of(index_t row) const { return block_.queries.begin + row % block_.queries.size(); }
    float* o_row(index_t row) const { return p_.o.row(block_.b, head_of(row), query_of(row)); }

    /// Calls f(row, count) for stretches of rows of panel i that lie in one head, so that they are evenly spaced in the
    /// caller's tensors.
    template <class F>
    void for_each_stretch(index_t i, F f) const {
        const index_t q_len = block_.queries.size(), last = i * panel + rows_in(i);
        for (index_t row = i * panel, end = 0; row < last; row = end) {
            end = std::min(row / q_len * q_len + q_len, last);
            f(row, end - row);
        }
    }

    /// Writes the rows' indices; lanes beyond the last row repeat its.
    void number_rows() {
        for (index_t i = 0; i < panels(); ++i)
            for_each_stretch(i, [&](index_t row, index_t count) {
                std::fill_n(w_.heads + row, count, static_cast<std::int32_t>(head_of(row)));
                std::iota(w_.positions + row, w_.positions + row + count,
                          static_cast<std::int32_t>(query_of(row) + p_.q_offset));
            });
        const index_t end = panels() * panel;
        std::fill(w_.heads + rows_, w_.heads + end, w_.heads[rows_ - 1]);
        std::fill(w_.positions + rows_, w_.positions + end, w_.positions[rows_ - 1]);
    }

    /// Copies panel i of Q, transposed where it is not thin; lanes beyond the last row hold zeros.
    void pack(index_t i) {
        float* q = q_panel(i);
        if (!thin(i) && rows_in(i) < panel) std::fill_n(q, panel * head_dim_, 0.f);
        for_each_stretch(i, [&](index_t row, index_t count) {
            for_each_piece({row, row + count}, workspace::room_for_thin(value_dim_), [&](span some) {
                const index_t head = head_of(row), query = query_of(some.begin), n = some.size();
                const float_rows from = p_.q(block_.b, head, {query, query + n}, w_.thin_k);
                // where Q lies: the block's other rows follow, and the next block's
                if (some.begin == 0 && from.first != w_.thin_k)
                    next_q_ = {from.from(n), head_dim_, std::min(2 * rows_, p_.q.len - query) - n};
                const index_t lane = some.begin % panel;
                if (!thin(i)) {  // each row is read through once: in transposing, memory would be waited for
                    for (index_t j = 0; j < n; ++j) simd::touch(from.first + j * from.stride, head_dim_);
                    return simd::transpose(from.first, from.stride, n, head_dim_, q + lane, panel);
                }
                for (index_t j = 0; j < n; ++j)
                    simd::convert(from.first + j * from.stride, head_dim_, q + (lane + j) * head_dim_);
            });
        });
        if (const float factor = q_factor(); factor != 1.f)
            for (index_t j = 0; j < panel * head_dim_; ++j) q[j] *= factor;
        std::fill_n(w_.max + i * panel, panel, minus_infinity);
        std::fill_n(w_.sum + i * panel, panel, 0.f);
        std::fill_n(o_panel(i), panel * value_dim_, 0.f);
    }
    void pack_first(index_t n) {
        for (; packed_ < n; ++packed_) pack(packed_);
    }

    panel_rows rows_of(index_t i) const {
        const index_t first = i * panel, last = first + rows_in(i) - 1;
        const span heads{head_of(first), head_of(last) + 1};
        const bool one_head = heads.size() == 1;
        const span queries = one_head ? span{query_of(first), query_of(last) + 1} : block_.queries;
        return {block_.b,         rows_in(i),           one_head,
                w_.heads + first, w_.positions + first, tile{block_.b, heads, positions(queries), 0}};
    }

    /// Cuts `keys` at multiples of `size`.
    template <class F>
    static void for_each_piece(span keys, index_t size, F f) {
        for (index_t end = 0; keys.begin < keys.end; keys.begin = end) {
            end = std::min((keys.begin / size + 1) * size, keys.end);
            f(span{keys.begin, end});
        }
    }

    /// All rows meet a stretch of keys that stays in L2: each panel in turn, tile by tile.
    void visit(span keys, tile_kind kind) {
        if (!thin(0)) {
            first_ = keys.begin;
            k_ = p_.k(block_.b, kv_head_, keys, w_.k);
            v_ = p_.v(block_.b, kv_head_, keys, w_.v);
        }
        masks_ |= kind == tile_kind::partial;
        for (index_t i = 0; i < panels(); ++i) {
            pack_first(i + 1);  // now, so that it is in L1
            const panel_rows rows = rows_of(i);
            for_each_piece(keys, tile_keys(i), [&](span some) {
                if constexpr (by_pair) note_next(i, rows, some, keys, kind);
                if (rows_in(i) <= simd::width) add_tile<1>(i, rows, some, kind);
                else add_tile<panel_registers>(i, rows, some, kind);
            });
        }
    }

    /// Notes what the masks and score mods will read by pair when this tile is done: of the panel's next keys, or of the next
    /// panel's first ones.
    void note_next(index_t i, const panel_rows& rows, span some, span keys, tile_kind kind) {
        lines_.clear();
        const bool same_panel = some.end < keys.end;
        if (thin(i) || (!same_panel && i + 1 == panels()) || simd::on_intel()) return;
        const index_t begin = same_panel ? some.end : keys.begin;
        const span next{begin, std::min((begin / kv_tile + 1) * kv_tile, keys.end)};
        const panel_rows of = same_panel ? rows : rows_of(i + 1);
        if (kind == tile_kind::partial) note_lines(mask_, of, next, lines_);
        note_lines(score_mod_, of, next, lines_);
    }

    /// The vectors of `some` of the keys that are visited now.
    float_rows keys(span some) const { return k_.from(some.begin - first_); }
    float_rows values(span some) const { return v_.from(some.begin - first_); }

    /// A tile that is partial for the block may be less so for a panel: its runs are scored one by one.
    template <int R>
    void add_tile(index_t i, const panel_rows& rows, span keys, tile_kind kind) {
        simd::floats tile_max[R];
        for (auto& m : tile_max) m = simd::floats(minus_infinity);
        tile_end_ = keys.end;
        if (kind == tile_kind::full) {
            score(i, rows, keys, all_visible{}, w_.scores, tile_max);
            return add_weighted<R, false>(i, keys, {0, keys.size(), keys.size()}, tile_max);
        }
        tile box = rows.box;
        box.kv = keys;
        span live{0, 0};
        live_keys parts{};
        const auto add = [&]<class Visible>(span some, seen_by who, const Visible& visible) {
            if (live.empty()) live = {some.begin, some.begin};
            float* const scores = w_.scores + (some.begin - live.begin) * panel;
            std::fill(w_.scores + live.size() * panel, scores, minus_infinity);  // nobody sees what is between

            // the first register alone has seen all so far
            const bool first_alone = who == seen_by::first && parts.left == live.size();
            live.end = some.end;
            if (first_alone) parts.left = live.size();
            if (who != seen_by::last) parts.right = live.size();
            if constexpr (R > 1 && std::same_as<Visible, visible_bits>)
                if (who != seen_by::several)
                    return score_register(i, who == seen_by::first ? 0 : R - 1, rows, some, visible, scores, tile_max);
            score(i, rows, some, visible, scores, tile_max);
        };
        for_each_run(mask_, box, grain, [&](const run& r) {
            if (r.kind == tile_kind::full) add(r.kv, seen_by::several, all_visible{});
            else for_each_visible<R>(rows, r.kv, add);
        });
        if (live.empty()) return;
        parts.end = live.size();
        if (careful_) add_weighted<R, true>(i, live, parts, tile_max);
        else add_weighted<R, false>(i, live, parts, tile_max);
    }

    /// Which registers of a panel's rows see a key.
    enum class seen_by { none, first, last, several };

    /// Calls f(keys, registers that see them, bits) for what any row sees of a partial run, in whole steps. Rows that follow
    /// each other often see keys that follow each other, as under causality: then only a panel's first register sees the
    /// first keys, and only its last register the last ones.
    template <int R, class F>
    void for_each_visible(const panel_rows& rows, span keys, F f) {
        write_mask(mask_, rows, keys, p_.narrow, visible_);
        std::fill_n(visible_ + keys.size(), step<R> - 1, 0);
        const auto who_sees = [&](index_t key) {
            constexpr std::uint64_t all = ~std::uint64_t{0}, beyond_first = all << (simd::width % 64),
                                    before_last = ~(all << ((panel_registers - 1) * simd::width));
            std::uint64_t rows_of_step = 0;
            for (index_t j = 0; j < step<R>; ++j) rows_of_step |= visible_[key - keys.begin + j];
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
            if (who != seen_by::none) f(some, who, visible_bits{visible_ + (some.begin - keys.begin)});
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

    /// Scores of keys that one register of a panel's rows sees alone.
    template <int R>
    void score_register(index_t i, int r, const panel_rows& rows, span some, visible_bits visible, float* scores,
                        simd::floats (&tile_max)[R]) {
        for (index_t key = 0; key < some.size(); ++key)
            for (int other = 0; other < R; ++other)
                if (other != r) simd::floats(minus_infinity).store_aligned(scores + key * panel + other * simd::width);
        simd::floats most[1] = {tile_max[r]};
        const index_t first = r * simd::width;
        score_dots(wide_dots<1, asks_nothing, step<R>>{q_panel(i) + first, head_dim_, keys(some), some.size()},
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

    template <int R, class Visible>
    void score(index_t i, const panel_rows& rows, span some, Visible visible, float* scores,
               simd::floats (&tile_max)[R]) {
        const auto from = [&](const auto& dots) { score_dots(dots, rows, some, visible, scores, tile_max); };
        if constexpr (R == 1)
            if (thin(i)) {
                pass(some);
                return from(stored_dots{w_.dots, some.size()});
            }
        const auto asking = [&](const auto& memory) {
            from(wide_dots<R, std::remove_cvref_t<decltype(memory)>>{q_panel(i), head_dim_, keys(some), some.size(),
                                                                     memory});
        };
        const wanted_rows now = wanted_with_keys(some);
        const auto asking_for = [&]<bool lines>(std::bool_constant<lines>) {
            if (now.count > 0) asking(asked<true, lines, step<R>>(now, &lines_));
            else asking(asked<false, lines, step<R>>({}, &lines_));
        };
        if constexpr (by_pair)
            if (!lines_.empty()) return asking_for(std::true_type{});
        asking_for(std::false_type{});
    }

    /// What is asked for while `some` keys are read: values of their tile, if nobody has yet; if not, what is needed when the
    /// block is done.
    wanted_rows wanted_with_keys(span some) {
        if (v_asked_ < tile_end_) {
            const index_t from = std::max(v_asked_, some.begin);
            v_asked_ = from + some.size();
            return {values({from, v_asked_}), value_dim_, some.size()};
        }
        return (to_write_.count > 0 ? to_write_ : next_q_).take(some.size());
    }

    template <int R, bool careful>
    void add_weighted(index_t i, span some, live_keys parts, const simd::floats (&tile_max)[R]) {
        simd::floats shrink[R];
        const auto exponentiate_as = [&]<class Rows>(Rows) {
            for (int r = 0; r < R; ++r) {
                const index_t row = i * panel + r * simd::width;
                const span seen = parts.of_register(r, R);
                shrink[r] = exponentiate<careful, Rows>(w_.scores + seen.begin * panel + r * simd::width, seen.size(),
                                                        unit() * std::numbers::log2e_v<float>, tile_max[r],
                                                        {w_.max + row, w_.sum + row});
            }
        };
        if constexpr (R == 1) {
            if (rows_in(i) <= 4) exponentiate_as(four_rows{});
            else exponentiate_as(many_rows{});
        } else exponentiate_as(many_rows{});
        if (p_.tail.dropout.active())
            drop_weights(w_.scores, some, R * simd::width, {block_.b, w_.heads + i * panel, w_.positions + i * panel},
                         p_.tail.dropout);
        if constexpr (R == 1) {
            if (thin(i)) {
                std::swap(w_.scores, w_.weights);
                waiting_.keys = some;
                waiting_.careful = careful;
                return shrink[0].store_aligned(waiting_.shrink);
            }
            parts.left = parts.right = parts.end;
        }
        rescale(o_panel(i), value_dim_, shrink);
        const auto asking = [&](const auto& memory) {
            add_values<R, careful>(o_panel(i), value_dim_, w_.scores, values(some), parts, memory);
        };
        if constexpr (!careful)
            if (k_asked_ < some.end + kv_tile) {
                const index_t from = std::max(k_asked_, some.end);
                k_asked_ = from + some.size();
                return asking(asked<true, false, step<R>>({keys({from, k_asked_}), head_dim_, some.size()}));
            }
        asking(asks_nothing{});
    }

    /// The dot products of the thin panel's rows with `some` keys, and, while they are read, the values of its tile before:
    /// from memory both arrive together.
    void pass(span some) {
        if (some.empty() && waiting_.keys.empty()) return;
        const index_t i = panels() - 1;
        p_.kv(block_.b, kv_head_,
              {rows_in(i), q_panel(i), some, w_.dots, waiting_.keys, w_.weights, waiting_.careful, waiting_.shrink,
               o_panel(i), w_.thin_k, w_.thin_v, p_.kv_len(block_.b)});
        waiting_.keys = {0, 0};
    }

    /// Divides by the sums and writes O and the log-sum-exp; a row that saw nothing is 0 and -inf. Gives false, where all must be
    /// computed again.
    bool finish() {
        if (p_.lse.data)
            for (index_t row = 0; row < rows_; ++row) write_lse(row);
        if (p_.tail.adjusts_sums())
            for (index_t row = 0; row < rows_; ++row)
                w_.sum[row] = p_.tail.adjusted_sum(w_.sum[row], double(w_.max[row]) * double(unit()), head_of(row));
        for (index_t i = 0; i < panels(); ++i) {
            if (may_be_poisoned(i)) return false;
            if (thin(i)) {
                for (index_t row = i * panel; row < i * panel + rows_in(i); ++row) {
                    const float* o = o_panel(i) + row % panel * value_dim_;
                    const float sum = w_.sum[row] == 0.f ? 1.f : w_.sum[row];  // what saw nothing is 0 already
                    std::transform(o, o + value_dim_, o_row(row), [sum](float x) { return x / sum; });
                }
                continue;
            }
            for_each_stretch(i, [&](index_t row, index_t count) {
                for (index_t j = 0; j < count; ++j)
                    simd::prefetch<simd::asking::write>(o_row(row) + j * p_.o.strides[2], value_dim_);
            });
            divide(o_panel(i), value_dim_, w_.sum + i * panel);
            for_each_stretch(i, [&](index_t row, index_t count) {
                simd::transpose(o_panel(i) + row % panel, panel, value_dim_, count, o_row(row), p_.o.strides[2]);
            });
        }
        if (p_.tail.policy != empty_rows::zeros) apply_policy();
        return true;
    }

    /// Rows without any weight. One mean serves a whole block, but for dropout's choice.
    void apply_policy() {
        const float* mean = nullptr;
        for (index_t row = 0; row < rows_; ++row) {
            const index_t head = head_of(row);
            if (w_.sum[row] != 0.f || p_.tail.sink_of(head) != double(minus_infinity)) continue;
            if (p_.tail.policy == empty_rows::error)
                return p_.tail.note_empty((block_.b * p_.q.heads + head) * p_.q.len + query_of(row));
            float* out = o_row(row);
            if (mean) std::copy_n(mean, value_dim_, out);
            else write_mean(out, head, query_of(row) + p_.q_offset);
            if (!p_.tail.dropout.active()) mean = out;
        }
    }

    /// The mean of all values that dropout keeps; 0 where there are no keys.
    void write_mean(float* out, index_t head, index_t position) {
        const index_t keys = p_.kv_len(block_.b);
        const dropout_options& dropout = p_.tail.dropout;
        for_each_piece({0, keys}, visit_keys(head_dim_, value_dim_), [&](span piece) {
            const float_rows v = p_.v(block_.b, kv_head_, piece, w_.v);
            for (index_t c = 0; c < value_dim_; ++c) {
                double sum = 0;
                for (index_t key = piece.begin; key < piece.end; ++key)
                    if (dropout.keeps(block_.b, head, position, key))
                        sum += double(v.first[(key - piece.begin) * v.stride + c]);
                out[c] += static_cast<float>(sum * double(dropout.kept_factor()) / double(keys));
            }
        });
    }

    void write_lse(index_t row) {
        const float sum = w_.sum[row];
        const double lse =
            sum == 0.f ? double(minus_infinity) : double(w_.max[row]) * double(unit()) + std::log(double(sum));
        p_.lse
            .data[block_.b * p_.lse.strides[0] + head_of(row) * p_.lse.strides[1] + query_of(row) * p_.lse.strides[2]] =
            static_cast<float>(p_.tail.lse_with_sink(lse, head_of(row)));
    }

    const problem& p_;
    const Mask& mask_;
    const Score& score_mod_;
    row_block block_;
    workspace w_;
    index_t rows_, kv_head_;
    index_t head_dim_ = p_.q.head_dim, value_dim_ = p_.v.head_dim;

    // the keys and values that are visited now, from key first_ on; not of a thin panel that is alone
    index_t first_ = 0;
    float_rows k_{}, v_{};
    index_t packed_ = 0;    ///< panels
    bool masks_ = false;    ///< some tile was partial
    bool careful_ = false;  ///< some value may not be finite, and a mask may hide it
    index_t tile_end_ = 0;  ///< of the panel's tile

    /// What a panel's rows see of a partial run, as in visible_bits, and room for a step of keys more.
    std::uint64_t visible_[kv_tile + most_step];

    // Keys and values before these have been asked for or met. Values are asked for while the same tile's keys are read, and
    // keys a tile ahead, while values are read: by the first panel that comes near them.
    index_t k_asked_ = 0, v_asked_ = 0;

    line_list lines_;  ///< to be asked for while a tile's keys are read

    // asked for by tiles whose values somebody has asked for
    wanted_rows to_write_ = {{o_row(0), p_.o.strides[2]}, value_dim_, block_.heads.size() == 1 ? rows_ : 0};
    wanted_rows next_q_ = {};

    /// The thin panel's tile whose values are yet to be added, and by how much the output shrinks then.
    struct {
        span keys{0, 0};
        bool careful = false;
        alignas(64) float shrink[simd::width] = {};
    } waiting_;
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

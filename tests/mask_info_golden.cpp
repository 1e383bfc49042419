// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// mask_info against what ejkernel's MaskInfo answers (tests/golden/ejkernel/generate.py), operation by operation. Where
// Domino differs on purpose, a rule written here from the case's inputs says so, and the difference is counted; every
// other case must agree.
#include <domino/info/mask_info.hpp>
#include <domino/kernel/any_mask.hpp>
#include <iostream>
#include <map>

#include "mask_info_data.hpp"

using namespace domino;
using namespace mask_info_data;

namespace {

using info_t = mask_info<any_mask>;
using ints = std::vector<std::int32_t>;

/// Why an answer differs on purpose -> how often.
using tally = std::map<std::string, int>;

void report(const std::string& name, std::size_t count, const tally& differences) {
    std::cout << "golden " << name << ": " << count << " cases\n";
    for (const auto& [why, times] : differences) std::cout << "  " << times << " differ on purpose: " << why << '\n';
}

// ------------------------------------------------------------------------------------------------------ the mask_info

info_t constructed(const std::vector<value>& w) {
    const char kind = w[0].text[0];
    if (kind == 'S')
        return mask_info<>::from_segments(w[1].tokens(), {.kv_segment_ids = w[2].tokens(),
                                                          .q_positions = w[3].tokens(),
                                                          .kv_positions = w[4].tokens(),
                                                          .is_attn_mask = w[5].number() == 1});
    if (kind == 'M') {
        const attention_mask_options options{w[3].tokens(), w[4].tokens(), w[2].number() == 1};
        const index_t* data = w[1].entries.data();
        const auto& n = w[1].extents;
        if (n.size() == 2) return mask_info<>::from_attention_mask(data, {n[0], n[1]}, options);
        if (n.size() == 3) return mask_info<>::from_attention_mask(data, {n[0], n[1], n[2]}, options);
        return mask_info<>::from_attention_mask(data, {n[0], n[1], n[2], n[3]}, options);
    }
    if (kind == 'C') {
        cu_seqlens_options options{
            .max_q_len = w[2].number(), .q_positions = w[5].tokens(), .kv_positions = w[6].tokens()};
        if (w[3].known()) options.kv = cu_seqlens{w[3].list(), cu_format::pairs};
        if (w[4].known()) options.max_kv_len = w[4].number();
        return mask_info<>::from_cu_seqlens({w[1].list(), cu_format::pairs}, options);
    }
    REQUIRE(kind == 'R');
    return mask_info<>::from_random(
        w[1].number(), w[2].number(),
        {.kv_len = w[3].number(), .sparsity = std::stod(w[4].text), .seed = static_cast<std::uint32_t>(w[5].number())});
}

/// A per-batch argument of the data: a word is one integer.
std::vector<index_t> each(const value& v, index_t batch) {
    return v.kind == value::array ? v.entries : std::vector<index_t>(static_cast<std::size_t>(batch), v.number());
}
bool is_zero(const value& v) { return v.kind == value::word && v.number() == 0; }

/// What may differ from here on, and why.
struct doubts {
    bool ids = false, positions = false, all = false;
    std::string why;
};

bool any_of(const token_array& tokens, auto predicate) {
    return tokens.known() && std::any_of(tokens.values().begin(), tokens.values().end(), predicate);
}
/// Whether a batch entry holds two segments, queries and keys together.
bool packed(const qkv_tokens& ids) {
    if (!ids.q.known()) return false;
    return packs_segments({ids.q.batch(), ids.q.len() + ids.kv.len(), [&](index_t row, index_t i) {
                               return i < ids.q.len() ? ids.q(row, i) : ids.kv(row, i - ids.q.len());
                           }});
}
const auto negative = [](std::int32_t x) { return x < 0; };

info_t window_step(const info_t& x, const std::vector<value>& w, doubts& doubt) {
    const index_t left = w[1].number(), right = w[2].known() ? w[2].number() : left, keys = x.kv_len();
    const window_reach reach{left, right};
    const std::string mode = w[3].text;
    const auto offset = each(w[5], x.batch_size());
    if (mode == "prefill") {
        const index_t theirs = std::min(w[2].known() ? left + right + 1 : left, keys);
        if (theirs != std::min(left + right + 1, keys))
            doubt.all = true, doubt.why = "prefill of a window w keeps w keys, of (w, w) 2 w + 1";
        if (w[5].kind == value::word) return x.apply_sliding_window(reach, window_mode::prefill, w[5].number());
        return x.apply_sliding_window(reach, window_mode::prefill, offset);
    }
    if (mode == "decode") {
        const auto index = each(w[4], x.batch_size());
        const index_t width = std::min(left + right + 1, keys);
        const auto start = [&](index_t i) { return std::clamp<index_t>(i, 0, keys - width); };
        for (std::size_t i = 0; i < index.size(); ++i) {
            const index_t row = std::clamp<index_t>(index[i], 0, x.q_len() - 1);
            if (start(row - left) != start(row + offset[i] - left))
                doubt.all = true, doubt.why = "decode: an offset moves the window and not the keys that are kept";
            if (x.q_len() == 1 && is_zero(w[5]) && index[i] != 0)
                doubt.all = true, doubt.why = "decode: a mask of one row stands at row 0, not at its index";
        }
        const bool one = w[4].kind == value::word;
        const auto run = [&](const auto& at) -> info_t {
            if (is_zero(w[5])) return x.apply_sliding_window(reach, at);
            if (w[5].kind == value::word) return x.apply_sliding_window(reach, at, w[5].number());
            return x.apply_sliding_window(reach, at, offset);
        };
        return one ? run(window_mode::decode(index_t{w[4].number()})) : run(window_mode::decode(index));
    }
    if (is_zero(w[5])) return x.apply_sliding_window(reach);
    if (w[5].kind == value::word) return x.apply_sliding_window(reach, w[5].number());
    return x.apply_sliding_window(reach, offset);
}

info_t types_step(const info_t& x, const std::vector<value>& w, doubts& doubt) {
    const std::map<std::string, zero_policy> policies{{"q", zero_policy::queries},
                                                      {"kv", zero_policy::keys},
                                                      {"both", zero_policy::both},
                                                      {"none", zero_policy::neither}};
    token_type_options options{.zero_policy = policies.at(w[4].text), .kv_types = w[2].tokens()};
    if (w[5].known()) options.update_segment_ids = w[5].number() == 1;
    const token_array types = w[1].tokens(), keys = w[2].known() ? w[2].tokens() : types;
    const std::string how = w[3].text;
    const auto zero = [](std::int32_t t) { return t == 0; };
    if (options.update_segment_ids.value_or(how != "union")) {
        doubt.ids = false;  // they are new
        if (any_of(types, negative) || any_of(keys, negative))
            doubt.ids = true, doubt.why = "negative token types attend and become padding";
        if (w[4].text == "none" && (any_of(types, zero) || any_of(keys, zero)))
            doubt.ids = true, doubt.why = "type 0 attends under zero policy none and becomes padding";
        const qkv_tokens& old = x.known_ids();
        if (how == "intersect" && (packed(old) || any_of(old.q, negative) || any_of(old.kv, negative)))
            doubt.ids = true, doubt.why = "intersected token types forget segments and padding";
    }
    if (how == "union") return x.apply_token_type_ids(types, combine::unite, options);
    if (how == "intersect") return x.apply_token_type_ids(types, combine::intersect, options);
    return x.apply_token_type_ids(types, combine::replace, options);
}

info_t stepped(const info_t& x, const std::vector<value>& w, doubts& doubt) {
    const std::string& operation = w[0].text;
    if (operation == "causal") {
        if (is_zero(w[1])) return x.apply_causal();
        if (w[1].kind == value::word) return x.apply_causal(w[1].number());
        return x.apply_causal(w[1].entries);
    }
    if (operation == "window") return window_step(x, w, doubt);
    if (operation == "types") return types_step(x, w, doubt);
    if (operation == "chunk") {
        if (packed(x.known_ids())) doubt.ids = true, doubt.why = "chunks forget segments";
        if (!x.known_ids().q.known()) doubt.ids = x.heads() > 1;
        else if (doubt.ids && !packed(x.known_ids())) doubt.ids = doubt.why != "chunks forget segments";
        return x.apply_chunked(w[1].number(), w[2].number());
    }
    REQUIRE(operation == "lengths");
    const auto lengths = w[1].entries, end = w[3].entries;
    kv_length_options options{.q_len = w[2].number()};
    if (w[4].known()) options.sliding_window = w[4].number();
    const info_t next = x.apply_kv_lengths(lengths, end, options);
    const bool cut = next.q_len() != x.q_len() || next.kv_len() != x.kv_len();
    if (cut && (x.known_positions().q.known() || x.known_positions().kv.known()))
        doubt.positions = true, doubt.why = "apply_kv_lengths leaves positions of the old lengths";
    return next;
}

/// Whether ids rebuild a mask in all heads.
bool rebuilds(const value& q_ids, const value& kv_ids, const dense_mask<std::uint8_t>& m, bool per_head) {
    const auto& s = m.shape;
    bool same = true;
    for (index_t i = 0; i < s.batch; ++i)
        for (index_t j = 0; j < s.heads; ++j)
            for (index_t k = 0; k < s.q_len; ++k)
                for (index_t l = 0; l < s.kv_len; ++l) {
                    const index_t row = per_head ? i * s.heads + j : i;
                    const index_t query = q_ids.entries[static_cast<std::size_t>(row * s.q_len + k)];
                    const index_t key = kv_ids.entries[static_cast<std::size_t>(row * s.kv_len + l)];
                    same = same && (query == key && key >= 0) == (m(i, j, k, l) != 0);
                }
    return same;
}

bool ascending(const token_array& ids) {
    for (index_t row = 0; row < ids.batch(); ++row)
        for (index_t i = 0, last = -1; i < ids.len(); ++i) {
            if (ids(row, i) >= 0 && ids(row, i) < last) return false;
            last = std::max<index_t>(last, ids(row, i));
        }
    return true;
}
/// What theirs says of each row alone, one row after the other: lengths of ids 0 to the largest; empty where there are
/// more than `most`.
ints row_after_row(const token_array& ids, const token_array& other, index_t most) {
    ints offsets{0};
    for (index_t row = 0; row < ids.batch(); ++row) {
        std::int32_t last = 0;
        for (index_t i = 0; i < ids.len(); ++i) last = std::max(last, ids(row, i));
        for (index_t i = 0; i < other.len(); ++i) last = std::max(last, other(row, i));
        for (std::int32_t id = 0; id <= last; ++id) {
            offsets.push_back(offsets.back());
            for (index_t i = 0; i < ids.len(); ++i) offsets.back() += ids(row, i) == id;
        }
    }
    if (std::ssize(offsets) > most + 1) return {};
    while (std::ssize(offsets) < most + 1) offsets.push_back(offsets.back());
    return offsets;
}
bool has_gap(const token_array& valid) {
    for (index_t row = 0; row < valid.batch(); ++row) {
        index_t first = -1, last = -1, count = 0;
        for (index_t i = 0; i < valid.len(); ++i)
            if (valid(row, i) != 0) first = first < 0 ? i : first, last = i, ++count;
        if (count > 0 && last - first + 1 != count) return true;
    }
    return false;
}

/// The queries (or keys) of a pair that the reduced heads keep.
token_array seen(const dense_mask<std::uint8_t>& m, const std::string& reduce, bool queries) {
    const auto& s = m.shape;
    const auto kept = [&](index_t i, index_t k, index_t l) {
        index_t heads = 0;
        for (index_t j = 0; j < s.heads; ++j) heads += m(i, j, k, l);
        return reduce == "any" ? heads > 0 : reduce == "all" ? heads == s.heads : m(i, 0, k, l) != 0;
    };
    return {s.batch, queries ? s.q_len : s.kv_len, [&](index_t i, index_t n) {
                for (index_t other = 0; other < (queries ? s.kv_len : s.q_len); ++other)
                    if (queries ? kept(i, n, other) : kept(i, other, n)) return 1;
                return 0;
            }};
}

}  // namespace

TEST_CASE("transformations: mask, ids, positions and flags after each chain") {
    const auto all = cases("transformations");
    REQUIRE(all.size() >= 1500);
    tally differences;
    std::map<std::string, int> operations;
    for (const auto& c : all) {
        INFO(c.line);
        doubts doubt;
        std::optional<info_t> x = constructed(c.base);
        std::size_t done = 0;
        const auto run = [&] {
            for (; done < c.steps.size() && !doubt.all; ++done) {
                ++operations[c.steps[done][0].text];
                *x = stepped(*x, c.steps[done], doubt);
            }
        };
        if (c.answer[0].kind == value::raised) {
            CHECK((raises(run) || doubt.all));
            continue;
        }
        run();
        if (doubt.ids || doubt.positions || doubt.all) ++differences[doubt.why];
        const value mask = of(x->attention_mask());
        if (doubt.all) {
            if (done < c.steps.size()) continue;
            // what is kept differs, its extents (but for a prefill's keys) and flags do not
            CHECK(c.answer[0].extents[2] == mask.extents[2]);
            if (c.steps.back()[3].text == "decode") CHECK(c.answer[0].extents == mask.extents);
        } else {
            CHECK(of(x->attention_mask()) == c.answer[0]);
            if (!doubt.ids) {
                CHECK(of(x->known_ids().q) == c.answer[1]);
                CHECK(of(x->known_ids().kv) == c.answer[2]);
            }
            if (!doubt.positions) {
                CHECK(of(x->known_positions().q) == c.answer[3]);
                CHECK(of(x->known_positions().kv) == c.answer[4]);
            }
        }
        const auto& baked = x->baked_in_masks();
        std::string flags;
        for (const bool flag : {baked.causal, baked.sliding_window, baked.chunked, baked.token_type_ids})
            flags += flag ? '1' : '0';
        CHECK(flags == c.answer[5].text);
    }
    for (const char* operation : {"causal", "window", "chunk", "types", "lengths"}) CHECK(operations[operation] > 200);
    CHECK(differences.size() >= 6);
    report("transformations", all.size(), differences);
}

TEST_CASE("accessors and conversions of an info") {
    const auto all = cases("accessors");
    REQUIRE(all.size() >= 400);
    tally differences;
    for (const auto& c : all) {
        INFO(c.line);
        doubts doubt;
        info_t x = constructed(c.base);
        const qkv_tokens given = x.known_ids();
        for (const auto& step : c.steps) x = stepped(x, step, doubt);
        const auto& a = c.answer;
        const index_t most = a[0].number();
        const qkv_tokens& ids = x.known_ids();
        const bool known = ids.q.known(), plain = c.base[0].text != "R" && c.steps.empty();
        const bool several = known && (packs_segments(ids.q) || packs_segments(ids.kv));
        const bool labelled = any_of(given.q, [](std::int32_t id) { return id > 0; }) || !c.steps.empty();
        const auto differs = [&](bool on_purpose, bool same, const char* why) {
            if (same) return;
            CHECK(on_purpose);
            if (on_purpose) ++differences[why];
            else UNSCOPED_INFO(why);
        };

        CHECK(x.batch_size() == a[1].number());
        CHECK(x.q_len() == a[2].number());
        CHECK(x.kv_len() == a[3].number());
        if (doubt.ids) {
            ++differences[doubt.why];
            continue;
        }
        differs((known && several != packs_segments(ids.q)) || labelled, x.is_multi_sequence() == (a[4].number() == 1),
                "one segment that is not labelled 0 counts as several, and packed keys do not count");
        CHECK(x.is_self_attention() == (a[5].number() == 1));
        if (known) {
            const bool pooled = labelled || x.batch_size() > 1;
            differs(pooled, of(x.q_lens()) == a[6], "lengths pool equal ids of different rows, and count from id 0");
            differs(pooled || any_of(given.kv, [](std::int32_t id) { return id > 0; }), of(x.kv_lens()) == a[7],
                    "lengths pool equal ids of different rows, and count from id 0");
        } else {
            CHECK(!a[6].known());
        }
        CHECK(of(x.q_attention_mask()) == a[8]);

        const auto dense = x.attention_mask();
        const bool theirs_rebuild = rebuilds(a[12], a[13], dense, false);
        if (!known && !theirs_rebuild) {
            CHECK(raises([&] { x.segment_ids(); }));
            if (!x.known_positions().q.known()) CHECK(raises([&] { x.positions(); }));
            ++differences["ids and positions of a mask that no ids say"];
        } else {
            CHECK(of(x.q_segment_ids()) == a[12]);
            CHECK(of(x.kv_segment_ids()) == a[13]);
            differs(x.known_positions().q.known(), of(x.q_positions()) == a[9],
                    "q_position_ids ignores given positions");
            CHECK(of(x.positions().q) == a[10]);
            CHECK(of(x.positions().kv) == a[11]);
        }

        const bool theirs_pairs = !known || (c.base[0].text == "C" && c.steps.empty());
        if (theirs_pairs) {
            const qkv_tokens valid = x.valid_tokens();
            if (has_gap(valid.q) || has_gap(valid.kv)) {
                CHECK(raises([&] { x.paired_seqlens(); }));
                ++differences["pairs of start and end forget gaps"];
            } else {
                const auto pairs = x.paired_seqlens();
                const auto same = [](const cu_seqlens& ours, const value& theirs) {
                    bool equal = ours.values.size() == theirs.entries.size();
                    for (std::size_t i = 0; equal && i < ours.values.size(); i += 2)
                        equal = theirs.entries[i] == theirs.entries[i + 1]
                                  ? ours.values[i] == ours.values[i + 1]
                                  : ours.values[i] == theirs.entries[i] && ours.values[i + 1] == theirs.entries[i + 1];
                    return equal;
                };
                CHECK(same(pairs.q, a[14]));
                CHECK(same(pairs.kv, a[15]));
            }
        } else {
            const auto too_many = [&](std::int32_t id) { return id >= most; };
            const bool one_row = x.batch_size() == 1;
            if (!ascending(ids.q) || !ascending(ids.kv)) {
                CHECK(raises([&] { x.cumulative_seqlens(most); }));
                ++differences["cumulative offsets of segments that are not in order"];
            } else if (any_of(ids.q, too_many) || any_of(ids.kv, too_many)) {
                CHECK(raises([&] { x.cumulative_seqlens(most); }));
                ++differences["cumulative offsets drop ids from max_segments on"];
            } else if (one_row) {
                CHECK(of(x.cumulative_seqlens(most).q.values) == a[14]);
                CHECK(of(x.cumulative_seqlens(most).kv.values) == a[15]);
            } else {
                const ints expected = row_after_row(ids.q, ids.kv, most);
                if (expected.empty()) CHECK(raises([&] { x.cumulative_seqlens(most); }));
                else CHECK(x.cumulative_seqlens(most).q.values == expected);
                ++differences["cumulative offsets pool the rows of a batch"];
            }
        }

        // theirs are rebuilt from ids
        CHECK(of(x.qkv_masks().second) == of(dense));
        differs(!theirs_rebuild || !plain || c.base[0].text == "M", of(dense) == a[16],
                "get_qkv_masks drops what ids do not say");
        value bias{value::array, a[17].extents, {}, {}};
        int odd = 0;
        for (const float v : x.bias().data) {
            bias.entries.push_back(v == 0.f);
            odd += v != 0.f && v != std::numeric_limits<float>::lowest();
        }
        CHECK(odd == 0);
        CHECK(bias == a[17]);
    }
    CHECK(differences.size() >= 8);
    report("accessors", all.size(), differences);
}

TEST_CASE("free conversions") {
    const auto all = cases("functions");
    REQUIRE(all.size() >= 1200);
    tally differences;
    std::map<std::string, int> operations;
    for (const auto& c : all) {
        INFO(c.line);
        const auto& w = c.base;
        const auto& a = c.answer;
        const std::string& function = w[0].text;
        ++operations[function];
        if (function == "recover" || function == "attention_pairs") {
            auto n = w[1].extents;
            if (n.size() == 2) n.insert(n.begin(), {1, 1});
            if (n.size() == 3) n.insert(n.begin() + 1, 1);
            const mask_shape shape{n[0], n[1], n[2], n[3]};
            const info_t x = mask_info<>::from_attention_mask(w[1].entries.data(), {n[0], n[1], n[2], n[3]});
            if (function == "recover") {
                const bool per_head = w[2].number() == 1 && w[1].extents.size() == 4;
                const auto ours = recover_segments(x, shape, {.per_head = per_head});
                CHECK(bool(ours) == rebuilds(a[0], a[1], x.attention_mask(), per_head));
                if (ours) {
                    CHECK(of(ours.ids.q).entries == a[0].entries);
                    CHECK(of(ours.ids.kv).entries == a[1].entries);
                } else {
                    ++differences["mask_to_segment_ids of what is no segment mask"];
                }
            } else {
                const std::map<std::string, reduce_heads> reductions{
                    {"any", reduce_heads::any}, {"all", reduce_heads::all}, {"first", reduce_heads::first}};
                const auto run = [&] { return attention_mask_to_qkv_cu_seqlens(x, shape, reductions.at(w[2].text)); };
                const bool gap = has_gap(seen(x.attention_mask(), w[2].text, true)) ||
                                 has_gap(seen(x.attention_mask(), w[2].text, false));
                CHECK(raises(run) == gap);
                if (gap) {
                    ++differences["pairs of start and end forget gaps"];
                } else {
                    CHECK(of(run().q.values) == a[0]);
                    CHECK(of(run().kv.values) == a[1]);
                }
            }
        } else if (function == "mask") {
            const qkv_tokens ids{w[1].tokens(), w[2].tokens()};
            CHECK(of(valid_tokens(ids.q)) == a[0]);
            CHECK(of(valid_tokens(ids.kv)) == a[1]);
            CHECK(of(materialize(segment_mask(ids), {ids.q.batch(), 1, ids.q.len(), ids.kv.len()})) == a[2]);
        } else if (function == "positions") {
            CHECK(of(segment_positions(w[1].tokens(), static_cast<std::int32_t>(w[2].number()))) == a[0]);
        } else if (function == "to_pairs") {
            const token_array valid = w[1].tokens();
            CHECK(raises([&] { mask_to_cu_seqlens(valid); }) == has_gap(valid));
            if (has_gap(valid)) ++differences["pairs of start and end forget gaps"];
            else CHECK(of(mask_to_cu_seqlens(valid).values) == a[0]);
        } else if (function == "from_pairs") {
            const auto x = w[1].list();
            const index_t len = w[2].number();
            bool backwards = false;
            for (std::size_t i = 0; i + 1 < x.size(); i += 2) backwards |= x[i] > x[i + 1];
            const bool doubtful = x.size() > 2 && x.front() == 0 && std::is_sorted(x.begin(), x.end());
            const bool refused = raises([&] { cu_seqlens_to_mask({x, {}}, len); });
            CHECK(refused == (a[0].kind == value::raised || doubtful || backwards));
            CHECK(raises([&] { cu_seqlens_to_mask({x, cu_format::pairs}, len); }) == (x.size() % 2 == 1 || backwards));
            if (a[0].kind != value::raised && !backwards)
                CHECK(of(cu_seqlens_to_mask({x, cu_format::pairs}, len)) == a[0]);
            if (a[0].kind != value::raised && refused)
                ++differences[doubtful ? "cu_seqlens that may be pairs or cumulative"
                                       : "pairs that end before they start"];
        } else if (function == "cumulative") {
            const token_array ids = w[1].tokens();
            const index_t most = w[2].number();
            const auto run = [&] { return segment_ids_to_cu_seqlens({ids, ids}, most); };
            if (!ascending(ids) || any_of(ids, [&](std::int32_t id) { return id >= most; })) {
                CHECK(raises(run));
                ++differences["cumulative offsets of segments out of order, or beyond max_segments"];
            } else if (ids.batch() > 1) {
                const ints expected = row_after_row(ids, ids, most);
                if (expected.empty()) CHECK(raises(run));
                else CHECK(run().q.values == expected);
                ++differences["cumulative offsets pool the rows of a batch"];
            } else {
                CHECK(of(run().q.values) == a[0]);
            }
        } else {
            REQUIRE(function == "chunked");
            const index_t keys = w[3].known() ? w[3].number() : w[2].number();
            const auto run = [&] {
                return mask_info<>::create_chunked_attention_mask(w[1].number(), w[2].number(), keys, w[4].number());
            };
            CHECK(raises(run) == (a[0].kind == value::raised));
            if (!raises(run)) CHECK(of(run()).entries == a[0].entries);
        }
    }
    for (const char* function :
         {"recover", "mask", "positions", "to_pairs", "from_pairs", "attention_pairs", "cumulative", "chunked"})
        CHECK(operations[function] > 100);
    report("functions", all.size(), differences);
}

TEST_CASE("pictures") {
    const auto all = cases("pictures");
    REQUIRE(all.size() >= 200);
    tally differences;
    for (const auto& c : all) {
        INFO(c.line);
        const info_t x = constructed(c.base);
        const auto& w = c.steps.at(0);
        const auto n = [&](std::size_t i) { return w[i].number(); };
        const block_picture_options options{.block_rows = n(1),
                                            .block_columns = n(2),
                                            .b = n(3),
                                            .h = n(4),
                                            .fit_in_screen = n(5) == 1,
                                            .max_rows = n(6),
                                            .max_columns = n(7),
                                            .ascii = w[8].text == "ascii",
                                            .show_segments = n(9) == 1};
        if (c.answer[0].kind == value::raised) {
            CHECK(raises([&] { x.visualize(options); }));
            continue;
        }
        std::string theirs = c.answer[0].text.substr(1), ours = x.visualize(options);
        for (auto at = theirs.find("\\n"); at != std::string::npos; at = theirs.find("\\n", at))
            theirs.replace(at, 2, "\n");
        const auto cell = [&](index_t len, index_t block, index_t most) {
            const index_t blocks = (len + block - 1) / block;
            return options.fit_in_screen ? block * ((blocks + most - 1) / most) : block;
        };
        const index_t rows = cell(x.q_len(), n(1), n(6)), columns = cell(x.kv_len(), n(2), n(7));
        if (rows != n(1) || columns != n(2)) {
            ++differences["the size of a cell names the blocks asked for, not those drawn"];
            theirs.erase(0, theirs.find('\n')), ours.erase(0, ours.find('\n'));
        }
        if (x.q_len() % rows != 0 || x.kv_len() % columns != 0) {
            CHECK(std::count(ours.begin(), ours.end(), '\n') == std::count(theirs.begin(), theirs.end(), '\n'));
            if (ours != theirs) ++differences["a ragged block at an edge is never full"];
        } else {
            CHECK(ours == theirs);
        }
    }
    report("pictures", all.size(), differences);
}

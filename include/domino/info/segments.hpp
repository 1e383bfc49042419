// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Segment ids: from a mask and to one, positions within segments, finer segments. An id is a label; negative is padding.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "domino/info/token_array.hpp"
#include "domino/mask/document.hpp"
#include "domino/tile/inspect.hpp"
#include "domino/tile/stats.hpp"

namespace domino::inline DOMINO_ARCH {

/// A value a token for the queries, [batch, q_len], and for the keys, [batch, kv_len].
struct qkv_tokens {
    token_array q, kv;
    friend bool operator==(const qkv_tokens&, const qkv_tokens&) = default;
};

namespace detail {
/// Throws where a side is unknown, or the sides are of different batches.
inline void check_both(const char* argument, const qkv_tokens& tokens) {
    if (!tokens.q.known() || !tokens.kv.known())
        fail(argument, "those of queries and of keys", tokens.q.known() || tokens.kv.known() ? "one of them" : "none");
    if (tokens.q.batch() != tokens.kv.batch())
        fail(argument, "keys of the queries' batch, " + std::to_string(tokens.q.batch()),
             std::to_string(tokens.kv.batch()));
}
}  // namespace detail

/// The mask of segments, ids(b, q) == ids(b, kv) >= 0, over ids that it owns.   (ejkernel segment_ids_to_mask)
inline auto segment_mask(const qkv_tokens& ids) {
    detail::check_both("segment_ids", ids);
    const auto keys = ids.kv.as_table(ids.q == ids.kv ? "ids" : "kv_ids");
    return same_segment(ids.q == ids.kv ? keys : ids.q.as_table("q_ids"), keys);
}
using segment_expression = decltype(segment_mask(std::declval<qkv_tokens>()));

/// 1 where a token belongs to a segment, 0 where it is padding.
inline token_array valid_tokens(const token_array& ids) {
    return ids.map([](std::int32_t id) { return id >= 0 ? 1 : 0; });
}
/// Ids of one segment: 0 where `valid` is not zero, else -1.
inline token_array padding_ids(const token_array& valid) {
    return valid.map([](std::int32_t v) { return v != 0 ? 0 : -1; });
}

/// Positions that start at 0 in each run of one id; padding gets `padding`: ids 0 0 7 7 -1 7 give 0 1 0 1 padding 0.
/// (ejkernel; its padding is -1 for queries, 2^31 - 1 for keys)
inline token_array segment_positions(const token_array& ids, std::int32_t padding) {
    std::int32_t position = 0;
    return {ids.batch(), ids.len(), [&](index_t row, index_t i) {
                const std::int32_t id = ids(row, i);
                position = i > 0 && ids(row, i - 1) == id ? position + 1 : 0;
                return id < 0 ? padding : position;
            }};
}

/// Whether any row of the array holds two segments.
inline bool packs_segments(const token_array& ids) {
    for (index_t row = 0; row < ids.batch(); ++row) {
        std::int32_t first = -1;
        for (index_t i = 0; i < ids.len(); ++i) {
            const std::int32_t id = ids(row, i);
            if (first >= 0 && id >= 0 && id != first) return true;
            if (id >= 0) first = id;
        }
    }
    return false;
}

/// 1 for the queries that see a key, and for the keys that a query sees, in any head.
template <MaskMod M>
qkv_tokens visible_tokens(const M& mask_mod, const mask_shape& shape) {
    const auto expression = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    const auto any = [&](index_t batch, span rows, span keys) {
        for (index_t head = 0; head < shape.heads; ++head)
            if (detail::sees_any(expression, {batch, head, rows, keys})) return 1;
        return 0;
    };
    const span all_rows{0, shape.q_len}, all_keys{0, shape.kv_len};
    return {{shape.batch, shape.q_len, [&](index_t batch, index_t row) { return any(batch, row, all_keys); }},
            {shape.batch, shape.kv_len, [&](index_t batch, index_t key) { return any(batch, all_rows, key); }}};
}

/// How to read segments from a mask.
struct recover_options {
    bool per_head = false;   ///< ids for each head, [batch * heads, len], in place of ids that all heads share
    bool any_order = false;  ///< also a mask whose keys hold the segments in another order than its queries
};

/// Segment ids that say the mask exactly, or why there are none.
struct recovered_segments {
    qkv_tokens ids;
    std::string reason;  ///< empty where the ids were found
    explicit operator bool() const { return reason.empty(); }
};

namespace detail {

/// One (b, h): queries that see the same keys are a segment, numbered from 0 as they appear. Returns why it cannot be.
template <Expression E>
std::string recover_slice(const E& expression, point at, std::vector<index_t>& q_ids, std::vector<index_t>& kv_ids,
                          bool any_order) {
    std::fill(q_ids.begin(), q_ids.end(), -1);
    std::fill(kv_ids.begin(), kv_ids.end(), -1);
    index_t segments = 0, last_first = -1;
    std::vector<bool> sees(kv_ids.size());
    for (at.q = 0; at.q < std::ssize(q_ids); ++at.q) {
        for (at.kv = 0; at.kv < std::ssize(kv_ids); ++at.kv)
            sees[static_cast<std::size_t>(at.kv)] = evaluate(expression, at);
        const index_t first = std::find(sees.begin(), sees.end(), true) - sees.begin();
        if (first == std::ssize(sees)) continue;
        const index_t known = kv_ids[static_cast<std::size_t>(first)], id = known < 0 ? segments : known;
        const std::string query = "query " + std::to_string(at.q) + " of batch entry " + std::to_string(at.b);
        for (std::size_t key = 0; key < sees.size(); ++key)
            if (known < 0 ? sees[key] && kv_ids[key] >= 0 : sees[key] != (kv_ids[key] == id))
                return query + " sees a part of a segment (key " + std::to_string(key) + ")";
        if (known < 0) {
            if (!any_order && first < last_first)
                return query + " begins a segment whose keys come before an earlier one's";
            last_first = first;
            for (std::size_t key = 0; key < sees.size(); ++key)
                if (sees[key]) kv_ids[key] = id;
            ++segments;
        }
        q_ids[static_cast<std::size_t>(at.q)] = id;
    }
    return {};
}

}  // namespace detail

/// Segment ids of a mask, verified: same_segment of the ids is the mask, or the reason says why no ids are. Segments are
/// numbered from 0 as they appear; what sees and is seen by nothing is -1. Time q_len * kv_len a slice.
/// (ejkernel mask_to_segment_ids, which gives ids to any mask: causal becomes the identity)
template <MaskMod M>
recovered_segments recover_segments(const M& mask_mod, const mask_shape& shape, recover_options options = {}) {
    const auto expression = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    const index_t heads = options.per_head ? shape.heads : std::min<index_t>(shape.heads, 1);
    std::vector<std::int32_t> q_all, kv_all;
    std::vector<index_t> q_ids(static_cast<std::size_t>(shape.q_len)), kv_ids(static_cast<std::size_t>(shape.kv_len));
    auto q_first = q_ids, kv_first = kv_ids;
    for (index_t batch = 0; batch < shape.batch; ++batch)
        for (index_t head = 0; head < shape.heads; ++head) {
            const std::string reason =
                detail::recover_slice(expression, {batch, head}, q_ids, kv_ids, options.any_order);
            if (!reason.empty()) return {{}, "not a segment mask: " + reason};
            if (head > 0 && !options.per_head && (q_ids != q_first || kv_ids != kv_first))
                return {{}, "not a segment mask of all heads: head " + std::to_string(head) + " differs from head 0"};
            if (head == 0) q_first = q_ids, kv_first = kv_ids;
            if (head < heads) {
                q_all.insert(q_all.end(), q_ids.begin(), q_ids.end());
                kv_all.insert(kv_all.end(), kv_ids.begin(), kv_ids.end());
            }
        }
    return {{{q_all.data(), shape.batch * heads, shape.q_len}, {kv_all.data(), shape.batch * heads, shape.kv_len}}, {}};
}

namespace detail {

/// A side of qkv_tokens.
using tokens_of = token_array qkv_tokens::*;

/// The distinct values(side, row, i) of each row's queries and keys, ascending, without negative ones.
template <class F>
std::vector<std::vector<index_t>> distinct(const qkv_tokens& tokens, const F& values) {
    std::vector<std::vector<index_t>> rows(static_cast<std::size_t>(tokens.q.batch()));
    for (index_t row = 0; row < tokens.q.batch(); ++row) {
        auto& known = rows[static_cast<std::size_t>(row)];
        for (const tokens_of side : {&qkv_tokens::q, &qkv_tokens::kv})
            for (index_t i = 0; i < (tokens.*side).len(); ++i)
                if (const index_t x = values(side, row, i); x >= 0 && (known.empty() || known.back() != x))
                    known.push_back(x);
        std::sort(known.begin(), known.end());
        known.erase(std::unique(known.begin(), known.end()), known.end());
    }
    return rows;
}
inline index_t rank(const std::vector<std::vector<index_t>>& rows, index_t row, index_t value) {
    const auto& known = rows[static_cast<std::size_t>(row)];
    return std::lower_bound(known.begin(), known.end(), value) - known.begin();
}

/// values(side, row, i) as ids of such tokens; where one needs more than 32 bits, each one's rank in its row.
template <class F>
qkv_tokens numbered(const qkv_tokens& tokens, const F& values) {
    const auto known = distinct(tokens, values);
    const bool fits = std::all_of(known.begin(), known.end(), [](const std::vector<index_t>& row) {
        return row.empty() || row.back() <= std::numeric_limits<std::int32_t>::max();
    });
    const auto numbers = [&](tokens_of side) {
        return token_array((tokens.*side).batch(), (tokens.*side).len(), [&](index_t row, index_t i) {
            const index_t x = values(side, row, i);
            return fits || x < 0 ? x : rank(known, row, x);
        });
    };
    return {numbers(&qkv_tokens::q), numbers(&qkv_tokens::kv)};
}

}  // namespace detail

/// Finer segments: tokens share one where they shared one of `ids` and have equal `keys`; padding in either (negative)
/// stays padding. Numbered so that with one segment a batch entry the new ids are the keys, and in each row by rank where
/// such numbers need more than 32 bits.
inline qkv_tokens refine_segments(const qkv_tokens& ids, const qkv_tokens& keys) {
    detail::check_both("segment_ids", ids);
    index_t count = 1;
    for (const detail::tokens_of side : {&qkv_tokens::q, &qkv_tokens::kv}) {
        const token_array &of = ids.*side, &by = keys.*side;
        const auto extents = [](const token_array& x) {
            return std::to_string(x.batch()) + " x " + std::to_string(x.len());
        };
        if (!by.known() || extents(by) != extents(of))
            detail::fail("refine_segments: keys", extents(of) + ", one for each id", extents(by));
        for (const std::int32_t key : by.values()) count = std::max<index_t>(count, index_t{key} + 1);
    }
    const auto segment = [&](detail::tokens_of side, index_t row, index_t i) { return index_t{(ids.*side)(row, i)}; };
    const auto segments = detail::distinct(ids, segment);
    return detail::numbered(ids, [&](detail::tokens_of side, index_t row, index_t i) -> index_t {
        const index_t id = segment(side, row, i), key = (keys.*side)(row, i);
        return id < 0 || key < 0 ? -1 : detail::rank(segments, row, id) * count + key;
    });
}

}  // namespace domino::inline DOMINO_ARCH

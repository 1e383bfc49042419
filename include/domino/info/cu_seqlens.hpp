// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sequence lengths as offsets. The field writes two things under one name, so ours say which they are.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domino/info/segments.hpp"

namespace domino::inline DOMINO_ARCH {

/// What the entries of a `cu_seqlens` are.
enum class cu_format {
    pairs,       ///< start, end of the valid tokens of each batch entry: [2 * batch]   (ejkernel)
    cumulative,  ///< 0, l0, l0 + l1, ... of the sequences of one packed row: [sequences + 1]   (FlashAttention)
};

/// Offsets, and what they are. Without a format they are taken for pairs, and refused where they could be cumulative as
/// well: {0, 3, 5, 9} is two rows or three sequences.
struct cu_seqlens {
    std::vector<std::int32_t> values;
    std::optional<cu_format> format = {};
    friend bool operator==(const cu_seqlens&, const cu_seqlens&) = default;
};

/// The offsets of queries and of keys.
struct qkv_cu_seqlens {
    cu_seqlens q, kv;
    friend bool operator==(const qkv_cu_seqlens&, const qkv_cu_seqlens&) = default;
};

namespace detail {

inline std::string to_string(const std::vector<std::int32_t>& values) {
    std::string words = "{";
    for (const std::int32_t x : values) words += (words.size() > 1 ? ", " : "") + std::to_string(x);
    return words + "}";
}

/// The format of the offsets, checked: each pair in order and within `len`, or ascending from 0 to at most `len`.
inline cu_format checked_format(const cu_seqlens& cu, index_t len, const char* argument) {
    const auto& x = cu.values;
    const auto wrong = [&](const std::string& expected) { fail(argument, expected, to_string(x)); };
    const bool ascends = !x.empty() && x.front() == 0 && std::is_sorted(x.begin(), x.end());
    const cu_format format = cu.format.value_or(cu_format::pairs);
    if (format == cu_format::cumulative) {
        if (!ascends || x.back() > len)
            wrong("offsets that ascend from 0 to at most the length, " + std::to_string(len));
        return format;
    }
    if (!cu.format && x.size() != 2 && ascends)
        wrong("pairs of start and end, or .format to say that these are cumulative (or are pairs)");
    bool valid = x.size() % 2 == 0;
    for (std::size_t i = 0; valid && i < x.size(); i += 2) valid = 0 <= x[i] && x[i] <= x[i + 1] && x[i + 1] <= len;
    if (!valid) wrong("pairs 0 <= start <= end <= the length, " + std::to_string(len));
    return format;
}

}  // namespace detail

/// Pairs to a mask: 1 for the tokens in [start, end) of each batch entry.   (ejkernel cu_seqlens_to_mask)
/// Cumulative offsets give one row, 1 for the tokens of any sequence.
inline token_array cu_seqlens_to_mask(const cu_seqlens& cu, index_t max_len) {
    detail::at_least(0, max_len, "max_len");
    const auto& x = cu.values;
    if (detail::checked_format(cu, max_len, "cu_seqlens") == cu_format::cumulative)
        return {1, max_len, [&](index_t, index_t i) { return i < x.back() ? 1 : 0; }};
    return {std::ssize(x) / 2, max_len, [&](index_t row, index_t i) {
                const auto pair = x.begin() + 2 * row;
                return pair[0] <= i && i < pair[1] ? 1 : 0;
            }};
}

/// Offsets to segment ids: of pairs 0 for the tokens inside; of cumulative offsets, one row, the sequence's number; -1
/// elsewhere.
inline token_array cu_seqlens_to_segment_ids(const cu_seqlens& cu, index_t max_len) {
    if (cu.format != cu_format::cumulative) return padding_ids(cu_seqlens_to_mask(cu, max_len));
    detail::checked_format(cu, max_len, "cu_seqlens");
    const auto& x = cu.values;
    return {1, max_len, [&](index_t, index_t i) {
                return i < x.back() ? std::upper_bound(x.begin(), x.end(), i) - x.begin() - 1 : -1;
            }};
}

/// A mask [batch, len] of tokens, not zero = valid, to pairs; a row with none gives 0, 0. Throws where a row's valid
/// tokens have a gap, which a pair cannot say.   (ejkernel qkv_masks_to_cu_seqlens, which forgets the gap)
inline cu_seqlens mask_to_cu_seqlens(const token_array& valid) {
    cu_seqlens cu{{}, cu_format::pairs};
    for (index_t row = 0; row < valid.batch(); ++row) {
        index_t begin = 0, end = 0;
        for (index_t i = 0; i < valid.len(); ++i) {
            if (valid(row, i) == 0) continue;
            if (end > begin && i > end)
                detail::fail("mask", "valid tokens without a gap in each row",
                             "a gap before token " + std::to_string(i) + " of row " + std::to_string(row));
            if (end == begin) begin = i;
            end = i + 1;
        }
        cu.values.push_back(static_cast<std::int32_t>(begin));
        cu.values.push_back(static_cast<std::int32_t>(end));
    }
    return cu;
}
inline qkv_cu_seqlens mask_to_cu_seqlens(const qkv_tokens& valid) {
    return {mask_to_cu_seqlens(valid.q), mask_to_cu_seqlens(valid.kv)};
}

/// Lengths of the sequences that the ids make, row after row: the tokens of each id of a row from 0 to its largest (one
/// length at least, so an empty row is a sequence of length 0). Ids are below `max_segments`, or, if it is absent, below
/// 2^16 or at most the number of a row's tokens.
inline std::vector<std::vector<std::int32_t>> lengths_by_id(const token_array& ids,
                                                            std::optional<index_t> max_segments = {}) {
    const index_t most = max_segments.value_or(std::max<index_t>(ids.len() + 1, 1 << 16));
    std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(ids.batch()), {0});
    for (index_t row = 0; row < ids.batch(); ++row) {
        auto& lengths = rows[static_cast<std::size_t>(row)];
        for (index_t i = 0; i < ids.len(); ++i) {
            const std::int32_t id = ids(row, i);
            if (id < 0) continue;
            if (id >= most)
                detail::fail("segment ids", "ids below " + std::to_string(most) + " to count by", std::to_string(id));
            if (std::ssize(lengths) <= id) lengths.resize(static_cast<std::size_t>(id) + 1);
            ++lengths[static_cast<std::size_t>(id)];
        }
    }
    return rows;
}

/// Segment ids to cumulative offsets into the tokens that are not padding, batch entries one after the other: sequence
/// i of a row is its id i, and ids that a row skips are sequences of length 0. Queries and keys count the same
/// sequences. Throws where a row's ids do not ascend, for then a sequence is not a stretch of tokens. With
/// `max_segments`, as many lengths, the rest 0, and no more.   (FlashAttention varlen; ejkernel pools equal ids of
/// different rows, and drops ids from max_segments on)
inline qkv_cu_seqlens segment_ids_to_cu_seqlens(const qkv_tokens& ids, std::optional<index_t> max_segments = {}) {
    detail::check_both("segment_ids", ids);
    for (const token_array* side : {&ids.q, &ids.kv})
        for (index_t row = 0; row < side->batch(); ++row) {
            std::int32_t last = -1;
            for (index_t i = 0; i < side->len(); ++i) {
                const std::int32_t id = (*side)(row, i);
                if (id >= 0 && id < last)
                    detail::fail(
                        "segment ids", "ids that ascend along each row",
                        std::to_string(id) + " after " + std::to_string(last) + " in row " + std::to_string(row));
                last = std::max(id, last);
            }
        }
    auto q_rows = lengths_by_id(ids.q, max_segments), kv_rows = lengths_by_id(ids.kv, max_segments);
    index_t sequences = 0;
    for (std::size_t row = 0; row < q_rows.size(); ++row) {
        const std::size_t count = std::max(q_rows[row].size(), kv_rows[row].size());
        q_rows[row].resize(count);
        kv_rows[row].resize(count);
        sequences += static_cast<index_t>(count);
    }
    if (max_segments && sequences > *max_segments)
        detail::fail("segment ids", "at most " + std::to_string(*max_segments) + " sequences",
                     std::to_string(sequences));
    const auto summed = [&](const std::vector<std::vector<std::int32_t>>& rows) {
        cu_seqlens cu{{0}, cu_format::cumulative};
        for (const auto& lengths : rows)
            for (const std::int32_t n : lengths) cu.values.push_back(cu.values.back() + n);
        if (max_segments) cu.values.resize(static_cast<std::size_t>(*max_segments) + 1, cu.values.back());
        return cu;
    };
    return {summed(q_rows), summed(kv_rows)};
}

/// How several heads of a mask become one.
enum class reduce_heads { any, all, first };

/// Pairs around the queries that see a key and the keys that a query sees, over `any` head, the pairs that `all` heads
/// have, or the `first` head.   (ejkernel attention_mask_to_qkv_cu_seqlens)
template <MaskMod M>
qkv_cu_seqlens attention_mask_to_qkv_cu_seqlens(const M& mask_mod, const mask_shape& shape,
                                                reduce_heads reduce = reduce_heads::any) {
    const auto expression = as_mask(mask_mod);
    if (reduce != reduce_heads::all) {
        mask_shape seen = shape;
        if (reduce == reduce_heads::first) seen.heads = std::min<index_t>(shape.heads, 1);
        return mask_to_cu_seqlens(visible_tokens(expression, seen));
    }
    detail::check_shape(expression, shape);
    const auto in_all_heads = scalar([&](int batch, int, int row, int key) {
        bool sees = true;
        for (index_t head = 0; sees && head < shape.heads; ++head)
            sees = evaluate(expression, point{batch, head, row, key});
        return sees;
    });
    return mask_to_cu_seqlens(visible_tokens(in_all_heads, {shape.batch, 1, shape.q_len, shape.kv_len}));
}

}  // namespace domino::inline DOMINO_ARCH

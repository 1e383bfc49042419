// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask in blocks of a given size, with the segments of queries and keys along its sides.
#pragma once

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "domino/info/visualize.hpp"

namespace domino::inline DOMINO_ARCH {

/// How to draw blocks: one (b, h), a cell a block of `block_rows` queries by `block_columns` keys; with `fit_in_screen`
/// as many whole blocks a cell as it takes to stay within `max_rows` by `max_columns` cells.
struct block_picture_options {
    index_t block_rows = 32, block_columns = 32;
    index_t b = 0, h = 0;
    bool fit_in_screen = true;
    index_t max_rows = 32, max_columns = 64;
    bool ascii = false;         ///< "##" and ".." in place of "██" and "░░"
    bool show_segments = true;  ///< ids of the queries at the left, of the keys (their last two digits) above
};

namespace detail {

/// The id of each stretch of `size` tokens: -1 for padding, -2 for several.
inline std::vector<index_t> block_labels(std::span<const index_t> ids, index_t size) {
    std::vector<index_t> labels;
    for (index_t begin = 0; begin < std::ssize(ids); begin += size) {
        const auto block = ids.subspan(static_cast<std::size_t>(begin),
                                       static_cast<std::size_t>(std::min(size, std::ssize(ids) - begin)));
        const index_t id = std::max<index_t>(block[0], -1);
        const auto same = [&](index_t other) { return std::max<index_t>(other, -1) == id; };
        labels.push_back(std::all_of(block.begin(), block.end(), same) ? id : -2);
    }
    return labels;
}

inline std::string side_label(index_t id) {
    const std::string words = id == -1 ? "PAD" : id == -2 ? "MIX" : std::to_string(id);
    return std::string(words.size() < 6 ? 6 - words.size() : 0, ' ') + words;
}
inline std::string top_label(index_t id) {
    if (id < 0) return id == -1 ? "  " : "??";
    return {static_cast<char>('0' + id / 10 % 10), static_cast<char>('0' + id % 10)};
}

}  // namespace detail

/// The mask as text in blocks, two characters each: full "██", partial "░░", empty "  ", in a frame, with the ids of
/// the tokens of batch entry b, where both are given and asked for. Full and empty are exact by the pairs that exist, so
/// a ragged block at an edge can be full.   (ejkernel MaskInfo.visualize)
template <MaskMod M>
std::string visualize_blocks(const M& mask_mod, const mask_shape& shape, std::span<const index_t> q_ids = {},
                             std::span<const index_t> kv_ids = {}, const block_picture_options& options = {}) {
    const auto expression = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    for (const auto& [argument, value] : {std::pair{"block_rows", options.block_rows},
                                          {"block_columns", options.block_columns},
                                          {"max_rows", options.max_rows},
                                          {"max_columns", options.max_columns}})
        detail::at_least(1, value, argument);
    const auto within = [](const char* argument, index_t i, index_t end) {
        if (i < 0 || i >= end) detail::fail(argument, "0 to " + std::to_string(end - 1), std::to_string(i));
    };
    within("b", options.b, shape.batch);
    within("h", options.h, shape.heads);
    const bool given = !(q_ids.empty() && kv_ids.empty());
    const auto check_ids = [&](const char* argument, index_t expected, index_t got) {
        if (given && got != expected)
            detail::fail(argument, std::to_string(expected) + " ids, one a token, or none of queries and keys",
                         std::to_string(got));
    };
    check_ids("q_ids", shape.q_len, std::ssize(q_ids));
    check_ids("kv_ids", shape.kv_len, std::ssize(kv_ids));

    const auto cell_size = [&](index_t len, index_t block, index_t most) {
        const index_t blocks = (len + block - 1) / block;
        return options.fit_in_screen ? block * std::max<index_t>((blocks + most - 1) / most, 1) : block;
    };
    const detail::picture_cells cells(shape, options.b, options.h,
                                      cell_size(shape.q_len, options.block_rows, options.max_rows),
                                      cell_size(shape.kv_len, options.block_columns, options.max_columns));
    const bool labelled = options.show_segments && given;
    const auto q_labels = detail::block_labels(q_ids, cells.block_rows);
    const auto number = [](index_t i) { return std::to_string(i); };
    const std::string margin(labelled ? 6 : 0, ' ');
    const std::string bar =
        margin + "  " + std::string(static_cast<std::size_t>(cells.rows > 0 ? 2 * cells.columns : 0), '=') + "  \n";

    std::string out = "Attention mask (batch=" + number(options.b) + ", head=" + number(options.h) + ") block=(" +
                      number(cells.block_rows) + "x" + number(cells.block_columns) + ") mask_shape=(" +
                      number(shape.batch) + ", " + number(shape.heads) + ", " + number(shape.q_len) + ", " +
                      number(shape.kv_len) + ")\n";
    if (labelled && cells.columns > 0) {
        out += margin + "   ";
        for (const index_t id : detail::block_labels(kv_ids, cells.block_columns)) out += detail::top_label(id);
        out += '\n';
    }
    out += bar;
    cells.for_each_cell([&](index_t row, index_t column, const tile& t) {
        const tile_kind kind = detail::exact_kind(expression, t);
        if (column == 0)
            out += (labelled ? detail::side_label(q_labels[static_cast<std::size_t>(row)]) + " " : "") + "||";
        out += kind == tile_kind::full    ? (options.ascii ? "##" : "██")
             : kind == tile_kind::partial ? (options.ascii ? ".." : "░░")
                                          : "  ";
        if (column + 1 == cells.columns) out += "||\n";
    });
    out += bar + "Legend mask: full='██'/##, partial='░░'/.., empty='  '\n";
    if (labelled) out += "Legend seg: left=Q block ID, top=KV block ID, PAD=-1, MIX=??\n";
    return out;
}

}  // namespace domino::inline DOMINO_ARCH

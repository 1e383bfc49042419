// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask as a picture: characters for a terminal, or an SVG.
#pragma once

#include <algorithm>
#include <string>

#include "domino/tile/stats.hpp"

namespace domino::inline DOMINO_ARCH {

/// What to draw: one (b, h), at most `rows` by `columns` cells; larger masks are drawn in blocks.
struct picture_options {
    index_t b = 0, h = 0;
    index_t rows = 32, columns = 64;
    bool ascii = false;  ///< '#', '.' and ' ' in place of block characters
};

namespace detail {

/// The cells of a picture: a block of the mask each, with the share of pairs that the mask keeps there.
struct picture {
    index_t block_rows, block_columns, rows, columns;

    picture(const mask_shape& shape, index_t block_q, index_t block_kv)
        : block_rows(block_q),
          block_columns(block_kv),
          rows((shape.q_len + block_q - 1) / block_q),
          columns((shape.kv_len + block_kv - 1) / block_kv) {}
    picture(const mask_shape& shape, const picture_options& options) {
        at_least(1, options.rows, "picture_options.rows");
        at_least(1, options.columns, "picture_options.columns");
        if (options.b < 0 || options.b >= shape.batch || options.h < 0 || options.h >= shape.heads)
            fail("picture_options", "b and h within the shape",
                 "(" + std::to_string(options.b) + ", " + std::to_string(options.h) + ")");
        block_rows = std::max<index_t>((shape.q_len + options.rows - 1) / options.rows, 1);
        block_columns = std::max<index_t>((shape.kv_len + options.columns - 1) / options.columns, 1);
        rows = (shape.q_len + block_rows - 1) / block_rows;
        columns = (shape.kv_len + block_columns - 1) / block_columns;
    }

    /// Calls f(row, column, kind) for one (b, h): `full` and `empty` are exact, by the pairs that exist (ragged edges
    /// too).
    template <Expression E, class F>
    void for_each_cell(const E& expression, const mask_shape& shape, index_t batch, index_t head, F f) const {
        for (index_t row = 0; row < rows; ++row)
            for (index_t column = 0; column < columns; ++column) {
                const tile t{batch,
                             head,
                             {row * block_rows, std::min((row + 1) * block_rows, shape.q_len)},
                             {column * block_columns, std::min((column + 1) * block_columns, shape.kv_len)}};
                const index_t kept = count_visible(expression, t);
                f(row, column, kept == 0 ? tile_kind::empty : kept == t.pairs() ? tile_kind::full : tile_kind::partial);
            }
    }
};

}  // namespace detail

/// The mask as lines of text, a character a block: full "█", partial "░", empty "·"; queries down, keys to the right.
template <MaskMod M>
std::string visualize(const M& mask_mod, const mask_shape& shape, const picture_options& options = {}) {
    const auto expression = mask(mask_mod);
    detail::check_shape(expression, shape);
    const detail::picture cells(shape, options);
    std::string out;
    cells.for_each_cell(expression, shape, options.b, options.h, [&](index_t, index_t column, tile_kind kind) {
        const bool ascii = options.ascii;
        out += kind == tile_kind::full    ? (ascii ? "#" : "█")
             : kind == tile_kind::partial ? (ascii ? "." : "░")
                                          : (ascii ? " " : "·");
        if (column + 1 == cells.columns) out += '\n';
    });
    return out;
}

/// The mask as an SVG document: full blocks dark, partial ones light, with the mask's text as the title.
template <MaskMod M>
std::string visualize_svg(const M& mask_mod, const mask_shape& shape, const picture_options& options = {}) {
    const auto expression = mask(mask_mod);
    detail::check_shape(expression, shape);
    const detail::picture cells(shape, options);
    constexpr index_t side = 10;
    const auto number = [](index_t i) { return std::to_string(i); };
    const std::string width = number(cells.columns * side), height = number(cells.rows * side);
    std::string title;
    for (const char c : to_string(expression))
        title += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height +
                      "\" width=\"" + width + "\" height=\"" + height + "\">\n<title>" + title +
                      "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#f4f1ea\"/>\n";
    cells.for_each_cell(expression, shape, options.b, options.h, [&](index_t row, index_t column, tile_kind kind) {
        if (kind == tile_kind::empty) return;
        out += "<rect x=\"" + number(column * side) + "\" y=\"" + number(row * side) + "\" width=\"" + number(side) +
               "\" height=\"" + number(side) + "\" fill=\"" + (kind == tile_kind::full ? "#1f3a5f" : "#8fb3d9") +
               "\"/>\n";
    });
    return out + "</svg>\n";
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks, their tiles and score mods as pictures: characters for a terminal, or an SVG. PNG: info/png.hpp. Attention
// weights: info/weights.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "domino/info/picture.hpp"
#include "domino/mask/causal.hpp"
#include "domino/tile/stats.hpp"

namespace domino::inline DOMINO_ARCH {

/// What to draw: one (b, h), at most `rows` by `columns` cells; larger score matrices are drawn in blocks.
struct picture_options {
    index_t b = 0, h = 0;
    index_t rows = 32, columns = 64;
    bool ascii = false;  ///< '#', '.' and ' ' in place of block characters
    float score = 0;     ///< what a score mod is given as the score before it
};

namespace detail {

/// The cells of a picture: a block of the score matrix each.
struct picture_cells {
    mask_shape shape;
    index_t batch, head, block_rows, block_columns, rows, columns;

    picture_cells(const mask_shape& s, index_t b_, index_t h_, index_t block_q, index_t block_kv)
        : shape(s),
          batch(b_),
          head(h_),
          block_rows(block_q),
          block_columns(block_kv),
          rows((shape.q_len + block_q - 1) / block_q),
          columns((shape.kv_len + block_kv - 1) / block_kv) {}
    /// With a tile size, blocks divide tiles, or tiles blocks.
    picture_cells(const mask_shape& s, const picture_options& options, tile_size size = {1, 1})
        : picture_cells(s, options.b, options.h,
                        block(s.q_len, at_least(1, options.rows, "picture_options.rows"), size.q),
                        block(s.kv_len, at_least(1, options.columns, "picture_options.columns"), size.kv)) {
        if (batch < 0 || batch >= shape.batch || head < 0 || head >= shape.heads)
            fail("picture_options", "b and h within the shape",
                 "(" + std::to_string(batch) + ", " + std::to_string(head) + ")");
    }

    tile cell(index_t row, index_t column) const {
        return {batch,
                head,
                {row * block_rows, std::min((row + 1) * block_rows, shape.q_len)},
                {column * block_columns, std::min((column + 1) * block_columns, shape.kv_len)}};
    }
    template <class F>
    void for_each_cell(F f) const {
        for (index_t row = 0; row < rows; ++row)
            for (index_t column = 0; column < columns; ++column) f(row, column, cell(row, column));
    }

    /// The mean over each cell of value(q, kv), NaN left out; NaN where nothing is left.
    template <class F>
    std::vector<double> means(F value) const {
        std::vector<double> out;
        out.reserve(static_cast<std::size_t>(rows * columns));
        for_each_cell([&](index_t, index_t, const tile& t) {
            double sum = 0;
            index_t count = 0;
            for (index_t row = t.q.begin; row < t.q.end; ++row)
                for (index_t key = t.kv.begin; key < t.kv.end; ++key)
                    if (const double x = value(row, key); !std::isnan(x)) sum += x, ++count;
            out.push_back(count ? sum / double(count) : std::numeric_limits<double>::quiet_NaN());
        });
        return out;
    }
    /// What a title adds for cells of more than a pair.
    std::string note(const char* of_what) const {
        if (block_rows * block_columns == 1) return {};
        return "; a cell is " + std::string(of_what) + std::to_string(block_rows) + " x " +
               std::to_string(block_columns);
    }

private:
    static index_t block(index_t len, index_t most, index_t tile_len) {
        index_t size = std::max<index_t>(len / most + (len % most != 0), 1);
        while (size < len && size % tile_len != 0 && tile_len % size != 0) ++size;
        return size;
    }
};

/// Whether a mask keeps all, none or some of the pairs of a tile: exact, by the pairs that exist (ragged edges too).
template <Expression E>
tile_kind exact_kind(const E& expression, const tile& t) {
    const index_t kept = count_visible(expression, t);
    return kept == 0 ? tile_kind::empty : kept == t.pairs() ? tile_kind::full : tile_kind::partial;
}

/// What `classify` says of the tiles that a cell meets: one answer if they agree, else partial.
template <Expression E>
tile_kind classify_tiles(const E& expression, const tile& cell, const mask_shape& shape, tile_size size) {
    bool all_empty = true, all_full = true;
    for (index_t i = cell.q.begin / size.q; i * size.q < cell.q.end; ++i)
        for (index_t j = cell.kv.begin / size.kv; j * size.kv < cell.kv.end; ++j) {
            tile t = cell;
            t.q = {i * size.q, std::min((i + 1) * size.q, shape.q_len)};
            t.kv = {j * size.kv, std::min((j + 1) * size.kv, shape.kv_len)};
            const tile_kind kind = classify(expression, t);
            all_empty &= kind == tile_kind::empty;
            all_full &= kind == tile_kind::full;
        }
    return all_empty ? tile_kind::empty : all_full ? tile_kind::full : tile_kind::partial;
}

}  // namespace detail

/// A mask: each cell is empty, partial or full, exactly.
template <MaskMod M>
picture draw(const M& mask_mod, const mask_shape& shape, const picture_options& options = {}) {
    const auto expression = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    const detail::picture_cells cells(shape, options);
    picture out{to_string(expression), cells.rows, cells.columns, {}, {}};
    cells.for_each_cell([&](index_t, index_t, const tile& t) {
        const tile_kind kind = detail::exact_kind(expression, t);
        out.shades.push_back(kind == tile_kind::full ? 1.f : kind == tile_kind::partial ? 0.5f : 0.f);
    });
    return out;
}

/// A score mod as a heat map: what it makes of options.score at each (q, kv), a block's mean where cells are blocks, on a
/// scale from the least to the largest. Pairs that the mask hides, and values that are not finite, are blank. Every pair
/// is visited.
template <ScoreMod S, MaskMod M = decltype(full)>
picture draw(const S& score_mod, const mask_shape& shape, const picture_options& options = {},
             const M& mask_mod = full) {
    const auto expression = as_score_mod(score_mod);
    const auto keep = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    detail::check_shape(keep, shape);
    const detail::picture_cells cells(shape, options);
    const auto value = [&](index_t row, index_t key) {
        const point at{options.b, options.h, row, key, options.score};
        const double x = static_cast<double>(evaluate(expression, at));
        return std::isfinite(x) && evaluate(keep, at) ? x : std::numeric_limits<double>::quiet_NaN();
    };
    return detail::picture_of_values(to_string(expression) + cells.note("the mean of "), cells.rows, cells.columns,
                                     cells.means(value), HUGE_VAL, "hidden or not finite");
}

/// The tiles that the kernel sees over the mask that they are of: empty and full tiles as `classify` finds them, and in
/// partial tiles which cells are hidden, mixed or visible. A partial tile of one kind of cell is one that ranges could
/// not decide. Blocks and tiles are aligned, so there may be fewer cells than the options allow.
template <MaskMod M>
picture draw_tiles(const M& mask_mod, const mask_shape& shape, tile_size size = {},
                   const picture_options& options = {}) {
    const auto expression = as_mask(mask_mod);
    detail::at_least(1, size.q, "tile_size.q");
    detail::at_least(1, size.kv, "tile_size.kv");
    detail::check_shape(expression, shape);
    const detail::picture_cells cells(shape, options, size);
    static constexpr const char* words[] = {"empty tile", "partial tile: hidden", "partial tile: mixed",
                                            "partial tile: visible", "full tile"};
    bool found[5] = {};
    picture out{to_string(expression) + "; tiles of " + std::to_string(size.q) + " x " + std::to_string(size.kv),
                cells.rows,
                cells.columns,
                {},
                {},
                detail::tile_paints};
    cells.for_each_cell([&](index_t, index_t, const tile& t) {
        const auto kind_of_tile = detail::classify_tiles(expression, t, shape, size);
        const auto kind = kind_of_tile == tile_kind::partial ? detail::exact_kind(expression, t) : kind_of_tile;
        const int inner = kind == tile_kind::empty ? 0 : kind == tile_kind::partial ? 1 : 2;
        const int place = kind_of_tile == tile_kind::partial ? 1 + inner : 2 * inner;
        found[place] = true;
        out.shades.push_back(float(place) / 4);
    });
    for (int i = 0; i < 5; ++i)
        if (found[i]) out.legend.push_back({float(i) / 4, words[i]});
    return out;
}

/// The mask as lines of text, a character a block: full "█", partial "░", empty "·"; queries down, keys to the right.
template <MaskMod M>
std::string visualize(const M& mask_mod, const mask_shape& shape, const picture_options& options = {}) {
    return to_text(draw(mask_mod, shape, options), options.ascii);
}

/// The score mod as lines of text from "·", the least, to "█", the largest, and the scale below.
template <ScoreMod S>
std::string visualize(const S& score_mod, const mask_shape& shape, const picture_options& options = {}) {
    return to_text(draw(score_mod, shape, options), options.ascii);
}

/// The mask as an SVG document: full blocks dark, partial ones light, with the mask's text as the title.
template <MaskMod M>
std::string visualize_svg(const M& mask_mod, const mask_shape& shape, const picture_options& options = {}) {
    return to_svg(draw(mask_mod, shape, options));
}

/// The score mod as an SVG document: a heat map with its scale below and its text as the title.
template <ScoreMod S>
std::string visualize_svg(const S& score_mod, const mask_shape& shape, const picture_options& options = {}) {
    return to_svg(draw(score_mod, shape, options));
}

}  // namespace domino::inline DOMINO_ARCH

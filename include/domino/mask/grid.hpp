// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Neighbourhoods of tokens on a canvas: images and video. Sizes are (width, height), x runs first.
#pragma once

#include <cstdint>
#include <string>

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"

namespace domino::inline DOMINO_ARCH {

/// Two sizes in tokens.
struct size2 {
    index_t width, height;
};
/// Three sizes in tokens; time runs last.
struct size3 {
    index_t width, height, time;
};

namespace detail {

/// Keys at most `radius` from the query, whose neighbourhood is moved inward at the edges of [0, length).
template <Expression Q, Expression KV>
constexpr auto neighbours(const Q& at, const KV& key, index_t length, index_t radius) {
    return abs(clamp(at, radius, length - 1 - radius) - key) <= radius;
}

constexpr void check_neighbourhood(const char* argument, index_t canvas, index_t kernel) {
    at_least(1, canvas, argument);
    if (kernel < 1 || kernel > canvas || kernel % 2 == 0)
        fail(argument, "an odd kernel from 1 to the canvas's " + std::to_string(canvas), std::to_string(kernel));
}
constexpr void check_natten(size2 canvas, size2 kernel) {
    check_neighbourhood("natten(canvas, kernel): width", canvas.width, kernel.width);
    check_neighbourhood("natten(canvas, kernel): height", canvas.height, kernel.height);
}
constexpr void check_divides(const char* argument, index_t size, index_t by) {
    at_least(1, by, argument);
    at_least(1, size, argument);
    if (size % by != 0) fail(argument, "a multiple of the tile's " + std::to_string(by), std::to_string(size));
}

}  // namespace detail

/// Tokens of the same row or the same column: q / width == kv / width || q % width == kv % width; width >= 1.
/// (axial attention, Ho et al., 2019)
constexpr auto axial(index_t width) {
    detail::at_least(1, width, "axial(width)");
    return piecewise(q / width == kv / width || q % width == kv % width, cut::lines{width});
}

/// Neighbourhood attention on a canvas in row-major order: |clamp(x_q) - x_kv| <= kernel.width / 2 and likewise in y, where
/// clamp keeps the whole kernel on the canvas. Kernels are odd and fit the canvas.   (NATTEN, Hassani et al., 2023.
/// attention-gym's untiled version mistakes rows for columns on canvases that are not square)
constexpr auto natten(size2 canvas, size2 kernel) {
    detail::check_natten(canvas, kernel);
    const index_t w = canvas.width;
    return piecewise(detail::neighbours(q % w, kv % w, w, kernel.width / 2) &&
                         detail::neighbours(q / w, kv / w, canvas.height, kernel.height / 2),
                     cut::lines{w});
}

/// The same on a canvas laid out tile by tile, each tile and the tiles themselves in row-major order. Tiles divide the
/// canvas.   (attention-gym generate_tiled_natten)
constexpr auto natten_tiled(size2 canvas, size2 kernel, size2 tile) {
    detail::check_natten(canvas, kernel);
    detail::check_divides("natten_tiled(canvas, kernel, tile): width", canvas.width, tile.width);
    detail::check_divides("natten_tiled(canvas, kernel, tile): height", canvas.height, tile.height);
    const index_t per_tile = tile.width * tile.height, tiles = canvas.width / tile.width;
    const auto x = [=](const auto& i) { return i / per_tile % tiles * tile.width + i % per_tile % tile.width; };
    const auto y = [=](const auto& i) { return i / per_tile / tiles * tile.height + i % per_tile / tile.width; };
    const auto mask = detail::neighbours(x(q), x(kv), canvas.width, kernel.width / 2) &&
                      detail::neighbours(y(q), y(kv), canvas.height, kernel.height / 2);
    return piecewise(piecewise(piecewise(mask, cut::lines{tile.width}), cut::lines{per_tile}),
                     cut::lines{per_tile * tiles});
}

/// The same along a Morton curve: bit i of x is bit 2 i of the index, bit i of y bit 2 i + 1. The canvas is as large as
/// its width and height, both at most 2^12; indices that the curve leaves unused see and are seen as they lie.
/// Tiles may stay partial.   (attention-gym generate_morton_natten)
inline auto natten_morton(size2 canvas, size2 kernel) {
    detail::check_natten(canvas, kernel);
    index_t side = 1;
    while (side < canvas.width || side < canvas.height) side *= 2;
    if (side > 4096) detail::fail("natten_morton(canvas, kernel): canvas", "at most 4096 x 4096", std::to_string(side));
    const auto even_bits = [](index_t code) {
        index_t bits = 0;
        for (int i = 0; i < 16; ++i) bits |= (code >> (2 * i) & 1) << i;
        return bits;
    };
    const auto x = tabulate<std::int16_t>("x", even_bits, side * side);
    const auto y = tabulate<std::int16_t>(
        "y", [&](index_t code) { return even_bits(code >> 1); }, side * side);
    return detail::neighbours(x(q), x(kv), canvas.width, kernel.width / 2) &&
           detail::neighbours(y(q), y(kv), canvas.height, kernel.height / 2);
}

namespace detail {

/// Tiles from `kernel` / 2 before the query's to the kernel's end, moved inward at the edges; an even kernel reaches one
/// farther back.
template <Expression Q, Expression KV>
constexpr auto tile_neighbours(const Q& at, const KV& key, index_t tiles, index_t kernel) {
    const index_t before = kernel / 2, after = (kernel - 1) / 2;
    const auto away = key - clamp(at, before, tiles - 1 - after);
    return away >= -before && away <= after;
}

/// What text after the canvas's `pixels` sees and is seen by: all of the canvas sees it, and it sees all.
template <Expression E>
constexpr auto with_text(const E& canvas_mask, index_t pixels, index_t text) {
    const auto sees_text = kv >= pixels && kv < pixels + text;
    return piecewise(where(q < pixels, where(kv < pixels, canvas_mask, sees_text), kv < pixels + text),
                     cut::before{pixels});
}

}  // namespace detail

/// Sliding-tile attention: the canvas is laid out tile by tile, and a tile sees the tiles of the kernel around it, moved
/// inward at the edges. `text` tokens follow the canvas; they see all, and all see them. Tiles divide canvas and kernel,
/// the kernel fits the canvas.   (STA, Zhang et al., 2025; attention-gym generate_sta_mask_mod_2d)
constexpr auto sliding_tile(size2 canvas, size2 kernel, size2 tile, index_t text = 0) {
    detail::check_divides("sliding_tile: canvas width", canvas.width, tile.width);
    detail::check_divides("sliding_tile: canvas height", canvas.height, tile.height);
    detail::check_divides("sliding_tile: kernel width", kernel.width, tile.width);
    detail::check_divides("sliding_tile: kernel height", kernel.height, tile.height);
    detail::at_least(kernel.width, canvas.width, "sliding_tile: canvas width");
    detail::at_least(kernel.height, canvas.height, "sliding_tile: canvas height");
    detail::at_least(0, text, "sliding_tile: text");
    const index_t per_tile = tile.width * tile.height, columns = canvas.width / tile.width;
    const auto x = [=](const auto& i) { return i / per_tile % columns; };
    const auto y = [=](const auto& i) { return i / per_tile / columns; };
    const auto mask = detail::tile_neighbours(x(q), x(kv), columns, kernel.width / tile.width) &&
                      detail::tile_neighbours(y(q), y(kv), canvas.height / tile.height, kernel.height / tile.height);
    return detail::with_text(piecewise(mask, cut::lines{per_tile * columns}), canvas.width * canvas.height, text);
}

/// The same in three dimensions, video: tiles run along x, then y, then time.   (attention-gym generate_sta_mask_mod_3d)
constexpr auto sliding_tile_3d(size3 canvas, size3 kernel, size3 tile, index_t text = 0) {
    detail::check_divides("sliding_tile_3d: canvas width", canvas.width, tile.width);
    detail::check_divides("sliding_tile_3d: canvas height", canvas.height, tile.height);
    detail::check_divides("sliding_tile_3d: canvas time", canvas.time, tile.time);
    detail::check_divides("sliding_tile_3d: kernel width", kernel.width, tile.width);
    detail::check_divides("sliding_tile_3d: kernel height", kernel.height, tile.height);
    detail::check_divides("sliding_tile_3d: kernel time", kernel.time, tile.time);
    detail::at_least(kernel.width, canvas.width, "sliding_tile_3d: canvas width");
    detail::at_least(kernel.height, canvas.height, "sliding_tile_3d: canvas height");
    detail::at_least(kernel.time, canvas.time, "sliding_tile_3d: canvas time");
    detail::at_least(0, text, "sliding_tile_3d: text");
    const index_t per_tile = tile.width * tile.height * tile.time;
    const index_t columns = canvas.width / tile.width, rows = canvas.height / tile.height;
    const auto x = [=](const auto& i) { return i / per_tile % columns; };
    const auto y = [=](const auto& i) { return i / (per_tile * columns) % rows; };
    const auto t = [=](const auto& i) { return i / (per_tile * columns * rows); };
    const auto mask = detail::tile_neighbours(x(q), x(kv), columns, kernel.width / tile.width) &&
                      detail::tile_neighbours(y(q), y(kv), rows, kernel.height / tile.height) &&
                      detail::tile_neighbours(t(q), t(kv), canvas.time / tile.time, kernel.time / tile.time);
    return detail::with_text(
        piecewise(piecewise(mask, cut::lines{per_tile * columns}), cut::lines{per_tile * columns * rows}),
        canvas.width * canvas.height * canvas.time, text);
}

/// A video head that looks around in space: q < prompt || kv < sinks || |q - kv| < width, where `sinks` is the prompt or
/// the prompt and the first frame, and `width` counts tokens (Sparse VideoGen rounds frames * tokens down to a multiple of
/// 128).   (Sparse VideoGen, Xi et al., 2025; attention-gym generate_spatial_head_mask_mod)
constexpr auto video_spatial(index_t prompt, index_t sinks, index_t width) {
    detail::at_least(0, prompt, "video_spatial(prompt, sinks, width): prompt");
    detail::at_least(0, sinks, "video_spatial(prompt, sinks, width): sinks");
    detail::at_least(0, width, "video_spatial(prompt, sinks, width): width");
    return piecewise(q < prompt || kv < sinks || abs(q - kv) < width, cut::before{prompt}, cut::before{sinks});
}

/// A video head that looks along time: q < prompt || kv < prompt || the places in their frames of `frame` tokens differ by
/// less than `width`.   (Sparse VideoGen; attention-gym generate_temporal_head_mask_mod)
constexpr auto video_temporal(index_t prompt, index_t frame, index_t width) {
    detail::at_least(0, prompt, "video_temporal(prompt, frame, width): prompt");
    detail::at_least(1, frame, "video_temporal(prompt, frame, width): frame");
    detail::at_least(0, width, "video_temporal(prompt, frame, width): width");
    const auto place = [=](const auto& i) { return (i - prompt) % frame; };
    return piecewise(
        piecewise(q < prompt || kv < prompt || abs(place(q) - place(kv)) < width, cut::lines{frame, prompt}),
        cut::before{prompt});
}

}  // namespace domino::inline DOMINO_ARCH

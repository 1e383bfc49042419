// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A picture as pixels, with the legend written in a small font; as a PPM file without any library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "domino/error.hpp"
#include "domino/info/picture.hpp"

namespace domino::inline DOMINO_ARCH {

/// Pixels [height, width], row-major.
struct image {
    index_t width, height;
    std::vector<colour> pixels;
};

namespace detail {

/// Letters, digits and some signs, 3 pixels wide and 5 high: an octal digit a row, the high bit at the left.
constexpr unsigned glyph(char c) {
    constexpr unsigned digits[] = {075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717};
    constexpr unsigned letters[] = {025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227,
                                    011152, 055655, 044447, 057755, 065555, 025552, 065644, 025573, 065655,
                                    034216, 072222, 055557, 055552, 055775, 055255, 055222, 071247};
    if (c >= '0' && c <= '9') return digits[c - '0'];
    if (c >= 'a' && c <= 'z') return letters[c - 'a'];
    if (c >= 'A' && c <= 'Z') return letters[c - 'A'];
    switch (c) {
        case '-': return 000700;
        case '+': return 002720;
        case '.': return 000002;
        case ',': return 000024;
        case ':': return 002020;
        case ' ': return 0;
        default: return 077777;
    }
}

}  // namespace detail

/// The picture in pixels, `cell` a side of a cell, at least 1, the legend below.
inline image rasterize(const picture& p, index_t cell = 8) {
    constexpr index_t zoom = 2, advance = 4 * zoom, line = 7 * zoom, swatch = 5 * zoom, most = 1 << 15;
    constexpr colour ink{0x20, 0x20, 0x20};
    detail::at_least(1, cell, "rasterize(picture, cell)");
    if (cell > most || p.columns > most / cell || p.rows > most / cell)
        detail::fail("rasterize(picture, cell)", "at most " + std::to_string(most) + " pixels a side",
                     std::to_string(p.rows) + " x " + std::to_string(p.columns) + " cells of " + std::to_string(cell));
    index_t width = std::max<index_t>(p.columns * cell, 1);  // no format has images without pixels
    for (const picture::entry& e : p.legend)
        width = std::max(width, 2 * swatch + advance * static_cast<index_t>(e.words.size()));
    const index_t height = std::max<index_t>(p.rows * cell + line * static_cast<index_t>(p.legend.size()), 1);
    image out{width, height, std::vector<colour>(static_cast<std::size_t>(width * height), detail::paper)};
    const auto fill = [&](index_t x, index_t y, index_t w, index_t h_, colour c) {
        for (index_t i = y; i < y + h_; ++i) std::fill_n(out.pixels.begin() + i * width + x, w, c);
    };
    for (index_t row = 0; row < p.rows; ++row)
        for (index_t column = 0; column < p.columns; ++column)
            fill(column * cell, row * cell, cell, cell, p.colour_of(p(row, column)));
    index_t y = p.rows * cell + zoom;
    for (const picture::entry& e : p.legend) {
        fill(0, y, swatch, swatch, p.colour_of(e.shade));
        index_t x = swatch + swatch / 2;
        for (const char c : e.words) {
            for (index_t bit = 0; bit < 15; ++bit)
                if (detail::glyph(c) >> (14 - bit) & 1) fill(x + bit % 3 * zoom, y + bit / 3 * zoom, zoom, zoom, ink);
            x += advance;
        }
        y += line;
    }
    return out;
}

/// The bytes of a PPM file (binary, P6).
inline std::string to_ppm(const picture& p, index_t cell = 8) {
    const image pixels = rasterize(p, cell);
    std::string out = "P6\n" + std::to_string(pixels.width) + " " + std::to_string(pixels.height) + "\n255\n";
    for (const colour c : pixels.pixels)
        for (const std::uint8_t part : {c.red, c.green, c.blue}) out += static_cast<char>(part);
    return out;
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A picture before it has a format: cells with shades and a legend. Text and SVG are written here, pixels in image.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

struct colour {
    std::uint8_t red, green, blue;
    friend constexpr bool operator==(colour, colour) = default;
};

/// How a shade looks: its colour, and its character in a text with or without block characters.
struct paint {
    colour hue;
    const char* block;
    char ascii;
};

namespace detail {

inline constexpr colour paper{0xf4, 0xf1, 0xea};
inline constexpr paint blank{{0xff, 0xff, 0xff}, "×", 'x'};

/// Empty, partial, full.
inline constexpr paint mask_paints[] = {
    {paper, "·", ' '}, {{0x8f, 0xb3, 0xd9}, "░", '.'}, {{0x1f, 0x3a, 0x5f}, "█", '#'}};
/// Values from the least to the largest: the same colours, more characters.
inline constexpr paint scale_paints[] = {{paper, "·", ' '},
                                         {{0xc2, 0xd2, 0xe2}, "░", '.'},
                                         {{0x8f, 0xb3, 0xd9}, "▒", ':'},
                                         {{0x57, 0x77, 0x9c}, "▓", '+'},
                                         {{0x1f, 0x3a, 0x5f}, "█", '#'}};
/// Empty tiles; hidden, mixed and visible cells of partial tiles, in another hue; full tiles.
inline constexpr paint tile_paints[] = {{paper, "·", ' '},
                                        {{0xf7, 0xdc, 0xb4}, "░", '.'},
                                        {{0xec, 0xae, 0x62}, "▒", ':'},
                                        {{0xd0, 0x7a, 0x24}, "▓", '+'},
                                        {{0x1f, 0x3a, 0x5f}, "█", '#'}};

}  // namespace detail

/// A grid of cells, rows down and columns to the right. A cell is a shade from 0 to 1, a value's place on a scale or one
/// of a few classes, or it is blank; the legend says which shade means what.
struct picture {
    static constexpr float blank = -1;  ///< the shade of a cell that has no value
    struct entry {
        float shade;
        std::string words;
        friend bool operator==(const entry&, const entry&) = default;
    };

    std::string title;
    index_t rows = 0, columns = 0;
    std::vector<float> shades;     ///< [rows, columns]
    std::vector<entry> legend;     ///< may be empty
    std::span<const paint> paints  ///< of shades 0 to 1 in equal steps, at least two
        = detail::mask_paints;

    float operator()(index_t row, index_t column) const {
        return shades[static_cast<std::size_t>(row * columns + column)];
    }
    /// The nearest paint.
    const paint& paint_of(float shade) const {
        if (!(shade >= 0)) return detail::blank;
        return paints[static_cast<std::size_t>(std::lround(shade * static_cast<float>(paints.size() - 1)))];
    }
    /// The colour, linear between paints.
    colour colour_of(float shade) const {
        if (!(shade >= 0)) return detail::blank.hue;
        const float at = shade * static_cast<float>(paints.size() - 1);
        const auto below = std::min(static_cast<std::size_t>(at), paints.size() - 2);
        const colour x = paints[below].hue, y = paints[below + 1].hue;
        const auto between = [&](std::uint8_t from, std::uint8_t to) {
            return static_cast<std::uint8_t>(
                std::lround(float(from) + (at - static_cast<float>(below)) * (float(to) - float(from))));
        };
        return {between(x.red, y.red), between(x.green, y.green), between(x.blue, y.blue)};
    }
};

namespace detail {

/// A number in at most six significant digits.
inline std::string short_number(double x) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, x + 0.0, std::chars_format::general, 6).ptr};
}

inline std::string hexadecimal(colour c) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out = "#";
    for (const int part : {c.red, c.green, c.blue}) out += {digits[part / 16], digits[part % 16]};
    return out;
}

inline std::string escaped(const std::string& words) {
    std::string out;
    for (const char c : words)
        if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '&') out += "&amp;";
        else out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;  // XML has no control characters
    return out;
}

/// A picture of values: `values` [rows, columns], NaN for blank. The scale runs from the least value, or `least` if it
/// is smaller, to the largest.
inline picture picture_of_values(std::string title, index_t rows, index_t columns, const std::vector<double>& values,
                                 double least, const char* words_for_blank) {
    picture out{std::move(title), rows, columns, {}, {}, scale_paints};
    double largest = -HUGE_VAL;
    bool blanks = false;
    for (const double x : values) {
        if (x < least) least = x;
        if (x > largest) largest = x;
        blanks |= std::isnan(x);
    }
    const double width = largest - least;
    out.shades.reserve(values.size());
    for (const double x : values)
        out.shades.push_back(std::isnan(x) ? picture::blank
                             : width > 0   ? static_cast<float>((x - least) / width)
                                           : 0.5f);
    constexpr int steps = 4;
    if (width == 0) out.legend.push_back({0.5f, short_number(least) + " everywhere"});
    for (int i = 0; width > 0 && i <= steps; ++i)
        out.legend.push_back(
            {float(i) / steps, short_number(i == steps ? largest : least + width * i / steps) + (i == 0       ? " min"
                                                                                                 : i == steps ? " max"
                                                                                                              : "")});
    if (blanks) out.legend.push_back({picture::blank, words_for_blank});
    return out;
}

}  // namespace detail

/// The picture as lines of text, a character a cell, then a line for each entry of the legend.
inline std::string to_text(const picture& p, bool ascii = false) {
    std::string out;
    const auto add = [&](float shade) {
        const paint& look = p.paint_of(shade);
        out += ascii ? std::string(1, look.ascii) : look.block;
    };
    for (index_t row = 0; row < p.rows; ++row)
        for (index_t column = 0; column < p.columns; ++column) {
            add(p(row, column));
            if (column + 1 == p.columns) out += '\n';
        }
    for (const picture::entry& e : p.legend) {
        add(e.shade);
        out += " " + e.words + "\n";
    }
    return out;
}

/// The picture as an SVG document, a square of 10 units a cell, the legend below, with the title as its title.
inline std::string to_svg(const picture& p) {
    constexpr index_t side = 10, line = 14, letter = 7;
    const auto number = [](index_t i) { return std::to_string(i); };
    index_t wide = p.columns * side;
    for (const picture::entry& e : p.legend) wide = std::max(wide, 2 * side + letter * std::ssize(e.words));
    const std::string width = number(wide), height = number(p.rows * side + line * std::ssize(p.legend));
    const auto square = [&](index_t x, index_t y, colour c) {
        return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(side) + "\" height=\"" +
               number(side) + "\" fill=\"" + detail::hexadecimal(c) + "\"/>\n";
    };
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height +
                      "\" width=\"" + width + "\" height=\"" + height + "\">\n<title>" + detail::escaped(p.title) +
                      "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"" + detail::hexadecimal(detail::paper) +
                      "\"/>\n";
    for (index_t row = 0; row < p.rows; ++row)
        for (index_t column = 0; column < p.columns; ++column)
            if (const colour c = p.colour_of(p(row, column)); c != detail::paper)
                out += square(column * side, row * side, c);
    index_t y = p.rows * side + (line - side) / 2;
    for (const picture::entry& e : p.legend) {
        out += square(0, y, p.colour_of(e.shade));
        out += "<text x=\"" + number(side + side / 2) + "\" y=\"" + number(y + side - 1) +
               "\" font-family=\"monospace\" font-size=\"11\">" + detail::escaped(e.words) + "</text>\n";
        y += line;
    }
    return out + "</svg>\n";
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Score mods, tiles and weights as pictures, in text, SVG and pixels.
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <domino/info/image.hpp>
#include <domino/info/mask_info.hpp>
#include <domino/info/weights.hpp>
#include <domino/mask/mask.hpp>
#include <domino/score/score.hpp>
#include <limits>

#include "catch.hpp"

using namespace domino;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

int occurrences(const std::string& text, const std::string& word) {
    int count = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

using legend = std::vector<picture::entry>;

/// What is wrong with an XML document whose attributes of these names are numbers; nothing if it is empty.
std::string fault(const std::string& xml) {
    std::vector<std::string> open;
    for (std::size_t at = 0; at < xml.size();) {
        if (xml[at] == '&') {
            const std::string name = xml.substr(at, xml.find(';', at) - at);
            if (name != "&lt" && name != "&gt" && name != "&amp") return "entity " + name;
        }
        if (xml[at] == '>') return "a bare >";
        if (xml[at] != '<') {
            if (static_cast<unsigned char>(xml[at]) < ' ' && xml[at] != '\n') return "a control character";
            ++at;
            continue;
        }
        const std::size_t end = xml.find('>', at);
        if (end == std::string::npos) return "an open tag";
        std::string tag = xml.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.find('<') != std::string::npos) return "a bare <";
        const std::string name = tag.substr(0, tag.find(' '));
        if (name[0] == '/') {
            if (open.empty() || "/" + open.back() != name) return "closing " + name;
            open.pop_back();
            continue;
        }
        if (tag.back() != '/') open.push_back(name);
        if (occurrences(tag, "\"") % 2 != 0) return "quotes of " + tag;
        for (const char* attribute : {" x=\"", " y=\"", " width=\"", " height=\"", " font-size=\""}) {
            const std::size_t found = tag.find(attribute);
            if (found == std::string::npos) continue;
            const char* first = tag.c_str() + found + std::string(attribute).size();
            char* last = nullptr;
            const double value = std::strtod(first, &last);
            if (last == first || (*last != '"' && *last != '%') || !std::isfinite(value) || value < 0)
                return "a number of " + tag;
        }
    }
    return open.empty() ? "" : "open " + open.back();
}

/// q and k [2, heads, len, 3] of small numbers.
std::vector<float> numbers(index_t count, int seed) {
    std::vector<float> out;
    for (index_t i = 0; i < count; ++i) out.push_back(static_cast<float>((i * 37 + seed * 11) % 23 - 11) / 8.f);
    return out;
}

}  // namespace

TEST_CASE("a score mod is a heat map on the scale of its values") {
    const picture p = draw(score - 2.f * (q - kv), {1, 1, 3, 3});
    CHECK(p.title == "score - 2.0 * (q - kv)");
    CHECK(p.shades == std::vector<float>{.5f, .75f, 1, .25f, .5f, .75f, 0, .25f, .5f});
    CHECK(p.legend == legend{{0, "-4 min"}, {.25f, "-2"}, {.5f, "0"}, {.75f, "2"}, {1, "4 max"}});
    CHECK(to_text(p, true) == ":+#\n.:+\n .:\n  -4 min\n. -2\n: 0\n+ 2\n# 4 max\n");
    CHECK(visualize(score - 2.f * (q - kv), {1, 1, 3, 3}) == "▒▓█\n░▒▓\n·░▒\n· -4 min\n░ -2\n▒ 0\n▓ 2\n█ 4 max\n");
    CHECK(visualize(score - 2.f * (q - kv), {1, 1, 3, 3}, {.ascii = true}) == to_text(p, true));
}

TEST_CASE("a score mod is drawn for its b, h and base score, and in blocks by the mean") {
    const picture p =
        draw(score * 2.f + 100 * b + 10 * h + kv, {2, 3, 2, 8}, {.b = 1, .h = 2, .columns = 4, .score = 3});
    CHECK(p.columns == 4);
    CHECK(p.legend.front() == picture::entry{0, "126.5 min"});
    CHECK(p.legend.back() == picture::entry{1, "132.5 max"});
    CHECK(p(1, 1) == Catch::Approx(1 / 3.));
    CHECK(p.title.ends_with("; a cell is the mean of 1 x 2"));
    // a ragged block is the mean of what there is
    CHECK(draw(score + kv, {1, 1, 1, 5}, {.columns = 2}).legend.back().words == "3.5 max");  // keys 0-2 and 3-4
    // functors
    CHECK(draw([](auto s, auto, auto, auto q_, auto kv_) { return s + q_ * kv_; }, {1, 1, 4, 4}).legend.back().words ==
          "9 max");
    CHECK(draw([](float s, int, int, int, int kv_) { return s - 0.5f * float(kv_); }, {1, 1, 1, 3}).legend.front() ==
          picture::entry{0, "-1 min"});
}

TEST_CASE("a constant, values that are not finite, and what a mask hides") {
    const picture constant_picture = draw(score, {1, 1, 2, 2}, {.score = -1.5f});
    CHECK(constant_picture.shades == std::vector<float>(4, .5f));
    CHECK(constant_picture.legend == legend{{.5f, "-1.5 everywhere"}});
    const picture some = draw(where(kv <= q, score + kv, -infinity), {1, 1, 3, 3});
    CHECK(some.shades == std::vector<float>{0, -1, -1, 0, .5f, -1, 0, .5f, 1});
    CHECK(some.legend.back() == picture::entry{picture::blank, "hidden or not finite"});
    CHECK(some.legend.size() == 6);
    const picture hidden = draw(score + kv, {1, 1, 3, 3}, {}, causal);
    CHECK(hidden.shades == some.shades);
    CHECK(hidden.legend == some.legend);
    CHECK(to_text(draw(score + infinity, {1, 1, 1, 2})) == "××\n× hidden or not finite\n");
    // the mean of a block leaves blanks out
    CHECK(draw(where(kv % 2 == 0, score + kv, -infinity), {1, 1, 1, 8}, {.columns = 2}).shades ==
          std::vector<float>{0, 1});
    // the widest scale
    const picture wide = draw(where(kv == 0, -3e38f, 3e38f) + 0.f * score, {1, 1, 1, 2});
    CHECK(wide.shades == std::vector<float>{0, 1});
    CHECK(wide.legend.back().words == "3e+38 max");
}

TEST_CASE("extents of 0 and 1") {
    for (const auto& [rows, columns] : {std::pair<index_t, index_t>{0, 0}, {0, 3}, {3, 0}}) {
        const mask_shape shape{1, 1, rows, columns};
        for (const picture& p : {draw(causal, shape), draw(score + kv, shape), draw_tiles(causal, shape)}) {
            CHECK(p.shades.empty());
            CHECK(p.legend.empty());
            CHECK(to_text(p).empty());
            CHECK(fault(to_svg(p)) == "");
            CHECK(rasterize(p).pixels.size() ==
                  static_cast<std::size_t>(std::max<index_t>(p.rows * 8, 1) * std::max<index_t>(p.columns * 8, 1)));
        }
    }
    CHECK(to_text(draw(score - 1.f, {1, 1, 1, 1})) == "▒\n▒ -1 everywhere\n");
    CHECK(to_text(draw(score, {1, 1, 1, 1}, {.score = -0.f})) == "▒\n▒ 0 everywhere\n");
    CHECK(to_text(draw_tiles(causal, {1, 1, 1, 1})) == "█\n█ full tile\n");
}

TEST_CASE("tiles over the mask that they are of") {
    const picture p = draw_tiles(causal, {1, 1, 6, 6}, {2, 2});
    CHECK(to_text(p, true) ==
          "+.    \n"
          "++    \n"
          "##+.  \n"
          "##++  \n"
          "####+.\n"
          "####++\n"
          "  empty tile\n. partial tile: hidden\n+ partial tile: visible\n# full tile\n");
    CHECK(p.title == "kv <= q; tiles of 2 x 2");
    // ragged tiles; a cell is several pairs of a tile; a cell is several tiles
    CHECK(to_text(draw_tiles(causal, {1, 1, 5, 5}, {4, 4}), true).starts_with("+... \n++.. \n+++. \n++++ \n#####\n"));
    CHECK(to_text(draw_tiles(causal, {1, 1, 8, 8}, {4, 4}, {.rows = 4, .columns = 4}), true)
              .starts_with(":.  \n+:  \n##:.\n##+:\n"));
    CHECK(to_text(draw_tiles(causal, {1, 1, 8, 8}, {2, 2}, {.rows = 2, .columns = 2}), true).starts_with(": \n#:\n"));
    // cells that would cut tiles are widened until they do not: 3 -> 4
    const picture aligned = draw_tiles(causal, {1, 1, 24, 24}, {8, 8}, {.rows = 8, .columns = 9});
    CHECK(aligned.rows == 6);
    CHECK(aligned.columns == 6);
    // what ranges cannot decide is partial, whatever it holds
    CHECK(to_text(draw_tiles(scalar([](int, int, int, int kv_) { return kv_ < 2; }), {1, 1, 1, 4}, {1, 2}), true)
              .starts_with("++..\n"));
    CHECK(to_text(draw_tiles(kv < 2 * b + h, {2, 2, 1, 4}, {1, 1}, {.b = 1, .h = 1}), true).starts_with("### \n"));
}

TEST_CASE("the tiles drawn are those that stats counts") {
    const auto holes = (kv * 3 + q * 5) % 4 != 0 && kv <= q + 9;
    const auto check = [](const auto& mask_mod, mask_shape shape, tile_size size) {
        const index_t rows = (shape.q_len + size.q - 1) / size.q, columns = (shape.kv_len + size.kv - 1) / size.kv;
        mask_stats drawn;
        for (shape.heads = 1;
             const float shade : draw_tiles(mask_mod, shape, size, {.rows = rows, .columns = columns}).shades)
            ++(shade == 0 ? drawn.empty : shade == 1 ? drawn.full : drawn.partial);
        const mask_stats counted = stats(mask_mod, shape, size);
        CHECK(std::vector{drawn.empty, drawn.partial, drawn.full} ==
              std::vector{counted.empty, counted.partial, counted.full});
        CHECK(counted.tiles() == rows * columns);
    };
    for (const index_t len : {1, 7, 16, 31}) {
        check(causal, {1, 1, len, 23}, {4, 8});
        check(causal && last_n(5), {1, 1, 23, len}, {8, 4});
        check(holes, {1, 1, len, len}, {3, 5});
    }
}

TEST_CASE("a row's weights sum to 1, and are the softmax of the scores") {
    constexpr index_t heads = 4, kv_heads = 2, rows = 5, keys = 7, width = 3;
    const auto q_data = numbers(2 * heads * rows * width, 1), k_data = numbers(2 * kv_heads * keys * width, 2);
    const auto Q = bhsd(q_data.data(), 2, heads, rows, width), K = bhsd(k_data.data(), 2, kv_heads, keys, width);
    const auto mask_mod = kv <= q + h;
    const auto score_mod = score - 0.25f * (q - kv);
    for (const index_t at : {0, 1, 2, 3}) {
        const auto weights = attention_weights(Q, K, 1, at, mask_mod, score_mod, {.scale = 0.5f, .q_offset = 1});
        REQUIRE(weights.size() == rows * keys);
        for (index_t row = 0; row < rows; ++row) {
            double expected[keys], sum = 0, all = 0;
            for (index_t key = 0; key < keys; ++key) {
                double dot = 0;
                for (index_t c = 0; c < width; ++c)
                    dot += double(q_data[static_cast<std::size_t>(((heads + at) * rows + row) * width + c)]) *
                           double(k_data[static_cast<std::size_t>(((kv_heads + at / 2) * keys + key) * width + c)]);
                const double s = dot / 2 - 0.25 * double(row + 1 - key);
                sum += expected[key] = key <= row + 1 + at ? std::exp(s) : 0;
            }
            for (index_t key = 0; key < keys; ++key) {
                const double weight = weights[static_cast<std::size_t>(row * keys + key)];
                CHECK(weight == Catch::Approx(expected[key] / sum).epsilon(1e-6));  // score mods are float32
                all += weight;
            }
            CHECK(std::abs(all - 1) < 1e-14);
        }
    }
}

TEST_CASE("weights know the options of the call") {
    const auto q_data = numbers(6, 1), k_data = numbers(12, 2);
    const auto Q = bhsd(q_data.data(), 1, 1, 2, 3), K = bhsd(k_data.data(), 1, 1, 4, 3);
    const std::vector<double> halves{.5, .5, 0, 0, .5, .5, 0, 0};
    const index_t two = 2;
    CHECK(attention_weights(Q, K, 0, 0, full, score, {.scale = 0.f, .kv_lengths = {&two, 1}}) == halves);
    CHECK(attention_weights(Q, K, 0, 0, full, score, {.scale = 0.f, .smooth_softmax = true}) ==
          std::vector<double>(8, .2));
    CHECK(attention_weights(Q, K, 0, 0, kv < 0) == std::vector<double>(8, 0.));
    CHECK(attention_weights(Q, K, 0, 0, kv < 0, score, {.empty_rows = empty_rows::uniform}) ==
          std::vector<double>(8, .25));
    // what is hidden has no influence
    auto poisoned = k_data;
    for (std::size_t i = 6; i < 12; ++i) poisoned[i] = std::numeric_limits<float>::quiet_NaN();
    CHECK(attention_weights(Q, bhsd(poisoned.data(), 1, 1, 4, 3), 0, 0, kv < 2) ==
          attention_weights(Q, K, 0, 0, kv < 2));

    const picture p = draw_weights(Q, K, kv < 2, score, {.scale = 0.f});
    CHECK(to_text(p, true) == "##xx\n##xx\n  0 min\n. 0.125\n: 0.25\n+ 0.375\n# 0.5 max\nx hidden, or NaN\n");
    CHECK(p.title == "weights of score under kv < 2");
    CHECK(draw_weights(Q, K, kv < 0).shades == std::vector<float>(8, picture::blank));
    CHECK(draw_weights(Q, K, kv < 0, score, {.empty_rows = empty_rows::uniform}).shades == std::vector<float>(8, 1));
    const picture blocks = draw_weights(Q, K, kv < 1, score, {}, {.rows = 1, .columns = 2});
    CHECK(blocks.shades == std::vector<float>{1, picture::blank});
    CHECK(draw_weights(bhsd(q_data.data(), 1, 1, 0, 3), K).shades.empty());
    CHECK(draw_weights(Q, bhsd(k_data.data(), 1, 1, 0, 3)).legend.empty());
}

TEST_CASE("weights are what the reference multiplies values by, with dropout and sinks") {
    const auto q_data = numbers(30, 3), k_data = numbers(42, 4);
    const auto Q = bhsd(q_data.data(), 1, 2, 5, 3), K = bhsd(k_data.data(), 1, 2, 7, 3);
    std::vector<float> identity(49, 0.f), out(2 * 5 * 7);
    for (std::size_t i = 0; i < 7; ++i) identity[i * 8] = 1;
    const tensor_view<const float> V{identity.data(), {1, 2, 7, 7}, {0, 0, 7, 1}};
    const std::vector<float> sinks{0.5f, -infinity};
    const attention_options options{
        .q_offset = 2, .sinks = sinks, .dropout = {.rate = 0.5f, .key = 7, .deterministic = false}};
    reference_attention{}(Q, K, V, bhsd(out.data(), 1, 2, 5, 7), causal, score + 0.5f * kv, options);
    int dropped = 0;
    for (const index_t head : {0, 1}) {
        const auto weights = attention_weights(Q, K, 0, head, causal, score + 0.5f * kv, options);
        for (std::size_t i = 0; i < 35; ++i) {
            CHECK(static_cast<float>(weights[i]) == out[static_cast<std::size_t>(head) * 35 + i]);
            dropped += weights[i] == 0 && static_cast<index_t>(i % 7) <= static_cast<index_t>(i / 7) + 2;
        }
    }
    CHECK(dropped > 0);
}

TEST_CASE("an SVG is well-formed, with a rectangle for each cell and entry and the entries' words") {
    const auto q_data = numbers(6, 1), k_data = numbers(12, 2);
    const auto Q = bhsd(q_data.data(), 1, 1, 2, 3), K = bhsd(k_data.data(), 1, 1, 4, 3);
    const picture controls{"a\tb & <c>\x01", 1, 1, {0.f}, {{0.f, "<1> & \"2\""}}};
    for (const picture& p : {draw(causal && q - kv < 3, {1, 1, 9, 9}), draw(score - 1e-3f * (q - kv), {1, 1, 9, 9}),
                             draw(where(kv <= q, score, -infinity), {1, 1, 4, 4}), draw(score * 0.f, {1, 1, 0, 5}),
                             draw_tiles(causal && last_n(9), {1, 1, 40, 40}, {8, 8}), draw_weights(Q, K), controls}) {
        const std::string svg = to_svg(p);
        INFO(svg);
        CHECK(fault(svg) == "");
        CHECK(occurrences(svg, "<text ") == std::ssize(p.legend));
        CHECK(svg.starts_with("<svg xmlns="));
    }
    const std::string svg = visualize_svg(score + kv, {1, 1, 2, 3});
    CHECK(svg == to_svg(draw(score + kv, {1, 1, 2, 3})));
    CHECK(occurrences(svg, "<rect x=") == 4 + 5);  // the least value has the paper's colour
    CHECK(svg.find(">2 max</text>") != std::string::npos);
    CHECK(svg.find("viewBox=\"0 0 55 90\"") != std::string::npos);
    CHECK(fault("<a><b></a>") != "");  // the checker itself
    CHECK(fault("<a x=\"nan\"/>") != "");
    CHECK(fault("<a>1 & 2</a>") != "");
}

TEST_CASE("pixels: cells, a legend in letters, and a PPM file") {
    const picture p = draw(kv < 1, {1, 1, 1, 2});
    const colour dark{0x1f, 0x3a, 0x5f}, paper{0xf4, 0xf1, 0xea};
    const image small = rasterize(p, 2);
    CHECK(small.width == 4);
    CHECK(small.height == 2);
    CHECK(small.pixels == std::vector<colour>{dark, dark, paper, paper, dark, dark, paper, paper});
    CHECK(to_ppm(p, 1) == "P6\n2 1\n255\n\x1f\x3a\x5f\xf4\xf1\xea");
    CHECK(p.colour_of(.75f) == colour{0x57, 0x77, 0x9c});  // halfway
    CHECK(p.colour_of(picture::blank) == colour{0xff, 0xff, 0xff});

    // "7": a row of three dots, then the right one, of 2 x 2 pixels
    const image words = rasterize({"", 0, 0, {}, {{1.f, "7"}}});
    REQUIRE(words.width == 28);
    REQUIRE(words.height == 14);
    std::string drawn;
    for (index_t row = 2; row < 12; row += 2) {
        for (index_t x = 15; x < 21; x += 2)
            drawn += words.pixels[static_cast<std::size_t>(row * 28 + x)] == paper ? '.' : '#';
        drawn += '\n';
    }
    CHECK(drawn == "###\n..#\n..#\n..#\n..#\n");
    CHECK(words.pixels[2 * 28] == dark);
    CHECK(words.pixels[0] == paper);
    // every letter of a legend has a glyph
    for (const picture& of : {draw(score + kv, {1, 1, 2, 2}, {}, kv == q), draw(score + 1e20f, {1, 1, 1, 1}),
                              draw(score - 1e-9f * kv, {1, 1, 1, 2}), draw_tiles(causal, {1, 1, 8, 8}, {2, 2})})
        for (const picture::entry& e : of.legend)
            for (const char c : e.words) CHECK(detail::glyph(c) != 077777);
}

TEST_CASE("wrong pictures are refused") {
    const mask_shape shape{1, 2, 4, 4};
    CHECK_THROWS_AS(draw(score, shape, {.b = 1}), invalid_argument);
    CHECK_THROWS_AS(draw(score, shape, {.h = 2}), invalid_argument);
    CHECK_THROWS_AS(draw(score, shape, {.rows = 0}), invalid_argument);
    CHECK_THROWS_AS(visualize(score, {1, 1, -1, 4}), invalid_argument);
    CHECK_THROWS_AS(visualize_svg(score, shape, {.columns = 0}), invalid_argument);
    CHECK_THROWS_AS(draw_tiles(causal, shape, {0, 4}), invalid_argument);
    CHECK_THROWS_AS(draw_tiles(causal, shape, {4, -1}), invalid_argument);
    CHECK_THROWS_AS(draw_tiles(causal, shape, {4, 4}, {.h = -1}), invalid_argument);
    const std::vector<float> slopes{1.f};
    CHECK_THROWS_AS(draw(score + table(slopes)(q), shape), invalid_argument);  // a table that is too short
    CHECK_THROWS_AS(draw(score, shape, {}, table(slopes)(q) > 0), invalid_argument);
    CHECK_THROWS_AS(rasterize(draw(causal, shape), 0), invalid_argument);
    CHECK_THROWS_AS(rasterize(draw(causal, shape), 1 << 14), invalid_argument);

    const auto data = numbers(12, 1);
    const auto Q = bhsd(data.data(), 1, 1, 2, 3), K = bhsd(data.data(), 1, 1, 4, 3);
    CHECK_THROWS_AS(attention_weights(Q, K, 1, 0), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, K, 0, -1), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, bhsd(data.data(), 1, 1, 4, 2), 0, 0), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, bhsd<const float>(nullptr, 1, 1, 4, 3), 0, 0), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, K, 0, 0, kv < 0, score, {.empty_rows = empty_rows::error}), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, K, 0, 0, mask_info(causal, {1, 1, 9, 9})), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, K, 0, 0, full, score + (q + (index_t{1} << 40))), invalid_argument);
    CHECK_THROWS_AS(attention_weights(Q, K, 0, 0, full, score, {.scale = infinity}), invalid_argument);
    CHECK_THROWS_AS(draw_weights(Q, K, full, score, {}, {.rows = 0}), invalid_argument);
    CHECK_THROWS_AS(draw_weights(Q, K, full, score, {}, {.h = 1}), invalid_argument);
}

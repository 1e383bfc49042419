// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A PNG holds the pixels of the picture. Compiled where libpng is found.
#include <cstring>
#include <domino/info/png.hpp>
#include <domino/info/visualize.hpp>

#include "catch.hpp"

using namespace domino;

TEST_CASE("libpng reads back the pixels that were written") {
    const picture empty{};
    for (const picture& p : {draw(causal, {1, 1, 5, 7}), draw(score - 0.5f * (q - kv), {1, 1, 9, 4}, {}, causal),
                             draw_tiles(causal, {1, 1, 12, 12}, {4, 4}), empty})
        for (const index_t cell : {1, 3, 8}) {
            const std::string bytes = to_png(p, cell);
            const image expected = rasterize(p, cell);
            png_image header{};
            header.version = PNG_IMAGE_VERSION;
            REQUIRE(png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()));
            CHECK(header.width == expected.width);
            CHECK(header.height == expected.height);
            CHECK(header.format == PNG_FORMAT_RGB);
            header.format = PNG_FORMAT_RGB;
            std::vector<colour> pixels(expected.pixels.size());
            REQUIRE(PNG_IMAGE_SIZE(header) == pixels.size() * sizeof(colour));
            REQUIRE(png_image_finish_read(&header, nullptr, pixels.data(), 0, nullptr));
            CHECK((pixels == expected.pixels));
        }
    CHECK_THROWS_AS(to_png(empty, 0), invalid_argument);
}

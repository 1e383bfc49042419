// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "entries.hpp"

namespace catalogue {

namespace {

/// Whether key is in the neighbourhood of `size` around at, which is moved inward at the edges of [0, length).
bool near(index_t at_, index_t key, index_t length, index_t size) {
    index_t begin = at_ - size / 2;
    if (begin < 0) begin = 0;
    if (begin + size > length) begin = length - size;
    return key >= begin && key < begin + size;
}

struct place {
    index_t x, y, t = 0;
};
/// Where index i lies on a canvas laid out tile by tile.
place tiled(index_t i, place canvas, place tile) {
    for (index_t t = 0, n = 0; t < canvas.t; t += tile.t)
        for (index_t y = 0; y < canvas.y; y += tile.y)
            for (index_t x = 0; x < canvas.x; x += tile.x)
                for (index_t dt = 0; dt < tile.t; ++dt)
                    for (index_t dy = 0; dy < tile.y; ++dy)
                        for (index_t dx = 0; dx < tile.x; ++dx)
                            if (n++ == i) return {x + dx, y + dy, t + dt};
    return {-1, -1, -1};
}
place morton(index_t i) {
    place p{0, 0};
    for (index_t bit = 0; bit < 8; ++bit) {
        if (i >> (2 * bit) & 1) p.x += index_t{1} << bit;
        if (i >> (2 * bit + 1) & 1) p.y += index_t{1} << bit;
    }
    return p;
}

const std::vector<int> image_begins{0, 2, 9}, image_ends{7, 9, 13};

}  // namespace

std::vector<entry> grids() {
    std::vector<entry> out;
    out.push_back(make("axial(7)", axial(7), {1, 1, 30, 30},
                       [](index_t i, index_t j) { return i / 7 == j / 7 || i % 7 == j % 7; }));
    out.push_back(make("natten({7, 5}, {3, 5})", natten({7, 5}, {3, 5}), {1, 1, 35, 35},
                       [](index_t i, index_t j) { return near(i % 7, j % 7, 7, 3) && near(i / 7, j / 7, 5, 5); }));
    out.push_back(make("natten_tiled({6, 6}, {3, 5}, {3, 2})", natten_tiled({6, 6}, {3, 5}, {3, 2}), {1, 1, 36, 36},
                       [](index_t i, index_t j) {
                           const place p = tiled(i, {6, 6, 1}, {3, 2, 1}), o = tiled(j, {6, 6, 1}, {3, 2, 1});
                           return near(p.x, o.x, 6, 3) && near(p.y, o.y, 6, 5);
                       }));
    out.push_back(make(
        "natten_morton({8, 4}, {3, 3})", natten_morton({8, 4}, {3, 3}), {1, 1, 64, 64},
        [](index_t i, index_t j) {
            const place p = morton(i),
                        o = morton(j);  // the formula clamps the query alone, so unused indices are defined, too
            const index_t x = std::min<index_t>(std::max<index_t>(p.x, 1), 6),
                          y = std::min<index_t>(std::max<index_t>(p.y, 1), 2);
            return std::abs(x - o.x) <= 1 && std::abs(y - o.y) <= 1;
        },
        false));
    out.push_back(make("sliding_tile({9, 6}, {6, 6}, {3, 2}, 3)", sliding_tile({9, 6}, {6, 6}, {3, 2}, 3),
                       {1, 1, 57, 57}, [](index_t i, index_t j) {
                           if (i >= 54 || j >= 54) return true;
                           const place p = tiled(i, {9, 6, 1}, {3, 2, 1}), o = tiled(j, {9, 6, 1}, {3, 2, 1});
                           return near(p.x / 3, o.x / 3, 3, 2) && near(p.y / 2, o.y / 2, 3, 3);
                       }));
    out.push_back(make("sliding_tile_3d({4, 2, 6}, {2, 2, 6}, {2, 1, 2}, 2)",
                       sliding_tile_3d({4, 2, 6}, {2, 2, 6}, {2, 1, 2}, 2), {1, 1, 50, 50}, [](index_t i, index_t j) {
                           if (i >= 48 || j >= 48) return true;
                           const place p = tiled(i, {4, 2, 6}, {2, 1, 2}), o = tiled(j, {4, 2, 6}, {2, 1, 2});
                           return near(p.x / 2, o.x / 2, 2, 1) && near(p.y, o.y, 2, 2) && near(p.t / 2, o.t / 2, 3, 3);
                       }));
    out.push_back(make("video_spatial(5, 12, 8)", video_spatial(5, 12, 8), {1, 1, 33, 33},
                       [](index_t i, index_t j) { return i < 5 || j < 12 || std::abs(i - j) < 8; }));
    out.push_back(make("video_temporal(5, 7, 2)", video_temporal(5, 7, 2), {1, 1, 33, 33},
                       [](index_t i, index_t j) { return i < 5 || j < 5 || std::abs((i - 5) % 7 - (j - 5) % 7) < 2; }));
    out.push_back(make("vision_cross(begins, ends, 3)", vision_cross(table(image_begins), table(image_ends), 3),
                       {1, 1, 13, 9},
                       [](index_t i, index_t j) { return i >= image_begins[at(j / 3)] && i < image_ends[at(j / 3)]; }));
    return out;
}

}  // namespace catalogue

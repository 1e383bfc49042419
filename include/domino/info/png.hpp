// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A picture as PNG, by libpng: whoever includes this links it (CMake's PNG::PNG). Nothing else in Domino needs it.
#pragma once

#include <png.h>

#include <string>

#include "domino/info/image.hpp"

namespace domino::inline DOMINO_ARCH {

/// The bytes of a PNG file of the picture, `cell` pixels a side of a cell, the legend below.
inline std::string to_png(const picture& p, index_t cell = 8) {
    static_assert(sizeof(colour) == 3, "domino: a pixel is three bytes");
    const image pixels = rasterize(p, cell);
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    header.width = static_cast<png_uint_32>(pixels.width);
    header.height = static_cast<png_uint_32>(pixels.height);
    header.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = 0;
    std::string out;
    const auto write = [&](void* to) {
        if (!png_image_write_to_memory(&header, to, &size, 0, pixels.pixels.data(), 0, nullptr))
            detail::fail("to_png", "that libpng writes the image", header.message);
    };
    write(nullptr);  // tells the size
    out.resize(size);
    write(out.data());
    out.resize(size);
    return out;
}

}  // namespace domino::inline DOMINO_ARCH

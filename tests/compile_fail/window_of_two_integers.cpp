// expect: domino: write apply_sliding_window\({left, right}\) for two sides
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/info/mask_info.hpp>
#include <domino/kernel/any_mask.hpp>

auto windowed(const domino::mask_info<domino::any_mask>& info) {
#ifdef DOMINO_OK
    return info.apply_sliding_window({3, 1});
#else
    return info.apply_sliding_window(3, 1);
#endif
}

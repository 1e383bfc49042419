// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A switch that names each operation on a mask_info as it happens.
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

struct debug_switch {
    std::atomic<bool> on;
    std::atomic<void (*)(const char*)> write;
};
inline void write_line(const char* line) { std::puts(line); }
inline debug_switch& debug() {
    static debug_switch state = [] {
        const char* value = std::getenv("DOMINO_MASK_DEBUG");
        return debug_switch{value != nullptr && value[0] == '1', write_line};
    }();
    return state;
}

inline void trace(const char* operation) {
    if (debug().on) debug().write.load()(operation);
}

}  // namespace detail

/// Names each operation on a mask_info in a line, "mask_info.apply_causal": to standard output, or to `write`. Off at
/// start, unless the environment says DOMINO_MASK_DEBUG=1.   (ejkernel set_debug_mode, EJKERNEL_MASK_DEBUG)
inline void set_debug_mode(bool on, void (*write)(const char* line) = detail::write_line) {
    detail::debug().write = write;
    detail::debug().on = on;
}
/// Whether operations are named.   (ejkernel get_debug_mode)
inline bool get_debug_mode() { return detail::debug().on; }

}  // namespace domino::inline DOMINO_ARCH

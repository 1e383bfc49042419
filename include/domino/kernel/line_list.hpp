// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lines of memory that will be needed soon, asked for one at a time: all at once would wait for each other.
#pragma once

#include "domino/simd/batch.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

class line_list {
public:
    void clear() { asked_ = end_ = 0; }
    bool empty() const { return end_ == 0; }
    /// The lines of `bytes` bytes, as far as there is room.
    void add(const void* first, index_t bytes) {
        const char *line = static_cast<const char*>(first), *last = line + bytes - 1;
        for (; line <= last && end_ < most; line += simd::line_bytes) lines_[end_++] = line;
        if (line_of(last) != line_of(line - simd::line_bytes) && end_ < most) lines_[end_++] = last;
    }
    DOMINO_INLINE void ask_for_one() {
        if (asked_ < end_) simd::prefetch(lines_[asked_++]);
    }

private:
    static std::uintptr_t line_of(const char* at) { return reinterpret_cast<std::uintptr_t>(at) / simd::line_bytes; }
    static constexpr index_t most = 512;
    const void* lines_[most];
    index_t asked_ = 0, end_ = 0;
};

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

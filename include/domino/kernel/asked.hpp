// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What memory is asked for while a microkernel computes, so that it is in L2 when it is needed. A line now and then: a few at
// once fill the buffers in which L1 waits for lines, and then the microkernel's own reads wait for them.
#pragma once

#include <algorithm>

#include "domino/kernel/line_list.hpp"
#include "domino/kernel/source.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

/// Vectors of `dim` elements that will be needed.
struct wanted_rows {
    float_rows rows = {};
    index_t dim = 0, count = 0;

    /// The next n of them.
    wanted_rows take(index_t n) {
        const wanted_rows taken{rows, dim, std::min(n, count)};
        rows = rows.from(taken.count);
        count -= taken.count;
        return taken;
    }
};

/// Asks for vectors, line by line as hardware prefetchers like it, or for single lines, or both.
template <bool vectors, bool lines, int step = kernel::step<panel_registers>>
struct asked {
    float_rows rows = {};
    index_t dim = 0;
    line_list* list = nullptr;
    index_t at = 0;  ///< element of the first vector

    asked() = default;
    explicit asked(const wanted_rows& wanted, line_list* also = nullptr)
        : rows(wanted.rows),
          dim(rows.stride == wanted.dim ? wanted.dim * wanted.count : wanted.dim),  // one long vector
          list(also) {}

    /// Calls f() `calls` times, and asks for a line before every second time, for at most step / 2. It counts the vector's
    /// elements once: a branch for each line would be mispredicted now and then.
    template <class F>
    DOMINO_INLINE void meanwhile(F&& f) {
        constexpr index_t line_size = simd::line_bytes / index_t{sizeof(float)}, at_once = step / 2 * line_size;
        DOMINO_UNROLL_LOOP
        for (index_t i = 0; i < calls; ++i) {
            if (i % 2 == 0) {
                if constexpr (vectors)
                    if (i < step) simd::prefetch<simd::asking::l2>(rows.first + at + i / 2 * line_size);
                if constexpr (lines) list->ask_for_one();
            }
            f();
        }
        if constexpr (vectors) {
            if (at + at_once < dim) {
                at = std::min(at + at_once, dim - at_once);
            } else {
                at = 0;
                rows = rows.from(1);
            }
        }
    }
    static constexpr index_t calls = 8;
};
using asks_nothing = asked<false, false>;

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

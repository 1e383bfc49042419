// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the processor in hand likes, where processors of one architecture differ: how reads, prefetches and arithmetic overlap.
// All of it was measured; none of it changes a result.
#pragma once

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

struct processor {
    /// A thin panel's keys and values are prefetched into L1, keys a few vectors ahead, values with the keys of their tile;
    /// otherwise both into L2, 16 vectors ahead. (A Xeon with AMX reads at 95 % of its bandwidth so, a Zen 4 at 45, and the
    /// other way at 80 to 90.)
    bool near = false;
    /// For one float32 row a thin panel's vectors are not prefetched, but read one by one in order, which hardware prefetchers
    /// follow: 90 % of a Zen 4's bandwidth, 70 with prefetches.
    bool reads_in_order = false;
};

inline processor this_processor() {
#if defined(__GNUC__) && defined(__x86_64__)
    if (__builtin_cpu_is("intel")) return {.near = true};
    if (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f"))
        return {.reads_in_order = true};  // Zen 4 and later
#endif
    return {};
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

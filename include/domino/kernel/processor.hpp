// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the processor in hand likes, where processors of one architecture differ: how reads, prefetches and arithmetic overlap.
// All of it was measured. It may change how the sums of few rows are cut, and so their last bits, and no other result.
#pragma once

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {
namespace kernel {

struct processor {
    /// A thin panel's keys and values are prefetched into L1, 2 KiB of keys ahead, values with the keys of their tile. (A Xeon
    /// with AMX reads at 95 % of its bandwidth so, a Zen 4 at 45.)
    bool near = false;
};

inline processor this_processor() {
#if defined(__GNUC__) && defined(__x86_64__)
    return {.near = __builtin_cpu_is("intel") != 0};
#else
    return {};
#endif
}

}  // namespace kernel
}  // namespace domino::inline DOMINO_ARCH

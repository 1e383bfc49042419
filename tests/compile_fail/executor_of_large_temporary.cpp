// expect: domino: an executor is referred to, and this one is a temporary
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/parallel/executor.hpp>

struct large {
    double state[4];
    domino::index_t concurrency() const { return 1; }
    void for_each_index(domino::index_t, auto&&) const {}
};

#ifdef DOMINO_OK
large named;
const domino::executor_ref executor = named;
#else
const domino::executor_ref executor = large{};
#endif

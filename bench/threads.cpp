// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two threads against one; `peak` is of the FMAs that two threads do at once.
#if defined(_OPENMP)
#include "domino/parallel/openmp.hpp"

#include "attention.hpp"

namespace bench {
namespace {

using domino::causal, domino::full;

const domino::openmp_executor two{2};

BENCHMARK_CAPTURE(attention, dense_2_threads, with(full, domino::score, two), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, causal_2_threads, with(causal, domino::score, two), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, documents_2_threads, with(documents, domino::score, two), with(documents))
    ->Apply(at_4096<64, 128>);

}  // namespace
}  // namespace bench
#endif

// expect: domino: Q, K and V are views of tensors of float, float16, bfloat16 or .with scales. int8
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <domino/attention.hpp>

using domino::bhsd;
void run(const float* x, const std::int8_t* k, const float* scales, float* o) {
    const auto values = bhsd(k, 1, 1, 4, 8);
#ifdef DOMINO_OK
    const domino::quantized_view K{values, bhsd(scales, 1, 1, 4, 1)};
#else
    const auto K = values;
    (void)scales;
#endif
    domino::attention(bhsd(x, 1, 1, 4, 8), K, bhsd(x, 1, 1, 4, 8), bhsd(o, 1, 1, 4, 8), domino::causal);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdio>

bool causal_mean_baseline();
bool causal_mean_avx2();
bool causal_mean_avx2_f16c();

int main() {
    // (a processor with AVX2 has F16C)
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool baseline = causal_mean_baseline(), avx2 = !has_avx2 || (causal_mean_avx2() && causal_mean_avx2_f16c());
    std::printf("baseline: %s, AVX2: %s\n", baseline ? "right" : "wrong",
                !has_avx2 ? "not on this processor"
                : avx2    ? "right"
                          : "wrong");
    return baseline && avx2 ? 0 : 1;
}

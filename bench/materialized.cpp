// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The baseline: the same attention as a reader of the paper writes it with Eigen, on one core, with the scores and the
// mask as q x kv tensors. Counters as in measure.hpp, so that rows compare; the mask is made before the clock starts.
#include <Eigen/Core>

#include "inputs.hpp"
#include "measure.hpp"

namespace bench {
namespace {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Mask>
void materialized(benchmark::State& state, const Mask& mask_or_maker) {
    Eigen::setNbThreads(1);
    const index_t head_dim = state.range(0), len = state.range(1);
    const auto mask = made_for(mask_or_maker, len);
    const elements<float> values(len * head_dim);
    const matrix q = Eigen::Map<const matrix>(values.data(), len, head_dim), k = q, v = q;
    const auto bias_values = domino::materialize_bias(mask, {1, 1, len, len});
    const Eigen::Map<const matrix> bias(bias_values.data.data(), len, len);
    matrix weights(len, len), o(len, head_dim);
    const float scale = 1.f / std::sqrt(static_cast<float>(head_dim));
    const index_t visible = domino::stats(mask, {1, 1, len, len}).visible;
    measure(state, {attention_flops(visible, head_dim, head_dim)}, [&] {
        weights.noalias() = q * k.transpose();
        for (index_t i = 0; i < len; ++i) {
            auto row = weights.row(i).array();
            row = row * scale + bias.row(i).array();
            row = (row - row.maxCoeff()).exp();
            row /= row.sum();
        }
        o.noalias() = weights * v;
    });
}

constexpr auto sizes = [](auto* row) {
    row->ArgNames({"head_dim", "len"})->Unit(benchmark::kMillisecond)->ArgsProduct({{64}, {1024, 4096}});
};

BENCHMARK_CAPTURE(materialized, dense, domino::full)->Apply(sizes);
BENCHMARK_CAPTURE(materialized, causal, domino::causal)->Apply(sizes);
BENCHMARK_CAPTURE(materialized, documents, documents)->Apply(sizes);

}  // namespace
}  // namespace bench

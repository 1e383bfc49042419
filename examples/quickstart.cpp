// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masked attention over real queries, keys and values: SmolLM2-135M reading three documents packed into one sequence
// (examples/data/README.md). Run it with no arguments.

#include <Eigen/Core>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "../bench/machine.hpp"
#include "../tests/reference.hpp"
#include "domino/domino.hpp"

namespace {

constexpr domino::index_t heads = 3, kv_heads = 1, len = 1024, head_dim = 64;

/// Queries, keys and values of one layer, stored as float16: q, then k, then v, each [heads, len, head_dim].
struct layer {
    std::vector<float> q = std::vector<float>(heads * len * head_dim),
                       k = std::vector<float>(kv_heads * len * head_dim), v = k;
    std::vector<int> doc;  // the document of each token

    explicit layer(const std::string& folder) {
        std::ifstream file(folder + "/smollm2_layer12.f16", std::ios::binary);
        for (std::vector<float>* tensor : {&q, &k, &v}) {
            std::vector<Eigen::half> stored(tensor->size());
            file.read(reinterpret_cast<char*>(stored.data()), static_cast<std::streamsize>(stored.size() * 2));
            std::copy(stored.begin(), stored.end(), tensor->begin());
        }
        std::ifstream lengths(folder + "/documents.txt");
        for (std::size_t tokens = 0, id = 0; lengths >> tokens; ++id)
            doc.insert(doc.end(), tokens, static_cast<int>(id));
        if (!file || doc.size() != static_cast<std::size_t>(len)) {
            std::fprintf(stderr, "quickstart: no data in %s\n", folder.c_str());
            std::exit(1);
        }
    }
};

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The same attention the usual way: a len x len mask tensor, a len x len score tensor, two matrix products.
void materialized_attention(const layer& x, const Matrix& mask_bias, float scale, float cap, std::vector<float>& o) {
    const Eigen::Map<const Matrix> K(x.k.data(), len, head_dim), V(x.v.data(), len, head_dim);
    for (domino::index_t head = 0; head < heads; ++head) {
        const Eigen::Map<const Matrix> Q(x.q.data() + head * len * head_dim, len, head_dim);
        Matrix S = Q * K.transpose();
        S = cap * (S.array() * (scale / cap)).tanh() + mask_bias.array();
        S = (S.colwise() - S.rowwise().maxCoeff().eval()).array().exp();
        S.array().colwise() /= S.rowwise().sum().eval().array();
        Eigen::Map<Matrix>(o.data() + head * len * head_dim, len, head_dim) = S * V;
    }
}

double seconds(auto&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main() {
    const layer x(DOMINO_EXAMPLE_DATA);
    std::vector<float> o(x.q.size()), o_eigen(x.q.size());

    // The mask and the score mod: expressions over b, h, q, kv and score. Nothing of size len x len is ever filled.
    const auto doc = domino::table(x.doc, "doc");
    const auto mask = domino::causal && domino::last_n(256) && doc(domino::q) == doc(domino::kv);
    const auto score_mod = domino::softcap(50.f);

    const auto Q = domino::bhsd(x.q.data(), 1, heads, len, head_dim);
    const auto K = domino::bhsd(x.k.data(), 1, kv_heads, len, head_dim);
    const auto V = domino::bhsd(x.v.data(), 1, kv_heads, len, head_dim);
    const auto O = domino::bhsd(o.data(), 1, heads, len, head_dim);
    domino::attention(Q, K, V, O, mask, score_mod);

    const domino::mask_shape shape{1, heads, len, len};
    const domino::mask_stats work = domino::stats(mask, shape);
    std::printf("SmolLM2-135M, layer 12: %d query heads on %d KV head, %d tokens of %d documents, head_dim %d\n\n",
                int(heads), int(kv_heads), int(len), x.doc.back() + 1, int(head_dim));
    std::printf("mask   %s\nscore  %s\n\n%s\n", domino::to_string(mask).c_str(), domino::to_string(score_mod).c_str(),
                domino::visualize(mask, shape, {.rows = 24, .columns = 48}).c_str());
    std::printf("%ld tiles of 64 x 64: %ld empty, %ld partial, %ld full; %.1f %% of the work is skipped unseen\n",
                long(work.tiles()), long(work.empty), long(work.partial), long(work.full), 100 * work.skipped_share());

    // Against float64 over every element, by a reference that shares no code with the library.
    reference::problem p{{x.q.data(), {1, heads, len, head_dim}, {0, len * head_dim, head_dim, 1}},
                         {x.k.data(), {1, kv_heads, len, head_dim}, {0, 0, head_dim, 1}},
                         {x.v.data(), {1, kv_heads, len, head_dim}, {0, 0, head_dim, 1}},
                         [&](auto, auto, auto q, auto kv) {
                             return kv <= q && q - kv < 256 && x.doc[std::size_t(q)] == x.doc[std::size_t(kv)];
                         },
                         [](double s, auto, auto, auto, auto) { return 50 * std::tanh(s / 50); },
                         0.125,
                         0,
                         {}};
    const reference::answer exact = reference::attention(p);
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < o.size(); ++i) {
        const double error = std::abs(double(o[i]) - exact.o[i]);
        if (!(error <= worst) && worst == worst) worst = error;  // a NaN stays
        largest = std::max(largest, std::abs(exact.o[i]));
    }
    std::printf("largest error against the float64 reference: %.1e (outputs up to %.1f)\n\n", worst, largest);

    // One thread, interleaved, best of 30: Domino, the core's peak, Eigen with a materialized mask.
    Matrix mask_bias(len, len);
    double domino_time = 1e9, fill_time = 1e9, eigen_time = 1e9, peak = 0;
    for (int i = 0; i < 30; ++i) {
        peak = std::max(peak, bench::fma_rate());
        domino_time = std::min(domino_time, seconds([&] { domino::attention(Q, K, V, O, mask, score_mod); }));
        fill_time = std::min(fill_time, seconds([&] {
                                 for (domino::index_t q = 0; q < len; ++q)
                                     for (domino::index_t kv = 0; kv < len; ++kv)
                                         mask_bias(q, kv) =
                                             kv <= q && q - kv < 256 && x.doc[std::size_t(q)] == x.doc[std::size_t(kv)]
                                                 ? 0.f
                                                 : -std::numeric_limits<float>::infinity();
                             }));
        eigen_time =
            std::min(eigen_time, seconds([&] { materialized_attention(x, mask_bias, 0.125f, 50.f, o_eigen); }));
    }
    const double flops = 4.0 * double(head_dim) * double(work.visible);
    std::printf(
        "Domino               %7.2f ms   %6.1f GFLOP/s of visible work, %.0f %% of this core's FMA peak (%.0f)\n",
        domino_time * 1e3, flops / domino_time / 1e9, 100 * flops / domino_time / peak, peak / 1e9);
    std::printf("Eigen, mask tensor   %7.2f ms   %6.1f GFLOP/s, and %.2f ms to fill the mask\n", eigen_time * 1e3,
                flops / eigen_time / 1e9, fill_time * 1e3);
    std::printf("                     %7.1f times as fast\n", (eigen_time + fill_time) / domino_time);
    return worst < 1e-4 ? 0 : 1;
}

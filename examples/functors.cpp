// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks and score mods of your own: a struct, a lambda, a function of plain integers, and a mask chosen at run time.

#include <cstdio>
#include <vector>

#include "domino/domino.hpp"

/// A mask mod as a struct: every `period`-th key is a landmark that all later queries see, beside a window of the last n.
/// Written once over `auto`, it is a point, a register of lanes or an interval, whatever Domino asks with.
struct landmarks {
    int period, n;
    auto operator()(auto /*b*/, auto /*h*/, auto q, auto kv) const {
        return kv <= q && (q - kv < n || kv % period == 0);
    }
};

/// A score mod as a struct: heads look back less or more far.
struct decay {
    float rate;
    auto operator()(auto score, auto /*b*/, auto h, auto q, auto kv) const { return score - rate * (h + 1) * (q - kv); }
};

int main() {
    using domino::index_t;
    constexpr index_t B = 1, H = 2, S = 300, D = 32;
    std::vector<float> q(B * H * S * D), k(q.size()), v(q.size()), o(q.size());
    for (std::size_t i = 0; i < q.size(); ++i) {
        q[i] = float(i % 13) / 13 - 0.5f;
        k[i] = float(i % 7) / 7 - 0.5f;
        v[i] = float(i % 5);
    }
    const auto Q = domino::bhsd(q.data(), B, H, S, D), K = domino::bhsd(k.data(), B, H, S, D);
    const auto V = domino::bhsd(v.data(), B, H, S, D), O = domino::bhsd(o.data(), B, H, S, D);
    const domino::mask_shape shape{B, H, S, S};

    // Structs and lambdas go in as they are, and join expressions by && || !
    domino::attention(Q, K, V, O, landmarks{16, 8}, decay{0.01f});
    const auto half = [](auto, auto head, auto query, auto key) {
        return head == 0 || key >= query / 2;
    };  // head 1: the recent half
    domino::attention(Q, K, V, O, domino::causal && half);

    // They skip tiles with no help, and print themselves.
    const auto mine = domino::as_mask(landmarks{64, 8});
    std::printf("%s\n%s", domino::to_string(mine).c_str(), domino::visualize(mine, shape, {.rows = 20}).c_str());
    std::printf("skipped: %.0f %%\n\n", 100 * domino::stats(mine, shape).skipped_share());

    // A function of plain integers works too; a bound, if you have one, lets it skip tiles.
    const auto odd = domino::scalar(
        [](int, int, int query, int key) {
            while (key > 0 && key % 2 == 0) key /= 2;
            return key <= query && key % 3 != 0;
        },
        [](const domino::tile& t) {
            return t.kv.begin >= t.q.end ? domino::tile_kind::empty : domino::tile_kind::partial;
        });
    domino::attention(Q, K, V, O, odd);

    // A layer's mask read from a configuration at run time: any_mask forgets the type.
    for (const int window : {0, 64}) {
        domino::any_mask layer = domino::causal;
        if (window > 0) layer = layer && domino::last_n(window);
        domino::attention(Q, K, V, O, layer);
        std::printf("window %2d: %s\n", window, domino::to_string(layer).c_str());
    }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Biases that depend on where two tokens are to each other: by distance, by bucket of distance, on a grid, in a graph.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "domino/error.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// score + values(h, kv - q + farthest): one learned number a head and distance, from -farthest to farthest; beyond them
/// the last one holds. values is [heads, 2 farthest + 1].   (Shaw et al., 2018, as scalars; Music Transformer)
inline auto relative_bias(const table_view<float, 2>& values) {
    const index_t columns = values.extent(1);
    if (columns % 2 == 0)
        detail::fail("relative_bias(values): values", "an odd number of distances", std::to_string(columns));
    return score + values(h, kv - q + columns / 2);
}

/// T5's bucket of a distance kv - q: the first half of a direction's buckets are single distances, the others grow by the
/// logarithm up to max_distance. Bidirectional models give each direction half of the buckets; others put the future in
/// bucket 0.   (Raffel et al., 2020; computed in float, as Hugging Face does)
inline index_t t5_bucket(index_t kv_minus_q, bool bidirectional, index_t buckets, index_t max_distance) {
    const index_t of_direction = bidirectional ? buckets / 2 : buckets, exact = of_direction / 2;
    const index_t begin = bidirectional && kv_minus_q > 0 ? of_direction : 0;
    const index_t distance = bidirectional && kv_minus_q > 0 ? kv_minus_q : detail::larger<index_t>(-kv_minus_q, 0);
    if (distance < exact) return begin + distance;
    const float octaves = __builtin_logf(static_cast<float>(distance) / static_cast<float>(exact)) /
                          static_cast<float>(__builtin_log(double(max_distance) / double(exact)));
    return begin + detail::smaller(of_direction - 1,
                                   exact + static_cast<index_t>(octaves * static_cast<float>(of_direction - exact)));
}

/// score + values(bucket(kv - q), h), with values [buckets, heads] as T5 stores them. Bidirectional in an encoder.
/// (T5; Hugging Face compute_bias)
inline auto t5_bias(const table_view<float, 2>& values, bool bidirectional, index_t max_distance = 128) {
    const index_t buckets = detail::at_least(bidirectional ? 4 : 2, values.extent(0), "t5_bias(values): buckets");
    const index_t exact = (bidirectional ? buckets / 2 : buckets) / 2;
    detail::at_least(exact + 1, max_distance, "t5_bias(values, bidirectional, max_distance): max_distance");
    const index_t reach = 2 * max_distance;  // all farther ones share the last bucket
    const auto bucket = tabulate<std::int32_t>(
        "bucket", [&](index_t i) { return t5_bucket(i - reach, bidirectional, buckets, max_distance); }, 2 * reach + 1);
    return score + values(bucket(kv - q + reach), h);
}

/// Windows of height x width tokens in row-major order: score + values((dy + height - 1) * (2 width - 1) + dx + width - 1, h),
/// with dy = y_q - y_kv and dx = x_q - x_kv and values [(2 height - 1) (2 width - 1), heads].   (Swin, Liu et al., 2021)
inline auto swin_bias(const table_view<float, 2>& values, index_t height, index_t width) {
    detail::at_least(1, height, "swin_bias(values, height, width): height");
    detail::at_least(1, width, "swin_bias(values, height, width): width");
    if (values.extent(0) != (2 * height - 1) * (2 * width - 1))
        detail::fail("swin_bias(values, height, width): values",
                     std::to_string((2 * height - 1) * (2 * width - 1)) + " rows", std::to_string(values.extent(0)));
    const auto dy = q / width - kv / width;
    const auto dx = q % width - kv % width;
    return score + values((dy + (height - 1)) * (2 * width - 1) + dx + (width - 1), h);
}

/// Sandwich: score + similarity(|q - kv|) * heads / (8 (h + 1)), where similarity(d) = sum of cos(d / 10000^(2 i / dims))
/// over i < dims / 2, the product of two sinusoidal position embeddings. Positions are below max_len.
/// (Chi et al., 2022; attention-gym generate_sandwich_bias)
inline auto sandwich(index_t heads, index_t max_len, index_t dims = 128) {
    detail::at_least(1, heads, "sandwich(heads, max_len, dims): heads");
    detail::at_least(1, max_len, "sandwich(heads, max_len, dims): max_len");
    detail::at_least(2, dims, "sandwich(heads, max_len, dims): dims");
    const auto similarity = tabulate<float>(
        "similarity",
        [=](index_t distance) {
            double sum = 0;
            for (index_t i = 0; i < dims / 2; ++i)
                sum += __builtin_cos(double(distance) * __builtin_pow(10000.0, -2.0 * double(i) / double(dims)));
            return sum;
        },
        max_len);
    return score + similarity(abs(q - kv)) * (static_cast<float>(heads) / 8.0f) / (h + 1);
}

/// Graphormer's spatial encoding: score + values(h, distances(b, q, kv)), with values [heads, distances] and the lengths
/// of shortest paths [batch, nodes, nodes]; unreachable nodes have a distance of their own.   (Ying et al., 2021)
template <class T>
auto graphormer(const table_view<float, 2>& values, const table_view<T, 3>& distances) {
    return score + values(h, distances(b, q, kv));
}

/// Graphormer's edge encoding: score + the mean over a shortest path's edges n = 0, 1, ... of values(h, n, type of edge n),
/// with values [heads, Hops, types], types [batch, nodes, nodes, Hops] and lengths [batch, nodes, nodes], of which at most
/// Hops edges count; a path without edges adds 0.   (Ying et al., 2021; attention-gym generate_graphormer_edge_bias)
template <index_t Hops, class T, class U>
auto graphormer_edges(const table_view<float, 3>& values, const table_view<T, 4>& types,
                      const table_view<U, 3>& lengths) {
    static_assert(Hops > 0, "domino: graphormer_edges<Hops> needs at least one hop");
    const auto length = lengths(b, q, kv);
    const auto hop = [&](index_t n) { return where(length > n, values(h, n, types(b, q, kv, n)), 0.f); };
    const auto sum = [&]<index_t... N>(std::integer_sequence<index_t, N...>) { return (hop(N) + ...); };
    return score + sum(std::make_integer_sequence<index_t, Hops>{}) / max(min(length, Hops), 1);
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trees of drafted tokens, verified in one pass.
#pragma once

#include "domino/error.hpp"
#include "domino/expression/substitute.hpp"
#include "domino/mask/packing.hpp"

namespace domino::inline DOMINO_ARCH {

/// A tree of tokens after a prefix: a node sees the prefix, its ancestors and itself,
/// kv < prefix || ancestor(kv - prefix, q), with queries 0 to n - 1 the nodes and keys the prefix, then the nodes.
/// parents[i] < i is node i's parent, negative for a root. With a q_offset of prefix in the call write
/// offset(tree(...), -prefix), and for prefixes of different lengths with_indices(tree(0, parents), q, kv - prefix(b)).
/// Tiles of the prefix are decided by ranges, the tail by n x n bools.
/// (SpecInfer, Medusa, EAGLE; FlashInfer, xformers, attention-gym)
template <IntegerList Range>
auto tree(index_t prefix, const Range& parents) {
    detail::at_least(0, prefix, "tree(prefix, parents): prefix");
    const detail::index_list parent(parents);
    const index_t n = parent.size();
    for (index_t i = 0; i < n; ++i)
        if (parent[i] >= i)
            detail::fail("tree(prefix, parents): parents", "a parent before node " + std::to_string(i),
                         std::to_string(parent[i]));
    const auto is_ancestor = [&](index_t ancestor, index_t node) {
        while (node > ancestor) node = parent[node];
        return node == ancestor;
    };
    // Nodes along the rows of the table, so that the queries of a SIMD register lie side by side.
    const auto ancestor = tabulate<bool>("ancestor", is_ancestor, n, n);
    return piecewise(kv < prefix || (kv < prefix + n && ancestor(kv - prefix, q)), cut::nowhere{}, cut::before{prefix});
}

}  // namespace domino::inline DOMINO_ARCH

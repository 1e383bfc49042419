// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chunks: the sequence cut every n tokens, whatever it holds.
#pragma once

#include "domino/error.hpp"
#include "domino/mask/causal.hpp"

namespace domino::inline DOMINO_ARCH {

/// Sequence cut in chunks of n, each seeing itself in both directions: q / n == kv / n; n >= 1.
constexpr auto chunked(index_t n) {
    detail::at_least(1, n, "chunked(n)");
    return q / n == kv / n;
}

/// Chunked and causal: kv <= q && q / n == kv / n.   (Llama 4, ejkernel apply_chunked, JAX Splash)
constexpr auto chunked_causal(index_t n) { return causal && chunked(n); }

/// The same where a batch entry begins after pads(b) tokens of left padding, which count for no chunk:
/// (q - pad) / n == (kv - pad) / n.   (Hugging Face chunked_overlay)
template <class T>
auto chunked_causal(index_t n, const table_view<T, 1>& pads) {
    return with_indices(chunked_causal(n), q - pads(b), kv - pads(b));
}

/// Blocks of n that see themselves in both directions and every block before: kv / n <= q / n; n >= 1.   (LLaDA-style
/// block decoding, xformers with gaps)
constexpr auto block_causal(index_t n) {
    detail::at_least(1, n, "block_causal(n)");
    return kv / n <= q / n;
}

/// Training of block diffusion on 2 len tokens, the noised sequence and then the clean one: a noised block sees itself
/// and the clean blocks before it, a clean block the clean blocks up to its own; len >= 1, block >= 1.
/// (BD3-LM, Arriola et al., 2025; attention-gym)
constexpr auto block_diffusion(index_t len, index_t block) {
    detail::at_least(1, len, "block_diffusion(len, block): len");
    detail::at_least(1, block, "block_diffusion(len, block): block");
    const auto q_block = q % len / block;
    const auto kv_block = kv % len / block;
    const auto noised = where(kv < len, kv_block == q_block, kv_block < q_block);
    const auto clean = kv >= len && kv_block <= q_block;
    return piecewise(where(q < len, noised, clean), cut::before{len});
}

}  // namespace domino::inline DOMINO_ARCH

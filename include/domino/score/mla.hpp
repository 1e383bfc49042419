// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A second dot product in the score, as multi-head latent attention has for its rotated channels.
#pragma once

#include <string>

#include "domino/error.hpp"
#include "domino/expression/functor.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {

/// score + c * (q_rope(b, h, q) . k_rope(b, h', kv)), element by element: q_rope [batch, heads, q_len, channels] holds the
/// query at position q_offset first; k_rope [batch, num_kv_heads, kv_len, channels] has one head or as many as divide
/// heads. Appending the channels to Q and K (head_dim may differ from V's) computes the same at the kernel's full speed:
/// prefer it where the memory is yours.   (DeepSeek-V2, attention-gym mla)
inline auto mla_rope(tensor_view<const float> q_rope, tensor_view<const float> k_rope, float c, index_t q_offset = 0) {
    if (q_rope.head_dim() != k_rope.head_dim())
        detail::fail("mla_rope(q_rope, k_rope): k_rope", std::to_string(q_rope.head_dim()) + " channels as q_rope",
                     std::to_string(k_rope.head_dim()));
    if (k_rope.heads() < 1 || q_rope.heads() % k_rope.heads() != 0)
        detail::fail("mla_rope(q_rope, k_rope): k_rope", "heads that divide q_rope's " + std::to_string(q_rope.heads()),
                     std::to_string(k_rope.heads()));
    const index_t group = q_rope.heads() / k_rope.heads();
    return scalar([=](float score_, int b_, int h_, int q_, int kv_) {
        const float *x = q_rope.row(b_, h_, q_ - q_offset), *y = k_rope.row(b_, h_ / group, kv_);
        float dot = 0.f;
        for (index_t i = 0; i < q_rope.head_dim(); ++i) dot += x[i] * y[i];
        return score_ + c * dot;
    });
}

}  // namespace domino::inline DOMINO_ARCH

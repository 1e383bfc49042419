// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A second dot product in the score, as multi-head latent attention has for its rotated channels.
#pragma once

#include <string>

#include "domino/error.hpp"
#include "domino/expression/functor.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {

struct mla_score {
    tensor_view<const float> q_rope, k_rope;
    float c;
    index_t q_offset;

    float at(float score_, index_t b_, index_t h_, index_t q_, index_t kv_) const {
        const index_t group = q_rope.heads() / k_rope.heads();
        const float *x = q_rope.row(b_, h_, q_ - q_offset), *y = k_rope.row(b_, h_ / group, kv_);
        float dot = 0.f;
        for (index_t i = 0; i < q_rope.head_dim(); ++i) dot += x[i] * y[i];
        return score_ + c * dot;
    }
    static real_interval over(auto...) { return real_interval::anything(); }
    void inspect(real_interval, interval b_, interval h_, interval q_, interval kv_, auto&) const {
        check("q_rope's batch", b_, 0, q_rope.batch());
        check("k_rope's batch", b_, 0, k_rope.batch());
        check("q_rope's heads", h_, 0, q_rope.heads());
        check("q_rope's q_len", q_, q_offset, q_rope.len());
        check("k_rope's kv_len", kv_, 0, k_rope.len());
    }
    static auto words(const auto&... x) { return call_text("mla_rope", x...); }

private:
    static void check(const char* what, interval called, index_t first, index_t size) {
        if (called.lo < first || called.hi >= first + size)
            fail("mla_rope(q_rope, k_rope)",
                 std::string(what) + " from " + std::to_string(called.lo) + " to " + std::to_string(called.hi),
                 std::to_string(size) + " from " + std::to_string(first) + " on");
    }
};

}  // namespace detail

/// score + c * (q_rope(b, h, q) . k_rope(b, h', kv)), element by element: q_rope [batch, heads, q_len, channels] holds the
/// query at position q_offset first; k_rope [batch, num_kv_heads, kv_len, channels] has one head or as many as divide
/// heads. A call that they do not cover throws. Appending the channels to Q and K (head_dim may differ from V's) computes
/// the same at the kernel's full speed: prefer it where the memory is yours.   (DeepSeek-V2, attention-gym mla)
inline auto mla_rope(tensor_view<const float> q_rope, tensor_view<const float> k_rope, float c, index_t q_offset = 0) {
    if (q_rope.head_dim() != k_rope.head_dim())
        detail::fail("mla_rope(q_rope, k_rope): k_rope", std::to_string(q_rope.head_dim()) + " channels as q_rope",
                     std::to_string(k_rope.head_dim()));
    if ((!q_rope.data && q_rope.size() > 0) || (!k_rope.data && k_rope.size() > 0))
        detail::fail("mla_rope(q_rope, k_rope)", "buffers", "null");
    if (k_rope.heads() < 1 || q_rope.heads() % k_rope.heads() != 0)
        detail::fail("mla_rope(q_rope, k_rope): k_rope", "heads that divide q_rope's " + std::to_string(q_rope.heads()),
                     std::to_string(k_rope.heads()));
    using namespace detail;
    return call<mla_score, score_t, b_t, h_t, q_t, kv_t>({q_rope, k_rope, c, q_offset}, {}, {}, {}, {}, {});
}

}  // namespace domino::inline DOMINO_ARCH

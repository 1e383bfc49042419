// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random masks from a counter: nothing is stored, and an element is the same whoever asks for it.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "domino/error.hpp"
#include "domino/expression/functor.hpp"
#include "domino/expression/random.hpp"

namespace domino::inline DOMINO_ARCH {
namespace detail {

/// Keeps (b, q, kv) with a probability, by the bits that JAX draws for an array [batch, 1, q_len, kv_len].
struct random_functor {
    float keep;
    std::uint32_t seed;
    index_t q_len, kv_len;

    constexpr bool at(index_t b_, index_t q_, index_t kv_) const {
        const auto i = static_cast<std::uint64_t>((b_ * q_len + q_) * kv_len + kv_);
        const auto bits = threefry({0, seed}, {static_cast<std::uint32_t>(i >> 32), static_cast<std::uint32_t>(i)});
        return std::bit_cast<float>(((bits[0] ^ bits[1]) >> 9) | 0x3F800000u) - 1.f < keep;
    }
    constexpr truth over(auto...) const { return {keep > 0.f, keep >= 1.f}; }
    static auto words(const auto&... x) { return call_text("random", x...); }
};

}  // namespace detail

/// A random mask over [batch, q_len, kv_len], the same for all heads, that keeps a share of 1 - sparsity of the pairs;
/// 0 <= sparsity <= 1. The bits of jax.random.bernoulli with PRNGKey(seed).   (ejkernel from_random)
constexpr auto random_mask(index_t q_len, index_t kv_len, double sparsity, std::uint32_t seed) {
    if (!(sparsity >= 0.0 && sparsity <= 1.0)) detail::fail("sparsity", "0 to 1", std::to_string(sparsity));
    return call<detail::random_functor, detail::b_t, detail::q_t, detail::kv_t>(
        {static_cast<float>(1.0 - sparsity), seed, q_len, kv_len}, {}, {}, {});
}

}  // namespace domino::inline DOMINO_ARCH

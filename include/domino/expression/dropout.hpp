// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dropout as a function of (b, h, q, kv): nothing is stored.
#pragma once

#include <cstdint>
#include <string>

#include "domino/domain/text.hpp"
#include "domino/expression/functor.hpp"
#include "domino/expression/random.hpp"

namespace domino::inline DOMINO_ARCH {

/// Dropout of attention weights, after the softmax: a weight is 0 with probability `rate`, else divided by 1 - rate.
///
///   word = threefry(threefry(key, (b, h)), (q, kv / 2))[kv % 2]        dropped where word / 2^32 < rate
///
/// in steps of 2^-24. What is dropped depends on the key and on (b, h, q, kv) alone, q with the call's offset: the same
/// for any tile size, thread count, architecture, and in whatever chunks a sequence comes.   (attnax dropout_rng,
/// dropout_rate, deterministic)
struct dropout_options {
    float rate = 0;              ///< 0 to 1
    std::uint64_t key = 0;       ///< another key, another draw
    bool deterministic = false;  ///< nothing is dropped, whatever the rate

    constexpr bool active() const { return rate > 0 && !deterministic; }
    /// What a kept weight is multiplied by; 1 at rate 1, where none is.
    constexpr float kept_factor() const { return rate < 1 ? 1 / (1 - rate) : 1.f; }
    /// Words below it, of 24 bits, are dropped.
    constexpr std::uint32_t threshold() const { return static_cast<std::uint32_t>(double(rate) * 0x1p24 + 0.5); }
    /// The key of a head.
    constexpr word_pair head_key(index_t b_, index_t h_) const {
        return threefry({static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)},
                        {static_cast<std::uint32_t>(b_), static_cast<std::uint32_t>(h_)});
    }
    /// Whether the weight of (b, h, q, kv) stays.
    constexpr bool keeps(index_t b_, index_t h_, index_t q_, index_t kv_) const {
        if (!active()) return true;
        const word_pair drawn =
            threefry(head_key(b_, h_), {static_cast<std::uint32_t>(q_), static_cast<std::uint32_t>(kv_) >> 1});
        return drawn[static_cast<std::size_t>(kv_ & 1)] >> 8 >= threshold();
    }
};

namespace detail {

/// Dropout as a leaf of expressions.
struct kept_weights {
    dropout_options dropout;
    constexpr bool at(index_t b_, index_t h_, index_t q_, index_t kv_) const { return dropout.keeps(b_, h_, q_, kv_); }
    constexpr truth over(auto...) const {
        const bool some = dropout.active();
        return {!some || dropout.threshold() < 1u << 24, !some || dropout.threshold() == 0};
    }
    text words(const auto&... x) const {
        return {"kept(" + comma_separated(x...) + ", " + writer::constant(dropout.rate).words + ", " +
                std::to_string(dropout.key) + ")"};
    }
};

}  // namespace detail

/// The weights that dropout keeps, as a mask: to look at, to count, to materialize. As the mask of a call it would drop
/// scores before the softmax, which is another thing.
constexpr auto kept_by(const dropout_options& dropout) {
    using namespace detail;
    if (!(dropout.rate >= 0 && dropout.rate <= 1))
        fail("kept_by(dropout): rate", "0 to 1", std::to_string(dropout.rate));
    return call<kept_weights, b_t, h_t, q_t, kv_t>({dropout}, {}, {}, {}, {});
}

}  // namespace domino::inline DOMINO_ARCH

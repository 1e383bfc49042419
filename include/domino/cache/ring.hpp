// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cache for layers with a sliding window, whose memory does not grow with the sequence.
#pragma once

#include <algorithm>

#include "domino/cache/linear.hpp"

namespace domino::inline DOMINO_ARCH {

/// A ring of cells: a token takes the place of the oldest. Queries see the last `window` positions,
/// last_n_by_position(window, q_pos, cache.positions()), and a token that one of them still sees is never overwritten.
/// One extend() may bring cells - window + 1 tokens: decoding needs `window` cells, a prefill in chunks of n needs
/// window + n - 1. Which token a cell holds is told by positions() alone.   (Gemma's local layers, gemma.cpp, executorch)
template <Element T>
class ring_cache : public detail::contiguous_cache<T> {
    using base = detail::contiguous_cache<T>;

public:
    /// Throws where shape.cells < window, window < 1, an extent is not positive or a product of extents overflows.
    ring_cache(const cache_shape& shape, index_t window)
        : base(shape),
          window_(detail::at_least(1, window, "window")),
          lost_(static_cast<std::size_t>(shape.batch), -1) {
        detail::at_least(window, shape.cells, "cache: cells of a ring");
    }

    index_t window() const { return window_; }

    /// As linear_cache::extend, but the oldest tokens make room. Throws, and changes nothing, where a token would go that
    /// one of the new tokens sees.
    void extend(std::span<const position_t> positions, std::span<const index_t> counts = {}) {
        detail::new_tokens added(this->batch(), positions, counts);
        std::vector<position_t> lost = lost_;
        for (index_t b_ = 0; b_ < this->batch(); ++b_) {
            const auto tokens = added.of(b_, positions);
            const index_t end = this->end(b_);
            position_t& gone = lost[static_cast<std::size_t>(b_)];
            const position_t last = std::max(this->last(b_, end), gone);  // all that has a cell may be padding
            detail::last_position(last, tokens);
            for (index_t i = 0; i < std::ssize(tokens); ++i)
                gone = std::max(gone, i < this->cells() ? this->at(b_, end + i)
                                                        : tokens[static_cast<std::size_t>(i - this->cells())]);
            const auto real = std::find_if(tokens.begin(), tokens.end(), [](position_t p) { return p >= 0; });
            check(b_, gone, real == tokens.end() ? index_t{last} + 1 : *real,
                  "fewer tokens at once, or more cells: window + len - 1");
        }
        this->commit(std::move(added), positions);
        lost_ = std::move(lost);
    }

    /// As linear_cache::keep. Throws, and changes nothing, where tokens that the next one sees are gone.
    void keep(index_t b_, index_t first, std::span<const index_t> kept = {}) {
        detail::check_kept(first, this->end(b_), kept);
        const bool restart = first == 0 && kept.empty();
        if (!restart && first < this->end(b_) - this->cells())
            detail::fail("first", "a token that still has a cell", std::to_string(first));
        position_t& gone = lost_[this->entry(b_)];
        if (restart) gone = -1;
        position_t last = this->last(b_, first);
        for (const index_t token : kept) last = std::max(last, this->at(b_, token));
        if (first + std::ssize(kept) < this->end(b_)) check(b_, gone, index_t{last} + 1, "to keep more tokens");
        this->compact(b_, first, kept);
    }

private:
    void check(index_t b_, position_t gone, index_t next, const char* remedy) const {
        if (gone >= 0 && gone > next - window_)
            detail::fail("positions", std::string(remedy) + " for batch entry " + std::to_string(b_),
                         "position " + std::to_string(next) + ", which sees the overwritten " + std::to_string(gone));
    }

    index_t window_;
    std::vector<position_t> lost_;  ///< the last position of each entry that was overwritten
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks to drive attention with. Each stands here twice: as Domino's expression behind any_mask, so that one kernel
// runs them all, and as a plain lambda written from the formula, for the oracle.
#pragma once

#include <cstdint>
#include <domino/domino.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inputs.hpp"
#include "reference.hpp"

namespace mask_cases {

using reference::index_t;

struct mask_case {
    std::string name;
    domino::any_mask mask;
    std::function<bool(index_t b, index_t h, index_t q, index_t kv)> keep;
};

/// What a mask may range over: q positions stop before q_end (the offset included), keys before kv_len.
struct extent {
    index_t batch, heads, q_end, kv_len;
    index_t positions() const { return std::max<index_t>({q_end, kv_len, 1}); }
};

namespace detail {

using ints = std::vector<std::int32_t>;

inline std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

inline ints filled(index_t count, const std::function<index_t()>& next) {
    ints out(at(count));
    for (auto& x : out) x = static_cast<std::int32_t>(next());
    return out;
}

/// Runs of equal ids with a chance of -1, which belongs to nobody.
inline ints document_ids(inputs::random& r, index_t batch, index_t length) {
    ints out;
    for (index_t b = 0; b < batch; ++b) {
        index_t id = 0;
        for (index_t i = 0; i < length; ++i) {
            if (r.coin(0.08)) ++id;
            out.push_back(r.coin(0.03) ? -1 : static_cast<std::int32_t>(id));
        }
    }
    return out;
}

}  // namespace detail

inline constexpr int count = 22;

/// Case `which` of `count`, with random parameters. Buffers live as long as `store`.
inline mask_case make(int which, inputs::random& r, extent e, std::vector<std::shared_ptr<detail::ints>>& store) {
    using namespace domino;
    using detail::at;
    const index_t n = e.positions();
    const auto hold = [&](detail::ints values) {
        store.push_back(std::make_shared<detail::ints>(std::move(values)));
        return store.back();
    };
    const index_t w = r.between(1, std::max<index_t>(1, n / 2));
    const index_t x = r.between(0, n), y = r.between(0, n);
    const std::uint64_t seed = r.bits();
    switch (which) {
        case 0: return {"full", full, [](auto, auto, auto, auto) { return true; }};
        case 1: return {"none", none, [](auto, auto, auto, auto) { return false; }};
        case 2: return {"causal", causal, [](auto, auto, index_t i, index_t j) { return j <= i; }};
        case 3: return {"strictly causal", kv < q, [](auto, auto, index_t i, index_t j) { return j < i; }};
        case 4: return {"anticausal", !causal, [](auto, auto, index_t i, index_t j) { return j > i; }};
        case 5:
            return {"causal last_n", causal && last_n(w),
                    [w](auto, auto, index_t i, index_t j) { return j <= i && i - j < w; }};
        case 6:
            return {"band", band(x, y), [x, y](auto, auto, index_t i, index_t j) { return i - j <= x && j - i <= y; }};
        case 7:
            return {"band unbounded on the left", band(unbounded, y),
                    [y](auto, auto, index_t i, index_t j) { return j - i <= y; }};
        case 8: return {"prefix_lm", prefix_lm(x), [x](auto, auto, index_t i, index_t j) { return j < x || j <= i; }};
        case 9: {
            auto lens = hold(detail::filled(e.batch, [&] { return r.between(0, e.kv_len); }));
            return {"prefix_lm a batch", prefix_lm(table(lens->data(), e.batch)),
                    [lens](index_t b, auto, index_t i, index_t j) { return j < (*lens)[at(b)] || j <= i; }};
        }
        case 10: {
            auto lens = hold(detail::filled(e.batch, [&] { return r.between(0, e.kv_len); }));
            return {"kv_length", kv_length(table(lens->data(), e.batch)),
                    [lens](index_t b, auto, auto, index_t j) { return j < (*lens)[at(b)]; }};
        }
        case 11:
        case 12: {
            auto ids = hold(detail::document_ids(r, e.batch, n));
            const auto keep = [ids, n](index_t b, auto, index_t i, index_t j) {
                return (*ids)[at(b * n + i)] == (*ids)[at(b * n + j)] && (*ids)[at(b * n + i)] >= 0;
            };
            const auto same = same_document(table(ids->data(), e.batch, n));
            if (which == 11) return {"same_document", same, keep};
            return {"causal same_document", causal && same,
                    [keep](index_t b, index_t h, index_t i, index_t j) { return j <= i && keep(b, h, i, j); }};
        }
        case 13:
            return {"chunked causal", chunked(w) && causal,
                    [w](auto, auto, index_t i, index_t j) { return i / w == j / w && j <= i; }};
        case 14: {
            auto qs = hold(detail::filled(n, [&] { return r.between(0, n); }));
            auto ks = hold(detail::filled(n, [&] { return r.between(-1, n); }));
            return {"causal_by_position", causal_by_position(table(qs->data(), n), table(ks->data(), n)),
                    [qs, ks](auto, auto, index_t i, index_t j) {
                        return (*ks)[at(j)] <= (*qs)[at(i)] && (*ks)[at(j)] >= 0;
                    }};
        }
        case 15: {
            const index_t step = r.between(2, 5);
            return {"dilated", abs(q - kv) <= w && (q - kv) % step == 0, [w, step](auto, auto, index_t i, index_t j) {
                        return std::abs(i - j) <= w && (i - j) % step == 0;
                    }};
        }
        case 16:
            return {"sink and window", causal && (q - kv < w || kv < 3),
                    [w](auto, auto, index_t i, index_t j) { return j <= i && (i - j < w || j < 3); }};
        case 17:
            return {
                "by head", (h % 2 == 0 && causal) || (h % 2 == 1 && abs(q - kv) < w),
                [w](auto, index_t head, index_t i, index_t j) { return head % 2 == 0 ? j <= i : std::abs(i - j) < w; }};
        case 18:
            return {"checkerboard", (q + kv) % 2 == 0,
                    [](auto, auto, index_t i, index_t j) { return (i + j) % 2 == 0; }};
        case 19: {  // rows that see nothing: leading, in the middle, trailing
            const index_t lo = std::min(x, y), hi = std::max(x, y);
            const bool inside = r.coin();
            if (inside)
                return {"rows inside", q >= lo && q < hi,
                        [lo, hi](auto, auto, index_t i, auto) { return i >= lo && i < hi; }};
            return {"rows outside", q < lo || q >= hi,
                    [lo, hi](auto, auto, index_t i, auto) { return i < lo || i >= hi; }};
        }
        case 20: {  // block sparse, from a table of tiles
            const index_t block = r.between(1, 24), blocks = n / block + 1;
            auto live = hold(detail::filled(blocks * blocks, [&] { return r.coin(0.4) ? 1 : 0; }));
            return {"random blocks", table(live->data(), blocks, blocks)(q / block, kv / block) != 0,
                    [live, block, blocks](auto, auto, index_t i, index_t j) {
                        return (*live)[at(i / block * blocks + j / block)] != 0;
                    }};
        }
        default: {
            const std::uint64_t limit = r.pick(std::vector<std::uint64_t>{1, 8, 16, 30});
            const auto keep = [seed, limit](auto batch, auto head, auto i, auto j) {
                return inputs::hash(seed, static_cast<index_t>(batch), static_cast<index_t>(head),
                                    static_cast<index_t>(i), static_cast<index_t>(j)) %
                           32 <
                       limit;
            };
            return {"random bits", scalar([keep](int b_, int h_, int i, int j) { return keep(b_, h_, i, j); }), keep};
        }
    }
}

}  // namespace mask_cases

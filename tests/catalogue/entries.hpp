// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The entries of the catalogue, each beside its formula written afresh in plain integers.
#pragma once

#include <cstdlib>
#include <domino/domain/lanes.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/interop.hpp>
#include <domino/mask/mask.hpp>
#include <functional>
#include <string>
#include <vector>

namespace catalogue {

using namespace domino;

struct entry {
    std::string name;
    any_mask mask;
    std::function<bool(index_t b, index_t h, index_t q, index_t kv)> keep;
    mask_shape shape;  ///< what it is tested and drawn on
    int (*wrong_lanes)(const entry&) = nullptr;
    std::shared_ptr<void> typed;  ///< the expression itself, for wrong_lanes
    bool exact = true;            ///< every tile gets its exact class
};

// The catalogue in parts, a translation unit each.
std::vector<entry> windows();
std::vector<entry> documents();
std::vector<entry> grids();
std::vector<entry> blocks();
std::vector<entry> combined();

inline std::vector<entry> all() {
    std::vector<entry> out;
    for (const auto part : {windows, documents, grids, blocks, combined})
        for (entry& e : part()) out.push_back(std::move(e));
    return out;
}

inline std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Lanes where the lanes domain differs from the formula: registers of consecutive rows, and registers of mixed heads.
template <Expression E>
int wrong_lanes(const entry& e) {
    const E& expression = *static_cast<const E*>(e.typed.get());
    int wrong = 0;
    const auto compare = [&](const auto& lanes_, index_t batch, index_t key, auto row_of, auto head_of) {
        const auto value =
            xsimd::select(detail::spread(evaluate(expression, lanes_)), simd::floats(1.f), simd::floats(0.f));
        alignas(64) float ones[simd::width];
        value.store_aligned(ones);
        for (index_t i = 0; i < simd::width; ++i) {
            const index_t row = row_of(i);
            if (row < e.shape.q_len) wrong += (ones[i] != 0) != e.keep(batch, head_of(i), row, key);
        }
    };
    for (index_t batch = 0; batch < e.shape.batch; ++batch)
        for (index_t key = 0; key < e.shape.kv_len; ++key)
            for (index_t row = 0; row < e.shape.q_len; row += 3) {
                const index_t head = row % e.shape.heads;
                compare(
                    lanes<index_t, consecutive>{batch, head, {row}, key}, batch, key,
                    [=](index_t i) { return row + i; }, [=](index_t) { return head; });
                const auto row_of = [&](index_t i) { return (row + 5 * i) % e.shape.q_len; };
                const auto head_of = [&](index_t i) { return (head + i) % e.shape.heads; };
                alignas(64) std::int32_t rows[simd::width], heads[simd::width];
                for (index_t i = 0; i < simd::width; ++i) {
                    rows[i] = static_cast<std::int32_t>(row_of(i));
                    heads[i] = static_cast<std::int32_t>(head_of(i));
                }
                compare(lanes<simd::ints, simd::ints>{batch, simd::ints::load_aligned(heads),
                                                      simd::ints::load_aligned(rows), key},
                        batch, key, row_of, head_of);
            }
    return wrong;
}

template <class M, class Keep>
entry make(std::string name, const M& m, mask_shape shape, Keep keep, bool exact = true) {
    using E = mask_t<M>;
    const E expression = as_mask(m);
    entry out{
        std::move(name), any_mask(expression), {}, shape, &wrong_lanes<E>, std::make_shared<E>(expression), exact};
    if constexpr (std::is_invocable_v<Keep, index_t, index_t, index_t, index_t>) out.keep = keep;
    else out.keep = [keep](index_t, index_t, index_t row, index_t key) { return keep(row, key); };
    return out;
}

}  // namespace catalogue

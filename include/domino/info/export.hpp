// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A mask written down as other systems want it. The way in is mask/interop.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "domino/info/materialize.hpp"
#include "domino/mask/interop.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {
/// Checks a shape whose format knows no heads.
template <Expression E>
void check_shared_by_heads(const E& expression, const mask_shape& shape) {
    check_shape(expression, shape);
    if (shape.heads != 1)
        fail("shape.heads", "1, since this format is shared by all heads", std::to_string(shape.heads));
}
}  // namespace detail

/// FlashInfer's packed custom mask: little-endian bits of [q_len, kv_len] one after another, each batch entry from a new
/// byte. shape.heads must be 1.
template <MaskMod M>
std::vector<std::uint8_t> export_flashinfer_packed_mask(const M& mask_mod, const mask_shape& shape) {
    detail::check_shared_by_heads(as_mask(mask_mod), shape);
    const index_t entry_bytes = (shape.q_len * shape.kv_len + 7) / 8;
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape.batch * entry_bytes));
    detail::for_each_element(mask_mod, shape, [&](index_t b_, index_t, index_t q_, index_t kv_, bool keep) {
        const index_t bit = q_ * shape.kv_len + kv_;
        auto& byte = bytes[static_cast<std::size_t>(b_ * entry_bytes + bit / 8)];
        byte = static_cast<std::uint8_t>(byte | int{keep} << (bit % 8));
    });
    return bytes;
}

/// ggml's f16 mask as raw bits, [batch, heads, padded_q_len, kv_len]: 0 where kept, -inf where not and in the rows of
/// padding. ggml wants padded_q_len >= q_len, in its older versions a multiple of 64.
template <MaskMod M>
std::vector<std::uint16_t> export_ggml_mask(const M& mask_mod, const mask_shape& shape, index_t padded_q_len) {
    detail::check_shape(as_mask(mask_mod), shape);
    detail::at_least(shape.q_len, padded_q_len, "export_ggml_mask: padded_q_len");
    const index_t size =
        detail::checked_product("export_ggml_mask", {shape.batch, shape.heads, padded_q_len, shape.kv_len});
    std::vector<std::uint16_t> halves(static_cast<std::size_t>(size), detail::half_minus_infinity);
    detail::for_each_element(mask_mod, shape, [&](index_t b_, index_t h_, index_t q_, index_t kv_, bool keep) {
        if (keep)
            halves[static_cast<std::size_t>(((b_ * shape.heads + h_) * padded_q_len + q_) * shape.kv_len + kv_)] = 0;
    });
    return halves;
}

/// FlashMask's `startend_row_indices` [batch, heads, kv_len, 4] for a call that is not causal: {LTS, LTE, UTS, UTE}, see
/// flashmask. Throws for a mask with a key that is hidden from more than two stretches of rows, which the format cannot say.
template <MaskMod M>
std::vector<std::int32_t> export_flashmask(const M& mask_mod, const mask_shape& shape) {
    const auto expression = as_mask(mask_mod);
    detail::check_shape(expression, shape);
    std::vector<std::int32_t> bounds;
    for (index_t batch = 0; batch < shape.batch; ++batch)
        for (index_t head = 0; head < shape.heads; ++head)
            for (index_t key = 0; key < shape.kv_len; ++key) {
                std::vector<index_t> stretches;  // begin, end, begin, end of the rows that do not see the key
                bool seen = true;
                for (index_t row = 0; row < shape.q_len; ++row)
                    if (evaluate(expression, point{batch, head, row, key}) != seen)
                        seen = !seen, stretches.push_back(row);
                if (!seen) stretches.push_back(shape.q_len);
                if (stretches.size() > 4)
                    detail::fail("export_flashmask: mask", "keys hidden from at most two stretches of rows",
                                 std::to_string(stretches.size() / 2) + " at key " + std::to_string(key));
                stretches.resize(4);  // nothing more: [0, 0)
                for (const index_t i : {2, 3, 0, 1})
                    bounds.push_back(static_cast<std::int32_t>(stretches[static_cast<std::size_t>(i)]));
            }
    return bounds;
}

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks on an array of logits that someone has already, by the names of its axes: penzai's three layers. Where the
// logits are attention's own, hand the mask to `attention`: causal_by_position, last_n_by_position.
#pragma once

#include <limits>
#include <variant>

#include "domino/info/named.hpp"

namespace domino::inline DOMINO_ARCH {

/// Arrays under names, as layers ask for them.   (penzai side_inputs)
class side_inputs {
public:
    using positions = named_view<const std::int32_t>;
    using truths = named_view<const bool>;
    struct entry {
        std::string name;
        std::variant<positions, truths> values;
    };

    side_inputs(std::initializer_list<entry> entries) : entries_(entries) {}

    /// Throws where there is no input of that name and kind.
    template <class View>
    const View& get(const std::string& name) const {
        std::string there;
        for (const entry& each : entries_) {
            there += (there.empty() ? "" : ", ") + each.name;
            if (each.name != name) continue;
            if (const View* values = std::get_if<View>(&each.values)) return *values;
            detail::fail("side input '" + name + "'",
                         std::is_same_v<View, truths> ? "truth values" : "positions (int32)", "the other kind");
        }
        detail::fail("side input '" + name + "'", "it among the side inputs", there.empty() ? "none" : there);
    }

private:
    std::vector<entry> entries_;
};

/// penzai's masked_out_value: near the lowest float, finite in float32 and bfloat16. In float16 it is -inf: then a row
/// that sees nothing is all -inf, and its softmax NaN.
inline constexpr float penzai_masked_out_value = -2.3819763e38f;

/// logit = mask ? logit : masked_out_value, in place; the value is replaced, not added to, and converted to the logits'
/// type. Axes are found by name; those that the mask lacks broadcast.   (penzai ApplyExplicitAttentionMask)
/// A row that sees nothing is all masked_out_value, so its softmax is uniform over all keys, empty cells too.
struct apply_explicit_attention_mask {
    std::string mask_input_name;
    float masked_out_value = penzai_masked_out_value;

    template <class T>
    void operator()(const named_view<T>& logits, const side_inputs& inputs) const {
        const T masked = static_cast<T>(masked_out_value);
        detail::for_each_named(
            "mask", logits, [&](T& logit, bool keep) { logit = keep ? logit : masked; },
            inputs.get<side_inputs::truths>(mask_input_name));
    }
};

/// The same with q_position >= kv_position >= 0 and q_position - kv_position < sliding_window_size: that many keys, the
/// query's own among them. Positions come from int32 arrays with `seq_axis`, whose axis stands for `kv_seq_axis` of the
/// logits in the second: they may repeat and come in any order, a negative key position is an empty cell.
/// The size is a number, or an array over any axes of the logits, such as "batch" or "heads"; 0 or less sees nothing.
/// (penzai ApplyCausalSlidingWindowAttentionMask)
struct apply_causal_sliding_window_attention_mask {
    float masked_out_value = penzai_masked_out_value;
    std::variant<index_t, side_inputs::positions> sliding_window_size = index_t{0};
    std::string query_positions_input_name = "token_positions";
    std::string kv_positions_input_name = "token_positions";
    std::string seq_axis = "seq";
    std::string kv_seq_axis = "kv_seq";

    template <class T>
    void operator()(const named_view<T>& logits, const side_inputs& inputs) const {
        const T masked = static_cast<T>(masked_out_value);
        const auto& queries = inputs.get<side_inputs::positions>(query_positions_input_name);
        const auto keys = inputs.get<side_inputs::positions>(kv_positions_input_name).renamed(seq_axis, kv_seq_axis);
        const auto apply = [&](T& logit, index_t query, index_t key, index_t window) {
            logit = key <= query && query - key < window && key >= 0 ? logit : masked;
        };
        if (const auto* windows = std::get_if<side_inputs::positions>(&sliding_window_size))
            detail::for_each_named("positions", logits, apply, queries, keys, *windows);
        else
            detail::for_each_named(
                "positions", logits,
                [&](T& logit, index_t query, index_t key) {
                    apply(logit, query, key, std::get<0>(sliding_window_size));
                },
                queries, keys);
    }
};

/// The same without a limit to the window.   (penzai ApplyCausalAttentionMask)
struct apply_causal_attention_mask {
    float masked_out_value = penzai_masked_out_value;
    std::string query_positions_input_name = "token_positions";
    std::string kv_positions_input_name = "token_positions";
    std::string seq_axis = "seq";
    std::string kv_seq_axis = "kv_seq";

    template <class T>
    void operator()(const named_view<T>& logits, const side_inputs& inputs) const {
        apply_causal_sliding_window_attention_mask{masked_out_value,
                                                   std::numeric_limits<index_t>::max(),
                                                   query_positions_input_name,
                                                   kv_positions_input_name,
                                                   seq_axis,
                                                   kv_seq_axis}(logits, inputs);
    }
};

}  // namespace domino::inline DOMINO_ARCH

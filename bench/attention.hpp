// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A row of attention: its shape, what is called, and what that is compared with.
#pragma once

#include "call.hpp"
#include "measure.hpp"

namespace bench {

/// A call of this shape, beside `base`, if there is one.
template <class Call, class... Base>
void attention_of(benchmark::State& state, const shape& s, const Call& call, const Base&... base) {
    const prepared kernel(call, s);
    measure(state, kernel.work(), kernel, prepared(base, s)...);
    state.counters["workspace"] = double(domino::workspace_bytes(s.head_dim, s.value_dim ? s.value_dim : s.head_dim));
}

/// Self-attention of this shape but for the row's arguments, head_dim and len.
template <class Call, class... Base>
void attention(benchmark::State& state, shape s, const Call& call, const Base&... base) {
    s.head_dim = state.range(0);
    s.q_len = s.kv_len = state.range(1);
    attention_of(state, s, call, base...);
}
template <class Mask, class Score, class TQ, class T, class... Base>
void attention(benchmark::State& state, const attention_call<Mask, Score, TQ, T>& call, const Base&... base) {
    attention(state, shape{}, call, base...);
}

const std::vector<std::string> decode_arguments{"heads", "kv_heads", "q_len", "len"};

/// The last q_len queries over len keys, head_dim 128; the row's arguments are heads, num_kv_heads, q_len and len.
template <class Call, class... Base>
void decode(benchmark::State& state, const Call& call, const Base&... base) {
    attention_of(state,
                 {.head_dim = 128,
                  .q_len = state.range(2),
                  .kv_len = state.range(3),
                  .heads = state.range(0),
                  .kv_heads = state.range(1)},
                 call, base...);
}

// Arguments of rows. The lengths 2048 and 8192 run where a filter names them (main.cpp).
template <index_t longest>
constexpr auto lengths = [](auto* row) {
    row->ArgNames({"head_dim", "len"})->Unit(benchmark::kMillisecond);
    for (const index_t head_dim : {64, 128})
        for (index_t len = 1024; len <= longest; len *= 2) row->Args({head_dim, len});
};
template <index_t... head_dim>
constexpr auto at_4096 = [](auto* row) {
    row->ArgNames({"head_dim", "len"})->Unit(benchmark::kMillisecond);
    (row->Args({head_dim, 4096}), ...);
};
constexpr auto head_dims = at_4096<80, 96, 112, 192, 256>;

}  // namespace bench

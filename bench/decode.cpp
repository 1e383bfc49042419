// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One query a head against a long cache, where reading K and V is the limit, in every element type; and few queries.
#include "attention.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bench {
namespace {

/// Elements that stand for about [-1, 1), in huge pages where the system has them, as the read probe's are.
template <class T>
class elements {
public:
    explicit elements(index_t n) : memory_(allocate(n), std::free) {
        std::minstd_rand engine(7);
        for (index_t i = 0; i < n; ++i) {
            const float x = static_cast<float>(engine()) * 0x1p-30f - 1.f;
            if constexpr (std::is_same_v<T, std::int8_t>) memory_.get()[i] = static_cast<T>(x * 127.f);
            else memory_.get()[i] = T(x);
        }
    }
    const T* data() const { return memory_.get(); }

private:
    static T* allocate(index_t n) {
        constexpr std::size_t page = 2u << 20;
        const std::size_t bytes = (static_cast<std::size_t>(n) * sizeof(T) + page - 1) / page * page;
        void* memory = std::aligned_alloc(page, bytes);
        if (!memory) throw std::bad_alloc();
#if defined(__linux__)
        ::madvise(memory, bytes, MADV_HUGEPAGE);
#endif
        return static_cast<T*>(memory);
    }
    std::unique_ptr<T, decltype(&std::free)> memory_;
};

/// The last q_len queries over len keys, head_dim 128; the row's arguments are heads, num_kv_heads, q_len and len.
template <class T, class Mask>
void decode(benchmark::State& state, const Mask& mask, domino::tensor_view<const T>*) {
    constexpr index_t head_dim = 128;
    const index_t heads = state.range(0), kv_heads = state.range(1), q_len = state.range(2), len = state.range(3);
    const elements<T> k(kv_heads * len * head_dim), v(kv_heads * len * head_dim);
    const auto q = random_floats(heads * q_len * head_dim);
    std::vector<float> o(q.size());
    const std::vector<float> scales(static_cast<std::size_t>(kv_heads * len), 1.f / 127.f);
    const auto Q = domino::bhsd(q.data(), 1, heads, q_len, head_dim);
    const auto O = domino::bhsd(o.data(), 1, heads, q_len, head_dim);
    const auto source = [&](const elements<T>& x) {
        const auto view = domino::bhsd(x.data(), 1, kv_heads, len, head_dim);
        if constexpr (std::is_same_v<T, std::int8_t>)
            return domino::quantized_view{view, domino::bhsd(scales.data(), 1, kv_heads, len, 1)};
        else return view;
    };
    const auto K = source(k), V = source(v);
    const index_t offset = len - q_len;
    const index_t visible = domino::stats(domino::offset(mask, offset), {1, heads, q_len, len}).visible;
    const index_t read = std::min(len, visible / (heads * q_len) + q_len);  // keys that any query sees
    measure(state, {attention_flops(visible, head_dim), 2.0 * double(kv_heads * read * head_dim) * sizeof(T)},
            [&] { domino::attention(Q, K, V, O, mask, {.q_offset = offset}); });
}

template <class T>
constexpr domino::tensor_view<const T>* type = nullptr;

constexpr auto grouped = [](auto* row) {
    row->ArgNames({"heads", "kv_heads", "q_len", "len"})->Unit(benchmark::kMillisecond);
    for (index_t len : {4096, 16384, 65536}) row->Args({32, 8, 1, len});
};
constexpr auto grouped_and_not = [](auto* row) {
    grouped(row);
    row->Args({32, 32, 1, 8192});
};
constexpr auto few_queries = [](auto* row) {
    row->ArgNames({"heads", "kv_heads", "q_len", "len"})->Unit(benchmark::kMillisecond);
    for (index_t q_len : {2, 4, 8, 12, 16, 24, 32, 64}) row->Args({8, 8, q_len, 4096})->Args({32, 8, q_len, 4096});
};

BENCHMARK_CAPTURE(decode, f32, domino::causal, type<float>)->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, f16, domino::causal, type<domino::float16>)->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, bf16, domino::causal, type<domino::bfloat16>)->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, int8, domino::causal, type<std::int8_t>)->Apply(grouped_and_not);
BENCHMARK_CAPTURE(decode, f32_last_n_1024, domino::last_n(1024), type<float>)->Apply(grouped);
BENCHMARK_CAPTURE(decode, f32_few, domino::causal, type<float>)->Apply(few_queries);

}  // namespace
}  // namespace bench

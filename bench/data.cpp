// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Masks and biases that come as data, one entry a pair (q, kv), against the same attention without them.
#include "attention.hpp"

namespace bench {
namespace {

using domino::causal, domino::full;

/// One key in ten is hidden, so that no tile is decided.
constexpr auto holes = (7 * domino::q + 3 * domino::kv) % 10 != 0;

/// The mask as a tensor of bools [len, len]. Lives as long as the program, as do the bits.
template <class Mask>
const domino::table_view<bool, 2>& bools(const Mask& mask, index_t len) {
    static std::map<index_t, domino::table_view<bool, 2>> made;
    const auto keeps = [&](index_t q, index_t kv) { return domino::attends(mask, 0, 0, q, kv); };
    if (!made.contains(len)) made.emplace(len, domino::tabulate<bool>("mask", keeps, len, len));
    return made.at(len);
}
template <class Mask>
auto as_dense(const Mask& mask) {
    return [=](index_t len) { return domino::dense(bools(mask, len)); };
}
template <class Mask>
auto as_boolean_mask(const Mask& mask) {
    return [=](index_t len) { return domino::boolean_mask(bools(mask, len).data(), {1, 1, len, len}); };
}
template <class Mask>
auto as_bits(const Mask& mask) {
    return [=](index_t len) {
        const auto bytes = std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(len * len / 8));
        for (index_t i = 0; i < len * len; ++i)
            (*bytes)[static_cast<std::size_t>(i / 8)] |=
                static_cast<std::uint8_t>(domino::attends(mask, 0, 0, i / len, i % len) << i % 8);
        return domino::packed_bits(bytes->data(), {1, 1, len, len}, {0, 0, len, 1}, bytes);
    };
}

constexpr auto added = [](index_t len) {
    const auto value = [](index_t q, index_t kv) { return static_cast<float>((q * 31 + kv) % 17) * 0.1f; };
    return domino::bias(domino::tabulate<float>("bias", value, len, len));
};
auto t5(bool bidirectional) {
    const auto value = [](index_t bucket, index_t) { return static_cast<float>(bucket) * 0.1f; };
    return domino::t5_bias(domino::tabulate<float>("t5", value, 32, 1), bidirectional);
}

/// Drafts after a prefix, each the child of the one half as far: a tree of two children a node.
constexpr auto drafts = [](index_t len) {
    constexpr index_t n = 64;
    std::array<index_t, n> parents;
    for (index_t i = 0; i < n; ++i) parents[static_cast<std::size_t>(i)] = i > 0 ? (i - 1) / 2 : -1;
    return domino::offset(domino::tree(len - n, parents), n - len);
};

BENCHMARK_CAPTURE(attention, bools_causal, with(as_dense(causal)), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bools_holes, with(as_dense(holes)), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bools_causal_holes, with(as_dense(causal&& holes)), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, boolean_mask_holes, with(as_boolean_mask(holes)), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bits_causal, with(as_bits(causal)), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bits_holes, with(as_bits(holes)), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bias, with(full, added), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, bias_causal, with(causal, added), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, t5, with(full, t5(true)), with(full))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(attention, t5_causal, with(causal, t5(false)), with(causal))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(decode, tree_64, with(drafts), with(causal))
    ->ArgNames(decode_arguments)
    ->Unit(benchmark::kMillisecond)
    ->Args({8, 8, 64, 4096 + 64})
    ->Args({32, 8, 64, 4096 + 64});

}  // namespace
}  // namespace bench

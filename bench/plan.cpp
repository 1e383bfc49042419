// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What it costs to know a mask: one verdict a tile, the runs of every row block, exact counts; and the share of a call
// that goes into such questions.
#include "attention.hpp"

namespace bench {
namespace {

constexpr index_t block = 128;

/// Document ids of `len` tokens: documents of 256 to 3,839 tokens, packed. Lives as long as the program.
const std::vector<std::int32_t>& many_documents(index_t len) {
    static std::map<index_t, std::vector<std::int32_t>> made;
    std::vector<std::int32_t>& ids = made[len];
    std::minstd_rand engine(7);
    for (std::int32_t id = 0; ids.size() < static_cast<std::size_t>(len); ++id)
        ids.resize(std::min(ids.size() + 256 + engine() % 3584, static_cast<std::size_t>(len)), id);
    return ids;
}
constexpr auto packed = [](index_t len) {
    return domino::causal && domino::same_document(domino::table(many_documents(len)));
};

/// Counters: all tiles of len x len, and nanoseconds for each in the best repetition.
double report(benchmark::State& state, double tiles, timing seconds) {
    state.counters["tiles"] = tiles;
    state.counters["ns_per_tile"] = seconds.best * 1e9 / tiles;
    return seconds.best * 1e9;
}

/// classify() of every tile of 128 x 128.
template <class Mask>
void classify(benchmark::State& state, const Mask& mask_or_maker) {
    const index_t len = state.range(0);
    const auto mask = made_for(mask_or_maker, len);
    const auto all_tiles = [&] {
        for (index_t q = 0; q < len; q += block)
            for (index_t kv = 0; kv < len; kv += block) {
                domino::tile_kind kind = domino::classify(mask, {0, 0, {q, q + block}, {kv, kv + block}});
                benchmark::DoNotOptimize(kind);  // also forgets what it knew of memory: nothing moves out of the loop
            }
    };
    report(state, double(len / block) * double(len / block), repeat(state, all_tiles, [] {}));
}

/// The live runs of every block of 128 rows.
template <class Mask>
void plan(benchmark::State& state, const Mask& mask_or_maker) {
    const index_t len = state.range(0);
    const auto mask = made_for(mask_or_maker, len);
    const auto all_rows = [&] {
        for (index_t q = 0; q < len; q += block)
            domino::for_each_run(mask, {0, 0, {q, q + block}, {0, len}}, block,
                                 [](domino::run r) { benchmark::DoNotOptimize(r); });
    };
    const double ns = report(state, double(len / block) * double(len / block), repeat(state, all_rows, [] {}));
    state.counters["ns_per_row_block"] = ns / double(len / block);
}

/// stats(): tiles of each kind and visible pairs, exactly.
template <class Mask>
void stats(benchmark::State& state, const Mask& mask_or_maker) {
    const index_t len = state.range(0);
    const auto mask = made_for(mask_or_maker, len);
    domino::mask_stats counts;
    const auto count = [&] {
        counts = domino::stats(mask, {1, 1, len, len}, {block, block});
        benchmark::DoNotOptimize(counts);
    };
    const timing seconds = repeat(state, count, [] {});
    report(state, double(counts.tiles()), seconds);
}

/// A call of self-attention, whose `ratio` is that of its questions to the mask to all its time: the runs of each block
/// of rows, and in partial tiles those of each panel.
template <class Mask>
void planning(benchmark::State& state, const Mask& mask_or_maker) {
    const index_t head_dim = state.range(0), len = state.range(1);
    const auto mask = made_for(mask_or_maker, len);
    const auto each = [](domino::span all, index_t size, auto f) {
        for (index_t i = all.begin; i < all.end; i += size) f(domino::span{i, std::min(i + size, all.end)});
    };
    const auto ask = [&] {
        using namespace domino::kernel;
        each({0, len}, block_rows(head_dim, head_dim), [&](domino::span rows) {
            domino::for_each_run(mask, {0, 0, rows, {0, len}}, kv_tile, [&](domino::run r) {
                if (r.kind == domino::tile_kind::full) return benchmark::DoNotOptimize(r);
                each(rows, panel, [&](domino::span panel_rows) {
                    each(r.kv, kv_tile, [&](domino::span keys) {
                        domino::for_each_run(mask, {0, 0, panel_rows, keys}, mask_grain,
                                             [](domino::run fine) { benchmark::DoNotOptimize(fine); });
                    });
                });
            });
        });
    };
    std::vector<double> asking;
    const timing seconds = repeat(state, prepared(with(mask), {.head_dim = head_dim, .q_len = len, .kv_len = len}),
                                  [&] { asking.push_back(seconds_of(ask)); });
    compare(state, timing(std::move(asking)), seconds);
}

constexpr auto at_64k = [](auto* row) { row->ArgName("len")->Unit(benchmark::kMillisecond)->Arg(index_t{1} << 16); };
constexpr auto at_1m = [](auto* row) { row->ArgName("len")->Unit(benchmark::kMillisecond)->Arg(index_t{1} << 20); };

BENCHMARK_CAPTURE(classify, causal, domino::causal)->Apply(at_64k);
BENCHMARK_CAPTURE(classify, last_n_1024, domino::last_n(1024))->Apply(at_64k);
BENCHMARK_CAPTURE(classify, documents, packed)->Apply(at_64k);
BENCHMARK_CAPTURE(plan, causal, domino::causal)->Apply(at_1m);
BENCHMARK_CAPTURE(plan, last_n_1024, domino::last_n(1024))->Apply(at_1m);
BENCHMARK_CAPTURE(plan, documents, packed)->Apply(at_1m);
BENCHMARK_CAPTURE(stats, causal, domino::causal)->Apply(at_64k)->Apply(at_1m);
BENCHMARK_CAPTURE(stats, last_n_1024, domino::last_n(1024))->Apply(at_64k)->Apply(at_1m);
BENCHMARK_CAPTURE(stats, documents, packed)->Apply(at_64k)->Apply(at_1m);

BENCHMARK_CAPTURE(planning, dense, domino::full)->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(planning, causal, domino::causal)->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(planning, last_n_256, domino::last_n(256))->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(planning, documents, documents)->Apply(at_4096<64, 128>);
BENCHMARK_CAPTURE(planning, packed, packed)
    ->ArgNames({"head_dim", "len"})
    ->Unit(benchmark::kMillisecond)
    ->Args({64, 16384});

}  // namespace
}  // namespace bench

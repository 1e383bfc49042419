// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// penzai 0.2.5, case by case: its three mask layers over named arrays in any order of axes, float32 and float16, and
// the position counting of KVCachingTransformerLM. Each mask is also asked as the kernel's expression.

#include <cmath>
#include <domino/info/mask_logits.hpp>
#include <domino/info/materialize.hpp>
#include <domino/info/positions.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/window.hpp>
#include <domino/tensor/element.hpp>

#include "catch.hpp"
#include "golden.hpp"

using namespace domino;

namespace {

using golden::test_case;
using axis_list = std::vector<named_axis>;

const char* const axis_names[]{"batch", "heads", "seq", "kv_seq"};

/// The axes of an array by generate.py's digits, which begin with a 9.
std::vector<std::size_t> order_of(index_t digits) {
    std::vector<std::size_t> out;
    for (const char c : std::to_string(digits).substr(1)) out.push_back(static_cast<std::size_t>(c - '0'));
    return out;
}

/// `values` in ascending order of axes, stored in `order`.
template <class T>
struct stored_array {
    std::vector<T> memory;
    axis_list axes;

    template <class U>
    stored_array(const std::vector<U>& values, const std::vector<std::size_t>& order,
                 const std::array<index_t, 4>& extents, bool keys_on_seq = false) {
        std::vector<std::size_t> ascending = order;
        std::sort(ascending.begin(), ascending.end());
        const auto extent = [&](std::size_t axis) { return extents[keys_on_seq && axis == 2 ? 3 : axis]; };
        std::array<index_t, 4> stride{}, index{};
        index_t size = 1;
        for (std::size_t i = order.size(); i-- > 0;) {
            stride[order[i]] = size;
            size *= extent(order[i]);
            axes.insert(axes.begin(), {axis_names[order[i]], extent(order[i])});
        }
        memory.resize(static_cast<std::size_t>(size));
        for (const U& value : values) {
            index_t at = 0;
            for (const std::size_t axis : order) at += index[axis] * stride[axis];
            memory[static_cast<std::size_t>(at)] = static_cast<T>(value);
            for (std::size_t i = ascending.size(); i-- > 0;) {
                if (++index[ascending[i]] < extent(ascending[i])) break;
                index[ascending[i]] = 0;
            }
        }
    }
    named_view<const T> view() const { return {memory.data(), axes}; }
};
/// std::vector<bool> has no buffer.
using truths = std::vector<std::uint8_t>;

struct logits_case {
    std::array<index_t, 4> extents;
    bool half;
    std::vector<std::size_t> order;
};

logits_case take_logits(const test_case& c) {
    logits_case out;
    for (index_t& extent : out.extents) extent = c.take();
    out.half = c.take() != 0;
    out.order = order_of(c.take());
    return out;
}

/// Applies the layer to logits of type T and gives what was replaced and the kind of each row's softmax.
template <class T, class Layer>
std::string answer(const logits_case& l, const Layer& layer, const side_inputs& inputs, truths& replaced) {
    std::vector<float> x;
    for (index_t i = 0; i < l.extents[0] * l.extents[1] * l.extents[2] * l.extents[3]; ++i)
        x.push_back(static_cast<float>(i) / 64 - 1);
    stored_array<T> stored(x, l.order, l.extents);
    const named_view<T> logits(stored.memory.data(), stored.axes);
    layer(logits, inputs);
    const T masked = static_cast<T>(layer.masked_out_value);
    std::string rows;
    std::size_t i = 0;
    for (index_t b_ = 0; b_ < l.extents[0]; ++b_)
        for (index_t h_ = 0; h_ < l.extents[1]; ++h_)
            for (index_t q_ = 0; q_ < l.extents[2]; ++q_) {
                const auto row = logits.slice("batch", b_).slice("heads", h_).slice("seq", q_);
                bool all = true;
                float max = -INFINITY;
                for (index_t kv_ = 0; kv_ < l.extents[3]; ++kv_, ++i) {
                    const T got = *row.slice("kv_seq", kv_).data();
                    replaced.push_back(got == masked);
                    if (got != masked) CHECK(static_cast<float>(got) == static_cast<float>(static_cast<T>(x[i])));
                    all &= got == masked;
                    max = std::max(max, static_cast<float>(got));
                }
                rows += std::isnan(max - max) ? 'n' : all ? 'u' : 's';  // the largest weight is exp(max - max)
            }
    return rows;
}

template <class Layer>
void check(const test_case& c, const logits_case& l, const Layer& layer, const side_inputs& inputs,
           const any_mask& expression) {
    truths replaced;
    const std::string rows =
        l.half ? answer<float16>(l, layer, inputs, replaced) : answer<float>(l, layer, inputs, replaced);
    INFO(c.line);
    std::istringstream expected(c.answer);
    std::string hex, kinds;
    expected >> hex >> kinds;
    CHECK(replaced == golden::bits(hex, replaced.size()));
    CHECK(rows == kinds);
    auto kept = materialize(expression, {l.extents[0], l.extents[1], l.extents[2], l.extents[3]}).data;
    for (auto& x : kept) x = !x;
    CHECK(kept == replaced);
}

/// Positions over [batch, seq] or [seq] as the table of a mask, and a mask made of both kinds' choices.
template <class Make>
any_mask with_tables(const side_inputs::positions& queries, const side_inputs::positions& keys, const Make& make) {
    const auto choose = [&](const auto& q_table) -> any_mask {
        if (keys.has("batch")) return make(q_table, keys.table("batch", "seq"));
        return make(q_table, keys.table("seq"));
    };
    if (queries.has("batch")) return choose(queries.table("batch", "seq"));
    return choose(queries.table("seq"));
}

}  // namespace

TEST_CASE("penzai: ApplyExplicitAttentionMask") {
    std::size_t count = 0;
    for (const test_case& c : golden::cases("penzai/cases.txt", "explicit")) {
        const logits_case l = take_logits(c);
        const auto order = order_of(c.take());
        const auto values = c.take<std::uint8_t>(static_cast<index_t>(c.integers.size() - c.next));
        const stored_array<std::uint8_t> stored(values, order, l.extents);
        static_assert(sizeof(bool) == 1);
        const side_inputs::truths mask(reinterpret_cast<const bool*>(stored.memory.data()), stored.axes);
        // as an expression: the same memory with stride 0 for the axes that the mask lacks
        const index_t extents[4]{l.extents[0], l.extents[1], l.extents[2], l.extents[3]};
        index_t strides[4]{};
        for (std::size_t i = 0; i < 4; ++i)
            if (mask.has(axis_names[i])) strides[i] = mask.axis(axis_names[i]).stride;
        const auto t = table(stored.memory.data(), extents, strides);
        check(c, l, apply_explicit_attention_mask{"mask"}, {{"mask", mask}}, t(b, h, q, kv) != 0);
        ++count;
    }
    CHECK(count == 150);
}

TEST_CASE("penzai: ApplyCausalAttentionMask and ApplyCausalSlidingWindowAttentionMask") {
    std::size_t count = 0, uniform = 0, nan = 0;
    for (const bool windowed : {false, true})
        for (const test_case& c : golden::cases("penzai/cases.txt", windowed ? "window" : "causal")) {
            const logits_case l = take_logits(c);
            const auto q_order = order_of(c.take()), kv_order = order_of(c.take()),
                       w_order = windowed ? order_of(c.take()) : std::vector<std::size_t>();
            const auto take = [&](const auto& order, index_t len) {
                return c.take(order.size() == 2 ? l.extents[0] * len : len);
            };
            const auto q_values = take(q_order, l.extents[2]), kv_values = take(kv_order, l.extents[3]);
            const stored_array<std::int32_t> qs(q_values, q_order, l.extents), ks(kv_values, kv_order, l.extents, true);
            const side_inputs inputs{{"q_in", qs.view()}, {"kv_in", ks.view()}};
            if (!windowed) {
                check(c, l, apply_causal_attention_mask{penzai_masked_out_value, "q_in", "kv_in"}, inputs,
                      with_tables(qs.view(), ks.view(),
                                  [](const auto& x, const auto& y) { return any_mask(causal_by_position(x, y)); }));
            } else {
                const auto windows = c.take(static_cast<index_t>(c.integers.size() - c.next));
                const stored_array<std::int32_t> ws(windows, w_order, l.extents);
                const side_inputs::positions w = ws.view();
                apply_causal_sliding_window_attention_mask layer{penzai_masked_out_value, index_t{windows[0]}, "q_in",
                                                                 "kv_in"};
                if (!w_order.empty()) layer.sliding_window_size = w;
                check(c, l, layer, inputs, with_tables(qs.view(), ks.view(), [&](const auto& x, const auto& y) {
                          if (w_order.empty()) return any_mask(last_n_by_position(windows[0], x, y));
                          if (w_order.size() == 2)
                              return any_mask(last_n_by_position(w.table("batch", "heads")(b, h), x, y));
                          if (w.has("batch")) return any_mask(last_n_by_position(w.table("batch")(b), x, y));
                          return any_mask(last_n_by_position(w.table("heads")(h), x, y));
                      }));
            }
            const std::string kinds = c.answer.substr(c.answer.find(' ') + 1);
            uniform += static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), 'u'));
            nan += static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), 'n'));
            ++count;
        }
    CHECK(count == 500);
    CHECK(uniform > 500);
    CHECK(nan > 500);
}

TEST_CASE("penzai: positions of KVCachingTransformerLM") {
    std::size_t count = 0, cells = 0, unwritten = 0;
    for (const test_case& c : golden::cases("penzai/cases.txt", "positions")) {
        const index_t batch = c.take(), cache_len = c.take(), pad = c.take();
        const auto chunks = c.take(c.take());
        std::vector<std::int32_t> cache(static_cast<std::size_t>(batch * cache_len));
        std::istringstream answers(c.answer);
        const auto expect = [&] {
            int x = 0;
            REQUIRE(answers >> x);
            return x;
        };
        INFO(c.line);
        index_t end = 0;
        for (const index_t n : chunks) {
            for (index_t row = 0; row < batch; ++row)
                for (index_t i = 0; i < n; ++i)
                    cache[static_cast<std::size_t>(row * cache_len + end + i)] = static_cast<std::int32_t>(c.take());
            const auto got = token_positions(cache.data(), batch, cache_len, static_cast<std::int32_t>(pad), end + n);
            const auto at = [&](index_t row, index_t i) { return got[static_cast<std::size_t>(row * cache_len + i)]; };
            int largest = -1;
            for (index_t row = 0; row < batch; ++row)
                for (index_t i = end; i < end + n; ++i) {
                    const int position = expect();
                    CHECK(at(row, i) == position);
                    largest = std::max(largest, position);
                }
            for (index_t row = 0; row < batch; ++row)
                for (index_t i = 0; i < cache_len; ++i) {
                    const int position = expect();
                    ++cells;
                    // a cell not yet written holds 0, which penzai takes for a token where the padding is not 0
                    if (i >= end + n && pad != 0) {
                        CHECK(at(row, i) == -1);
                        CHECK(position >= 0);
                        ++unwritten;
                    } else CHECK(at(row, i) == position);
                }
            end += n;
        }
        ++count;
    }
    CHECK(count == 120);
    CHECK(unwritten > 100);
    CHECK(unwritten < cells / 3);
}

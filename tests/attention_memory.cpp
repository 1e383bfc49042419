// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention reads the tensors and nothing around them, writes the outputs and nothing else, and leaves alone the keys
// of empty tiles: every tensor stands between two walls of forbidden pages, flush against one and then the other.

#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

/// A dense tensor against a wall.
struct walled {
    std::array<index_t, 4> extents;
    inputs::guarded memory;

    walled(std::array<index_t, 4> e, bool at_end, inputs::random& r) : extents(e), memory(size(), at_end) {
        for (index_t i = 0; i < size(); ++i) memory.data()[i] = static_cast<float>(r.normal());
    }
    index_t size() const { return extents[0] * extents[1] * extents[2] * extents[3]; }
    std::array<index_t, 4> strides() const {
        return {extents[1] * extents[2] * extents[3], extents[2] * extents[3], extents[3], 1};
    }
    domino::tensor_view<const float> in() const { return {memory.data(), extents, strides()}; }
    domino::tensor_view<float> out() const { return {memory.data(), extents, strides()}; }
    reference::strided view() const { return {memory.data(), extents, strides()}; }
    void read_only() const {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto begin = reinterpret_cast<std::uintptr_t>(memory.data()) / page * page;
        const auto end = reinterpret_cast<std::uintptr_t>(memory.data() + size());
        if (end > begin) ::mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ);
    }
};

void run(const call::shape& s, bool at_end, const domino::any_mask& mask,
         const std::function<bool(index_t, index_t, index_t, index_t)>& keep) {
    inputs::random r(61);
    walled q({s.batch, s.heads, s.q_len, s.head_dim}, at_end, r),
        k({s.batch, s.kv_heads, s.kv_len, s.head_dim}, at_end, r),
        v({s.batch, s.kv_heads, s.kv_len, s.value_dim}, at_end, r),
        o({s.batch, s.heads, s.q_len, s.value_dim}, at_end, r), lse({s.batch, s.heads, s.q_len, 1}, at_end, r);
    for (const walled* t : {&q, &k, &v}) t->read_only();
    const float scale = 0.25f;
    domino::attention(q.in(), k.in(), v.in(), o.out(), mask, domino::score, {.scale = scale, .lse = lse.memory.data()});
    reference::problem p;
    p.q = q.view(), p.k = k.view(), p.v = v.view(), p.mask = keep, p.scale = static_cast<double>(scale);
    const auto expected = reference::attention(p);
    const auto found = compare::output(expected, o.view());
    CAPTURE(s, at_end, found.worst);
    CHECK(found.ok);
    CHECK(compare::lse(expected, lse.memory.data(), lse.extents).ok);
}

}  // namespace

TEST_CASE("no read or write beyond a tensor", "[attention][memory]") {
    const domino::any_mask full = domino::full, causal = domino::causal, odd = (domino::q + domino::kv) % 2 == 1;
    for (bool at_end : {false, true})
        for (index_t head_dim : {1, 3, 8, 15, 16, 17, 33, 64})
            for (index_t rows : {1, 2, 15, 17, 65})
                for (index_t keys : {1, 5, 16, 31, 65}) {
                    const call::shape s{.heads = 2,
                                        .kv_heads = 1,
                                        .q_len = rows,
                                        .kv_len = keys,
                                        .head_dim = head_dim,
                                        .value_dim = head_dim == 8 ? 5 : head_dim};
                    run(s, at_end, full, nullptr);
                    run(s, at_end, causal, [](auto, auto, index_t i, index_t j) { return j <= i; });
                    run(s, at_end, odd, [](auto, auto, index_t i, index_t j) { return (i + j) % 2 == 1; });
                }
}

TEST_CASE("keys of empty tiles are never read", "[attention][memory]") {
    constexpr index_t keys = 8192, width = 64, window = 100, slack = 512;
    for (index_t rows : {1, 4, 64}) {
        inputs::random r(62);
        walled q({1, 1, rows, width}, true, r), k({1, 1, keys, width}, true, r), v({1, 1, keys, width}, true, r),
            o({1, 1, rows, width}, true, r);
        // Rows stand at 5000: everything before 4900 and after 5064 is hidden; a tile may reach `slack` keys further.
        for (const walled* t : {&k, &v}) {
            inputs::guarded::forbid(t->memory.data(), t->memory.data() + (5000 - window - slack) * width);
            inputs::guarded::forbid(t->memory.data() + (5000 + rows + slack) * width, t->memory.data() + keys * width);
        }
        domino::attention(q.in(), k.in(), v.in(), o.out(), domino::last_n(window), domino::score, {.q_offset = 5000});
        domino::attention(q.in(), k.in(), v.in(), o.out(), domino::any_mask(domino::last_n(window)), domino::score,
                          {.q_offset = 5000});
        const std::vector<index_t> lengths{4600};
        domino::attention(q.in(), k.in(), v.in(), o.out(), domino::kv >= 4600, domino::score, {.kv_lengths = lengths});
        float sum = 0;
        for (index_t i = 0; i < o.size(); ++i) sum += std::abs(o.memory.data()[i]);
        CHECK(sum == 0.0f);
    }
}

TEST_CASE("a mask of nothing reads no key at all", "[attention][memory]") {
    inputs::random r(63);
    walled q({2, 2, 70, 64}, true, r), k({2, 2, 300, 64}, true, r), v({2, 2, 300, 64}, true, r),
        o({2, 2, 70, 64}, true, r);
    for (const walled* t : {&k, &v}) inputs::guarded::forbid(t->memory.data(), t->memory.data() + t->size());
    domino::attention(q.in(), k.in(), v.in(), o.out(), domino::any_mask(domino::none), domino::score);
    CHECK(o.memory.data()[o.size() - 1] == 0.0f);
}

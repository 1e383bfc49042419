// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call allocates its workspace and nothing more: no count and no size that grows with the lengths.
// This file replaces the global operator new, and so stands alone in its executable.

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"
#include "executors.hpp"

namespace {

std::atomic<long> allocations{0};
std::atomic<std::size_t> allocated_bytes{0};

void* take(std::size_t size, std::size_t alignment) {
    ++allocations;
    allocated_bytes += size;
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    if (void* p = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded)) return p;
    throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) { return take(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return take(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return take(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return take(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take(size, alignof(std::max_align_t)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

using call::index_t;

struct cost {
    long count;
    std::size_t bytes;
};

template <class Mask>
cost cost_of(index_t q_len, index_t kv_len, const Mask& mask) {
    inputs::random r(71);
    call::problem p(
        {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = q_len, .kv_len = kv_len, .head_dim = 64, .value_dim = 64});
    p.fill(r);
    p.q_offset = kv_len - q_len;
    const long before = allocations;
    const std::size_t bytes_before = allocated_bytes;
    domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o), mask, domino::score,
                      {.q_offset = p.q_offset});
    return {allocations - before, allocated_bytes - bytes_before};
}

}  // namespace

TEST_CASE("allocations do not grow with the lengths", "[attention][allocation]") {
    const domino::any_mask windowed = domino::last_n(50) || domino::kv % 7 == 3;
    const auto check = [](const auto& mask, const char* name) {
        CAPTURE(name);
        const cost once = cost_of(128, 128, mask), again = cost_of(128, 128, mask);
        CHECK(once.count == again.count);
        const cost longer = cost_of(700, 3000, mask);
        CHECK(longer.count <= once.count + 2);
        CHECK(longer.bytes <= 2 * once.bytes + 65536);
        CHECK(longer.count <= 16);
        CHECK(longer.bytes < std::size_t{8} << 20);
        const cost decode = cost_of(1, 3000, mask);
        CHECK(decode.count <= 16);
        WARN(name << ": " << longer.count << " allocations, " << longer.bytes << " bytes at 700 x 3000; "
                  << decode.count << ", " << decode.bytes << " at 1 x 3000");
    };
    check(domino::full, "dense");
    check(domino::causal, "causal");
    check(windowed, "window or every seventh key");
}

TEST_CASE("several workers: one allocation, or none with the caller's workspace", "[attention][allocation]") {
    constexpr index_t workers = 3;
    const executors::backward executor{workers};
    std::vector<std::byte> workspace(domino::workspace_bytes(16, 16, workers));
    for (const call::shape s : {call::shape{.heads = 3, .kv_heads = 3, .q_len = 700, .kv_len = 700},
                                {.batch = 5000, .q_len = 1, .kv_len = 40},    // more blocks than tasks
                                {.heads = 2, .q_len = 1, .kv_len = 5000}}) {  // keys in parts
        call::shape wide = s;
        wide.head_dim = wide.value_dim = 16;
        call::problem p(wide);
        inputs::random r(72);
        p.fill(r);
        p.q_offset = s.kv_len - s.q_len;
        const auto count = [&](std::span<std::byte> memory) {
            const long before = allocations;
            domino::attention(call::in(p.q), call::in(p.k), call::in(p.v), call::out(p.o), domino::causal,
                              {.q_offset = p.q_offset, .executor = executor, .workspace = memory});
            return allocations - before;
        };
        CAPTURE(s);
        CHECK(count({}) == 1);
        CHECK(count(workspace) == 0);
    }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inputs for the tests of attention: numbers that are the same with every standard library, tensors of every
// layout, and memory with a wall on each side. Nothing of Domino is included.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "reference.hpp"

namespace inputs {

using reference::index_t;

/// splitmix64: tiny, and std::normal_distribution differs between standard libraries.
class random {
public:
    explicit random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567u) {}

    std::uint64_t bits() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    index_t below(index_t n) { return static_cast<index_t>(bits() % static_cast<std::uint64_t>(n)); }
    index_t between(index_t first, index_t last) { return first + below(last - first + 1); }
    bool coin(double chance = 0.5) { return uniform() < chance; }
    double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
    double normal() {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(6.283185307179586 * uniform());
    }
    template <class T>
    const auto& pick(const T& choices) {
        return choices[static_cast<std::size_t>(below(static_cast<index_t>(std::size(choices))))];
    }

private:
    std::uint64_t state_;
};

/// The same number for the same arguments: a random pattern that the library and the oracle look up alike.
inline std::uint64_t hash(std::uint64_t seed, index_t b, index_t h, index_t q, index_t kv) {
    std::uint64_t z = seed;
    for (index_t x : {b, h, q, kv}) z = random(z ^ (static_cast<std::uint64_t>(x) + 0x51ed27u)).bits();
    return z;
}

/// A filler draws the next element of a tensor.
inline auto normal(double sigma = 1.0) {
    return [sigma](random& r) { return sigma * r.normal(); };
}
inline auto log_normal(double sigma) {
    return [sigma](random& r) { return (r.coin() ? 1 : -1) * std::exp(sigma * r.normal()); };
}
inline auto cauchy() {
    return [](random& r) { return std::tan(3.141592653589793 * (r.uniform() - 0.5) * 0.999); };
}
inline auto constant(double c) {
    return [c](random&) { return c; };
}
inline auto integers(index_t largest) {
    return [largest](random& r) { return static_cast<double>(r.between(-largest, largest)); };
}

/// Owned storage of one tensor under any strides; `origin` is where element (0, 0, 0, 0) lies.
struct tensor {
    std::vector<float> storage;
    std::array<index_t, 4> extents{};
    std::array<index_t, 4> strides{};
    index_t origin = 0;

    float* data() { return storage.data() + origin; }
    const float* data() const { return storage.data() + origin; }
    float& operator()(index_t b, index_t h, index_t i, index_t d) {
        return data()[b * strides[0] + h * strides[1] + i * strides[2] + d * strides[3]];
    }
    reference::strided view() const { return {data(), extents, strides}; }

    template <class Filler>
    tensor& fill(random& r, Filler&& filler) {
        each([&](float& x) { x = static_cast<float>(filler(r)); });
        return *this;
    }
    template <class F>
    void each(F&& f) {
        for (index_t b = 0; b < extents[0]; ++b)
            for (index_t h = 0; h < extents[1]; ++h)
                for (index_t i = 0; i < extents[2]; ++i)
                    for (index_t d = 0; d < extents[3]; ++d) f((*this)(b, h, i, d));
    }
};

/// How a tensor lies in memory.
struct layout {
    bool bshd = false;            // [batch, len, heads, width] in memory
    index_t row_padding = 0;      // elements between rows
    index_t misalign = 0;         // elements before the first
    bool shared_heads = false;    // every head at the same place: stride 0
    bool negative_heads = false;  // heads stored last to first
    bool negative_rows = false;   // rows stored last to first
};

/// Everything that is no element of the tensor holds NaN, so that a stray read shows.
inline tensor make(std::array<index_t, 4> extents, layout how = {}) {
    const auto [batch, heads, rows, width] = extents;
    const index_t stored_heads = how.shared_heads ? (heads > 0 ? 1 : 0) : heads;
    const index_t line = width + how.row_padding;
    tensor t;
    t.extents = extents;
    t.strides[3] = 1;
    t.strides[2] = how.bshd ? line * stored_heads : line;
    t.strides[1] = how.bshd ? line : line * rows;
    t.strides[0] = line * rows * stored_heads;
    if (how.shared_heads) t.strides[1] = 0;
    t.origin = how.misalign;
    if (how.negative_heads && heads > 0) {
        t.origin += t.strides[1] * (heads - 1);
        t.strides[1] = -t.strides[1];
    }
    if (how.negative_rows && rows > 0) {
        t.origin += t.strides[2] * (rows - 1);
        t.strides[2] = -t.strides[2];
    }
    const auto size = static_cast<std::size_t>(how.misalign + line * rows * stored_heads * batch + 1);
    t.storage.assign(size, std::nanf(""));
    return t;
}

/// Floats between two walls: the pages before and after cannot be touched. `at_end` puts the last float against
/// the wall behind it, otherwise the first stands against the wall before it.
class guarded {
public:
    guarded(index_t count, bool at_end) {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
        const std::size_t inner = (bytes + page - 1) / page * page;
        size_ = inner + 2 * page;
        void* all = ::mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED) throw std::bad_alloc{};
        base_ = static_cast<std::byte*>(all);
        if (inner > 0 && ::mprotect(base_ + page, inner, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc{};
        data_ = reinterpret_cast<float*>(base_ + page + (at_end ? inner - bytes : 0));
    }
    guarded(guarded&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), data_(other.data_), size_(other.size_) {}
    guarded& operator=(guarded&&) = delete;
    ~guarded() {
        if (base_ != nullptr) ::munmap(base_, size_);
    }

    float* data() const { return data_; }

    /// Forbids the whole pages inside [first, last).
    static void forbid(const float* first, const float* last) {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto begin = (reinterpret_cast<std::uintptr_t>(first) + page - 1) / page * page;
        const auto end = reinterpret_cast<std::uintptr_t>(last) / page * page;
        if (begin < end && ::mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_NONE) != 0)
            throw std::bad_alloc{};
    }

private:
    std::byte* base_ = nullptr;
    float* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace inputs

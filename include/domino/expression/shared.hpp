// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What copies of an expression share. It is std::shared_ptr's work; but <memory> takes a compiler as long as all masks
// together, and a mask's header should not.
#pragma once

#include <cstddef>
#include <utility>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// Keeps a value of any type alive, such as a std::shared_ptr or a std::vector, until its last copy is gone. Copies may be
/// made and dropped by several threads at once.
class owner {
public:
    owner() = default;
    owner(std::nullptr_t) {}
    template <class T>
    owner(T value) : kept_(new holder<T>(std::move(value))) {}
    owner(const owner& other) : kept_(other.kept_) {
        if (kept_) __atomic_add_fetch(&kept_->owners, 1, __ATOMIC_RELAXED);
    }
    owner(owner&& other) noexcept : kept_(std::exchange(other.kept_, nullptr)) {}
    owner& operator=(owner other) noexcept {
        std::swap(kept_, other.kept_);
        return *this;
    }
    ~owner() {
        if (kept_ && __atomic_sub_fetch(&kept_->owners, 1, __ATOMIC_ACQ_REL) == 0) delete kept_;
    }
    explicit operator bool() const { return kept_ != nullptr; }

private:
    template <class>
    friend class shared;
    struct counted {
        long owners = 1;
        virtual ~counted() = default;
    };
    template <class T>
    struct holder final : counted {
        explicit holder(T v) : value(std::move(v)) {}
        T value;
    };
    counted* kept_ = nullptr;
};

/// A value that never changes, shared by its copies; or none.
template <class T>
class shared {
public:
    shared() = default;
    explicit shared(T value) : owner_(std::move(value)) {}
    explicit operator bool() const { return bool(owner_); }
    const T& operator*() const { return static_cast<const owner::holder<T>*>(owner_.kept_)->value; }
    const T* operator->() const { return &**this; }

private:
    owner owner_;
};

/// n entries, zero at first: a std::vector that may hold bools side by side.
template <class T>
class owned_array {
public:
    explicit owned_array(index_t n) : entries_(new T[static_cast<std::size_t>(n)]()) {}
    owned_array(owned_array&& other) noexcept : entries_(std::exchange(other.entries_, nullptr)) {}
    ~owned_array() { delete[] entries_; }
    T* data() { return entries_; }
    T& operator[](index_t i) { return entries_[i]; }

private:
    T* entries_;
};

}  // namespace domino::inline DOMINO_ARCH

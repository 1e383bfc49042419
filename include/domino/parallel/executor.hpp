// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who runs the work: the engine's own threads, through two functions.
#pragma once

#include <concepts>
#include <type_traits>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

namespace detail {
struct some_task {
    void operator()(index_t i, index_t worker) const;
};
}  // namespace detail

/// `concurrency()` is the number of workers; `for_each_index(n, f)` calls f(index, worker) once for each index in
/// [0, n), with 0 <= worker < concurrency() and never twice at once with one worker, and returns when all are done, in any
/// order and with any schedule. (With several workers a call of attention has one index for each, which then takes the next
/// block, the longest first, until none is left; with one worker each block is an index.) Workers must not become more during a call.
template <class T>
concept Executor = requires(T& executor, index_t n, const detail::some_task& f) {
    { executor.concurrency() } -> std::convertible_to<index_t>;
    executor.for_each_index(n, f);
};

/// The calling thread alone.
struct serial_executor {
    static constexpr index_t concurrency() { return 1; }
    template <class F>
    static void for_each_index(index_t n, F&& f) {
        for (index_t i = 0; i < n; ++i) f(i, index_t{0});
    }
};

/// A reference to any executor, as an option of a call. A temporary is copied if it is as small as a reference, as the ones here
/// are, and refused if not. The default is the calling thread.
class executor_ref {
public:
    executor_ref() : executor_ref(instance_of_serial()) {}
    template <class E>
    requires(!std::same_as<std::remove_cvref_t<E>, executor_ref> && Executor<std::remove_reference_t<E>>)
    executor_ref(E&& executor)
        : concurrency_([](void* target) { return static_cast<index_t>(as<E>(target).concurrency()); }),
          run_([](void* target, index_t n, const task& f) { as<E>(target).for_each_index(n, f); }) {
        if constexpr (std::is_lvalue_reference_v<E>) {
            target_ = const_cast<void*>(static_cast<const void*>(&executor));
        } else {
            static_assert(sizeof(E) <= sizeof(void*) && alignof(E) <= alignof(void*) && std::is_trivially_copyable_v<E>,
                          "domino: an executor is referred to, and this one is a temporary: name it");
            __builtin_memcpy(&target_, &executor, sizeof(E));
            is_copy_ = true;
        }
    }

    index_t concurrency() const { return concurrency_(target()); }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        run_(target(), n, task{&f, [](void* g, index_t i, index_t worker) {
                                   (*static_cast<std::remove_reference_t<F>*>(g))(i, worker);
                               }});
    }

private:
    struct task {
        void* function;
        void (*invoke)(void*, index_t, index_t);
        void operator()(index_t i, index_t worker) const { invoke(function, i, worker); }
    };
    template <class E>
    static std::remove_reference_t<E>& as(void* target) {
        return *static_cast<std::remove_reference_t<E>*>(target);
    }
    static serial_executor& instance_of_serial() {
        static serial_executor executor;
        return executor;
    }

    void* target() const { return is_copy_ ? const_cast<void*>(static_cast<const void*>(&target_)) : target_; }

    void* target_ = nullptr;
    bool is_copy_ = false;  ///< target_ holds the executor itself
    index_t (*concurrency_)(void*);
    void (*run_)(void*, index_t, const task&);
};

}  // namespace domino::inline DOMINO_ARCH

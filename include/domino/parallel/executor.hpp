// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who runs the work: the engine's own threads, through two functions.
#pragma once

#include <concepts>
#include <type_traits>

#include "domino/config.hpp"

namespace domino::inline DOMINO_ARCH {

/// `concurrency()` is the number of workers; `for_each_index(n, f)` calls f(index, worker) once for each index in
/// [0, n), with 0 <= worker < concurrency() and never twice at once with one worker, and returns when all are done. The
/// order is free, and so is the schedule: of several workers a call asks for one index each, behind which they take the
/// next block, the longest first, whenever they are free. A single worker is given each block as an index.
template <class T>
concept Executor = requires(T& executor, index_t n, void (*f)(index_t, index_t)) {
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

/// A reference to any executor, as an option of a call. The default is the calling thread.
class executor_ref {
public:
    executor_ref() : executor_ref(instance_of_serial()) {}
    template <class E>
    requires(!std::same_as<std::remove_cvref_t<E>, executor_ref> && Executor<std::remove_reference_t<E>>)
    executor_ref(E&& executor)
        : target_(const_cast<void*>(static_cast<const void*>(&executor))),
          concurrency_([](void* target) { return static_cast<index_t>(as<E>(target).concurrency()); }),
          run_([](void* target, index_t n, const task& f) { as<E>(target).for_each_index(n, f); }) {}

    index_t concurrency() const { return concurrency_(target_); }
    template <class F>
    void for_each_index(index_t n, F&& f) const {
        run_(target_, n, task{&f, [](void* g, index_t i, index_t worker) {
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

    void* target_;
    index_t (*concurrency_)(void*);
    void (*run_)(void*, index_t, const task&);
};

}  // namespace domino::inline DOMINO_ARCH

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of lengths, offsets and parents that describe packed sequences; read once, never kept.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "domino/error.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// A vector, a span or any other range of integers.
template <class R>
concept IntegerList = requires(const R& list) {
    static_cast<index_t>(*std::begin(list));
    std::end(list);
};

namespace detail {

/// Integers from a vector, a span or any other range, indexed by index_t.
class index_list {
public:
    template <IntegerList Range>
    explicit index_list(const Range& range) {
        for (const auto& x : range) values_.push_back(static_cast<index_t>(x));
    }
    index_t size() const { return std::ssize(values_); }
    index_t operator[](index_t i) const { return values_[static_cast<std::size_t>(i)]; }

private:
    std::vector<index_t> values_;
};

/// Documents packed one after another: 0, then the end of each, never descending.
class packed_documents {
public:
    template <IntegerList Range>
    explicit packed_documents(const Range& cu_seqlens, const char* argument = "cu_seqlens") : stops_(cu_seqlens) {
        if (stops_.size() == 0 || stops_[0] != 0)
            fail(argument, "0 and then the end of each document",
                 stops_.size() ? std::to_string(stops_[0]) : "nothing");
        for (index_t i = 0; i < count(); ++i)
            if (end(i) < begin(i))
                fail(argument, "ends that do not descend", std::to_string(begin(i)) + ", " + std::to_string(end(i)));
    }
    index_t count() const { return stops_.size() - 1; }
    index_t tokens() const { return stops_[count()]; }
    index_t begin(index_t document) const { return stops_[document]; }
    index_t end(index_t document) const { return stops_[document + 1]; }

    /// A table of f(document, token) for each token.
    template <class T = std::int32_t, class F>
    auto by_token(std::string name, const F& f) const {
        const auto entry = [&, document = index_t{0}](index_t token) mutable {  // tokens come in order
            while (token >= end(document)) ++document;
            return f(document, token);
        };
        return tabulate<T>(std::move(name), entry, tokens());
    }
    template <class T = std::int32_t>
    auto ids() const {
        return by_token<T>("document", [](index_t document, index_t) { return document; });
    }
    template <class T = std::int32_t>
    auto begins() const {
        return by_token<T>("begin", [this](index_t document, index_t) { return begin(document); });
    }

private:
    index_list stops_;
};

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

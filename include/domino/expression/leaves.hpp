// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The leaves of an expression: the tables and numbers it holds, listed, replaced and put back. An engine that moves
// buffers, or a shard that sends them, needs no more of a mask than this.
#pragma once

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "domino/expression/functor.hpp"
#include "domino/expression/table.hpp"

namespace domino::inline DOMINO_ARCH {

/// What a table looks at: `table_buffer(ptr, {rows, columns})`, or with strides in entries. Any table of the same
/// entries (integers: of the same size and sign) and as many dimensions can take it.
struct table_buffer {
    enum class entry : unsigned char { truth, real, signed_integer, unsigned_integer };
    const void* data = nullptr;
    entry kind = entry::truth;
    std::size_t entry_size = 1;
    std::vector<index_t> extents, strides;
    domino::owner owner = {};  ///< who keeps it alive, if anybody; no part of comparisons

    table_buffer() = default;
    /// Without strides: row-major, no gaps.
    template <class T>
    explicit table_buffer(const T* first, std::vector<index_t> e, std::vector<index_t> s = {},
                          domino::owner keeper = {})
        : data(first),
          kind(kind_of<T>()),
          entry_size(sizeof(T)),
          extents(std::move(e)),
          strides(std::move(s)),
          owner(std::move(keeper)) {
        if (!strides.empty()) return;
        strides.assign(extents.size(), 1);
        for (std::size_t i = extents.size(); i-- > 1;) strides[i - 1] = strides[i] * extents[i];
    }
    friend bool operator==(const table_buffer& x, const table_buffer& y) {
        return x.data == y.data && x.kind == y.kind && x.entry_size == y.entry_size && x.extents == y.extents &&
               x.strides == y.strides;
    }

    template <class T>
    static constexpr entry kind_of() {
        return std::is_same_v<T, bool>     ? entry::truth
             : std::is_floating_point_v<T> ? entry::real
             : std::is_signed_v<T>         ? entry::signed_integer
                                           : entry::unsigned_integer;
    }
};

/// A leaf. `path` says where it stands: the operand to take at each node from the root, as in "1.0"; the operands of a
/// look-up are its indices, and "mask" leads into an erased mask. `name` is the table's own name; numbers have none.
struct expression_leaf {
    using value_type = std::variant<bool, index_t, float, table_buffer>;
    std::string path;
    value_type value;
    std::string name = {};
    friend bool operator==(const expression_leaf&, const expression_leaf&) = default;
};

namespace detail {

/// Walks over an expression's leaves and lists them, or puts others in their places.
class leaf_visitor {
public:
    std::vector<expression_leaf> listed;
    const std::vector<expression_leaf>* source = nullptr;  ///< null: list
    std::size_t next = 0;

    /// The part of the path for an operand, or for the mask in an erased one.
    void enter(const char* step) {
        lengths_.push_back(path_.size());
        if (!path_.empty()) path_ += '.';
        path_ += step;
    }
    void enter(std::size_t operand) { enter(std::to_string(operand).c_str()); }
    void leave() {
        path_.resize(lengths_.back());
        lengths_.pop_back();
    }

    template <class T>
    void leaf(T& value) {
        if (source) value = take<T>();
        else listed.push_back({path_, value});
    }
    template <class T, std::size_t Rank>
    void leaf(table_view<T, Rank>& t) {
        const table_buffer now(t.data(), {t.extents().begin(), t.extents().end()},
                               {t.strides().begin(), t.strides().end()}, t.owner());
        if (!source) {
            listed.push_back({path_, now, t.name()});
            return;
        }
        const table_buffer& from = take<table_buffer>();
        const std::string& name = (*source)[next - 1].name;
        if (from == now && name == t.name()) return;
        if (from.kind != now.kind || from.entry_size != now.entry_size)
            fail("leaf '" + path_ + "'", "a buffer of entries as before", "other entries");
        if (from.extents.size() != Rank || from.strides.size() != Rank)
            fail("leaf '" + path_ + "'", "a buffer of " + std::to_string(Rank) + " dimensions",
                 std::to_string(from.extents.size()) + " extents, " + std::to_string(from.strides.size()) + " strides");
        typename table_view<T, Rank>::extents_type extents, strides;
        std::copy_n(from.extents.begin(), Rank, extents.begin());
        std::copy_n(from.strides.begin(), Rank, strides.begin());
        t = table_view<T, Rank>(static_cast<const T*>(from.data), extents, strides, name, from.owner);
    }

private:
    const expression_leaf& next_leaf() {
        if (next == source->size()) fail("leaves", "one for '" + path_ + "'", std::to_string(next) + " leaves");
        const expression_leaf& from = (*source)[next++];
        if (from.path != path_) fail("leaves", "one for '" + path_ + "'", "one for '" + from.path + "'");
        return from;
    }
    template <class T>
    const T& take() {
        const T* value = std::get_if<T>(&next_leaf().value);
        if (!value) fail("leaf '" + path_ + "'", "a value of the leaf's own type", "another");
        return *value;
    }

    std::string path_;
    std::vector<std::size_t> lengths_;
};

// Each node leads the visitor to its leaves, in the order in which they are written.
template <axes Axis>
void visit_leaves(placeholder<Axis>&, leaf_visitor&) {}
template <class T>
void visit_leaves(constant<T>& x, leaf_visitor& visitor) {
    visitor.leaf(x.value);
}
template <class Op, class... Xs>
void visit_leaves(operation<Op, Xs...>&, leaf_visitor&);
template <class Table, class... Indices>
void visit_leaves(lookup<Table, Indices...>&, leaf_visitor&);
template <class Functor, class... Arguments>
void visit_leaves(call<Functor, Arguments...>&, leaf_visitor&);
/// Anything else, such as an erased mask, may offer its own leaves.
template <Expression E>
void visit_leaves(E& x, leaf_visitor& visitor) {
    if constexpr (requires { x.visit_leaves(visitor); }) x.visit_leaves(visitor);
}

void visit_operands(auto& operands, leaf_visitor& visitor) {
    operands.visit([&]<class X>(X& x, std::size_t place) {
        if constexpr (!is_placeholder<X>) {
            visitor.enter(place);
            visit_leaves(x, visitor);
            visitor.leave();
        }
    });
}
template <class Op, class... Xs>
void visit_leaves(operation<Op, Xs...>& x, leaf_visitor& visitor) {
    visit_operands(x.operands, visitor);
}
template <class Table, class... Indices>
void visit_leaves(lookup<Table, Indices...>& x, leaf_visitor& visitor) {
    visitor.leaf(x.table);
    visit_operands(x.indices, visitor);
}
template <class Functor, class... Arguments>
void visit_leaves(call<Functor, Arguments...>& x, leaf_visitor& visitor) {
    if constexpr (requires { x.functor.visit_leaves(visitor); }) x.functor.visit_leaves(visitor);
    visit_operands(x.arguments, visitor);
}

}  // namespace detail

/// The constants and tables of an expression, in the order in which they are written. What a functor captures is its
/// own affair and is not listed.   (jax.tree.flatten_with_path)
template <Expression E>
std::vector<expression_leaf> leaves(E expression) {
    detail::leaf_visitor visitor;
    detail::visit_leaves(expression, visitor);
    return std::move(visitor.listed);
}

/// The same expression with these leaves: all of them, as `leaves` gave them, with other values or buffers. A table's
/// minima and maxima are taken anew where its buffer is another, so that must be readable here.   (jax.tree.unflatten)
/// Throws where a leaf is missing, is one too many, or is not of its place's type.
template <Expression E>
E with_leaves(E expression, const std::vector<expression_leaf>& replacements) {
    detail::leaf_visitor visitor;
    visitor.source = &replacements;
    detail::visit_leaves(expression, visitor);
    if (visitor.next != replacements.size())
        detail::fail("leaves", std::to_string(visitor.next) + " leaves", std::to_string(replacements.size()));
    return expression;
}

/// The same expression with another value in one place, given by its path or by its table's name; every table of that
/// name gets it.
template <Expression E>
E with_leaf(const E& expression, const std::string& path_or_name, const expression_leaf::value_type& value) {
    auto all = leaves(expression);
    bool found = false;
    for (expression_leaf& each : all)
        if (each.path == path_or_name || (!each.name.empty() && each.name == path_or_name)) {
            each.value = value;
            found = true;
        }
    if (!found) detail::fail("with_leaf", "a leaf '" + path_or_name + "'", "none of that path or name");
    return with_leaves(expression, all);
}

}  // namespace domino::inline DOMINO_ARCH

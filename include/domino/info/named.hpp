// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arrays that know their axes by name, in whatever order they are stored.   (penzai NamedArray)
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "domino/expression/table.hpp"
#include "domino/tensor/view.hpp"

namespace domino::inline DOMINO_ARCH {

/// An axis of a named view; the stride in elements.
struct named_axis {
    static constexpr index_t packed = std::numeric_limits<index_t>::min();
    std::string name;
    index_t extent = 0;
    index_t stride = packed;  ///< where no axis says more: row-major, the last axis contiguous
    friend bool operator==(const named_axis&, const named_axis&) = default;
};

/// A view of an array with any number of named axes, not owned: `named_view<float>(x, {{"kv_seq", T}, {"seq", S}})`.
/// The order of the axes is the order in memory and means nothing else.
template <class T>
class named_view {
public:
    named_view(T* data, std::vector<named_axis> axes) : data_(data), axes_(std::move(axes)) {
        index_t stride = 1;
        std::size_t packed = 0;
        for (std::size_t i = axes_.size(); i-- > 0;) {
            const index_t extent = detail::at_least(0, axes_[i].extent, "named_view: extent");
            if (axes_[i].stride == named_axis::packed) {
                axes_[i].stride = stride;
                ++packed;
            }
            stride = detail::checked_product("named_view", {stride, std::max<index_t>(extent, 1)});
        }
        if (packed != 0 && packed != axes_.size())
            detail::fail("named_view", "strides for all axes or for none", std::to_string(packed) + " without");
        for (std::size_t i = 0; i < axes_.size(); ++i)
            if (find(axes_[i].name) != i) detail::fail("named_view", "distinct names", "'" + axes_[i].name + "' twice");
        if (!data_ && size() > 0) detail::fail("named_view", "a buffer", "null");
    }
    operator named_view<const T>() const requires(!std::is_const_v<T>)
    {
        return {data_, axes_};
    }

    T* data() const { return data_; }
    const std::vector<named_axis>& axes() const { return axes_; }
    bool has(const std::string& name) const { return find(name) != axes_.size(); }
    /// The axis of that name. Throws where there is none.
    const named_axis& axis(const std::string& name) const {
        const std::size_t i = find(name);
        if (i == axes_.size()) detail::fail("axis '" + name + "'", "one of " + names(), "no such axis");
        return axes_[i];
    }
    index_t extent(const std::string& name) const { return axis(name).extent; }
    index_t size() const {
        index_t product = 1;
        for (const named_axis& each : axes_) product *= each.extent;
        return product;
    }
    /// The names in the order of memory, as "batch, seq".
    std::string names() const {
        std::string out;
        for (const named_axis& each : axes_) out += (out.empty() ? "" : ", ") + each.name;
        return axes_.empty() ? "no axes" : out;
    }

    /// Axis `from` under the name `to`.   (penzai untag(from).tag(to))
    named_view renamed(const std::string& from, const std::string& to) const {
        auto axes = axes_;
        axis(from);
        axes[find(from)].name = to;
        return {data_, std::move(axes)};
    }
    /// One entry of an axis, which is gone then.
    named_view slice(const std::string& name, index_t index) const {
        const named_axis& cut = axis(name);
        if (index < 0 || index >= cut.extent)
            detail::fail("axis '" + name + "'", "an index below " + std::to_string(cut.extent), std::to_string(index));
        auto axes = axes_;
        axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(find(name)));
        return {data_ + index * cut.stride, std::move(axes)};
    }
    /// Two axes as one, `outer` before `inner`, where memory allows it: outer stride = inner extent * inner stride.
    /// (penzai's head_groups and query_heads are heads: head = group * query_heads + query head)
    named_view merged(const std::string& outer, const std::string& inner, const std::string& name) const {
        const named_axis o = axis(outer), i = axis(inner);
        if (o.extent > 1 && i.extent > 1 && o.stride != i.extent * i.stride)
            detail::fail("axes '" + outer + "' and '" + inner + "'", "neighbours in memory",
                         "strides " + std::to_string(o.stride) + " and " + std::to_string(i.stride));
        auto axes = axes_;
        axes[find(outer)] = {name, o.extent * i.extent, i.extent > 1 ? i.stride : o.stride};
        axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(find(inner)));
        return {data_, std::move(axes)};
    }

    /// The tensor [batch, heads, len, head_dim] for a call, by the names of its axes; an axis that the view lacks has
    /// extent 1, and an axis that is not named must not exist.
    tensor_view<T> tensor(const std::string& batch, const std::string& heads, const std::string& len,
                          const std::string& head_dim) const {
        tensor_view<T> out{data_, {1, 1, 1, 1}, {0, 0, 0, 1}};
        place({batch, heads, len, head_dim}, out.extents, out.strides);
        return out;
    }
    /// A table t(i) or t(i, j) over one or two axes, such as positions over "batch" and "seq", whatever their order.
    table_view<std::remove_const_t<T>, 1> table(const std::string& axis_name) const { return as_table<1>({axis_name}); }
    table_view<std::remove_const_t<T>, 2> table(const std::string& rows, const std::string& columns) const {
        return as_table<2>({rows, columns});
    }

private:
    std::size_t find(const std::string& name) const {
        std::size_t i = 0;
        while (i < axes_.size() && axes_[i].name != name) ++i;
        return i;
    }
    template <std::size_t N>
    void place(const std::array<std::string, N>& wanted, std::array<index_t, N>& extents,
               std::array<index_t, N>& strides) const {
        for (const named_axis& each : axes_) {
            std::size_t i = 0;
            while (i < N && wanted[i] != each.name) ++i;
            if (i == N) detail::fail("named_view", "axes among those asked for", "axis '" + each.name + "' besides");
            extents[i] = each.extent;
            strides[i] = each.stride;
        }
    }
    template <std::size_t N>
    table_view<std::remove_const_t<T>, N> as_table(const std::array<std::string, N>& wanted) const {
        std::array<index_t, N> extents{}, strides{};
        place(wanted, extents, strides);
        std::string name;
        for (const std::string& each : wanted) {
            axis(each);
            name += (name.empty() ? "" : "_") + each;
        }
        return {data_, extents, strides, name};
    }

    T* data_;
    std::vector<named_axis> axes_;
};

namespace detail {

/// Calls f(element of x, element of each other at the same names) for every element of x; what the others lack
/// broadcasts. Throws where another has an axis that x lacks, or one of another extent.
template <class T, class F, class... Us>
void for_each_named(const char* argument, const named_view<T>& x, F&& f, const named_view<Us>&... others) {
    const auto check = [&](const auto& other) {
        for (const named_axis& each : other.axes())
            if (!x.has(each.name) || x.extent(each.name) != each.extent)
                fail(argument,
                     "axes of the logits (" + x.names() + ")" +
                         (x.has(each.name) ? ", '" + each.name + "' of " + std::to_string(x.extent(each.name)) : ""),
                     "axis '" + each.name + "' of " + std::to_string(each.extent));
    };
    (check(others), ...);
    const auto stride_in = [](const auto& other, const std::string& name) {
        return other.has(name) ? other.axis(name).stride : 0;
    };
    const auto walk = [&](const auto& self, std::size_t depth, T* at, const Us*... there) -> void {
        if (depth == x.axes().size()) return void(f(*at, *there...));
        const named_axis& axis = x.axes()[depth];
        [&, ... strides = stride_in(others, axis.name)] {
            for (index_t i = 0; i < axis.extent; ++i)
                self(self, depth + 1, at + i * axis.stride, there + i * strides...);
        }();
    };
    if (x.size() > 0) walk(walk, 0, x.data(), others.data()...);
}

}  // namespace detail
}  // namespace domino::inline DOMINO_ARCH

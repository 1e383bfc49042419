// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What ejkernel answered (tests/golden/ejkernel/generate.py describes the lines), and our arrays in the same form.
#pragma once

#include <domino/info/mask_info.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"

namespace mask_info_data {

using domino::index_t;
using domino::token_array;

/// A value of the data: none, raised, an array of integers or bits with its extents, a word, or text.
struct value {
    enum { nothing, raised, array, word } kind = nothing;
    std::vector<index_t> extents, entries;
    std::string text;

    bool known() const { return kind != nothing; }
    index_t number() const { return kind == array ? entries.at(0) : std::stoll(text); }
    token_array tokens() const {
        if (!known()) return {};
        return {entries.data(), extents.at(0), extents.at(1)};
    }
    std::vector<std::int32_t> list() const { return {entries.begin(), entries.end()}; }
    bool operator==(const value&) const = default;
};

inline value parsed(const std::string& token) {
    value v;
    v.text = token;
    if (token == "-") return v.text.clear(), v;
    if (token == "!") return v.kind = value::raised, v;
    v.kind = value::word;
    const auto colon = token.find(':');
    if (token[0] == '\'' || colon == std::string::npos) return v;
    v.kind = value::array;
    v.text.clear();
    index_t size = 1;
    std::istringstream extents(token.substr(1, colon - 1));
    for (std::string n; std::getline(extents, n, 'x');) v.extents.push_back(std::stoll(n)), size *= v.extents.back();
    const std::string digits = token.substr(colon + 1);
    if (token[0] == 'b') {
        for (index_t i = 0; i < size; ++i) {
            const int nibble = std::stoi(digits.substr(static_cast<std::size_t>(i / 4), 1), nullptr, 16);
            v.entries.push_back((nibble >> (3 - i % 4)) & 1);
        }
    } else {
        std::istringstream numbers(digits);
        for (std::string n; std::getline(numbers, n, ',');) v.entries.push_back(std::stoll(n));
    }
    REQUIRE(std::ssize(v.entries) == size);
    return v;
}

inline std::vector<value> values(const std::string& words) {
    std::vector<value> out;
    std::istringstream in(words);
    for (std::string token; in >> std::ws, std::getline(in, token, ' ');) {
        if (token[0] == '\'') {
            std::string rest;
            std::getline(in, rest, '\0');
            if (!rest.empty()) token += ' ' + rest;
        }
        out.push_back(parsed(token));
    }
    return out;
}

struct golden_case {
    std::string line;
    std::vector<value> base;
    std::vector<std::vector<value>> steps;
    std::vector<value> answer;
};

inline std::vector<golden_case> cases(const std::string& name) {
    std::ifstream file(std::string(GOLDEN_DIR) + "/ejkernel/" + name + ".txt");
    REQUIRE(file.is_open());
    std::vector<golden_case> out;
    for (std::string line; std::getline(file, line);) {
        const auto first = line.find(" | "), second = line.find(" | ", first + 2);
        REQUIRE(second != std::string::npos);
        golden_case c{line, values(line.substr(0, first)), {}, values(line.substr(second + 3))};
        std::istringstream steps(line.substr(first + 3, second > first + 3 ? second - first - 3 : 0));
        for (std::string step; std::getline(steps, step, ';');)
            if (auto words = values(step); !words.empty()) c.steps.push_back(std::move(words));
        out.push_back(std::move(c));
    }
    return out;
}

template <class F>
bool raises(F f) {
    try {
        f();
    } catch (const domino::invalid_argument&) { return true; }
    return false;
}

inline value of(const token_array& tokens) {
    if (!tokens.known()) return {};
    return {value::array, {tokens.batch(), tokens.len()}, {tokens.values().begin(), tokens.values().end()}, {}};
}
inline value of(const std::vector<std::int32_t>& list) {
    return {value::array, {std::ssize(list)}, {list.begin(), list.end()}, {}};
}
template <class T>
inline value of(const domino::dense_mask<T>& m) {
    value v{value::array, {m.shape.batch, m.shape.heads, m.shape.q_len, m.shape.kv_len}, {}, {}};
    for (const T x : m.data) v.entries.push_back(x != T(0));
    return v;
}

}  // namespace mask_info_data

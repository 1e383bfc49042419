// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a reference system answered: lines of "operation integers | answer", written by golden/<system>/generate.py.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace golden {

struct test_case {
    std::string line, operation, answer;
    std::vector<std::int64_t> integers;
    mutable std::size_t next = 0;

    /// The next integer.
    std::int64_t take() const { return integers.at(next++); }
    /// The next n of them.
    template <class T = std::int32_t>
    std::vector<T> take(std::int64_t n) const {
        std::vector<T> out;
        for (std::int64_t i = 0; i < n; ++i) out.push_back(static_cast<T>(take()));
        return out;
    }
};

/// The lines of one operation.
inline std::vector<test_case> cases(const std::string& file, const std::string& operation) {
    std::ifstream in(std::string(GOLDEN_DIR) + "/" + file);
    if (!in) throw std::runtime_error("no golden file " + file);
    std::vector<test_case> out;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        test_case c;
        c.line = line;
        words >> c.operation;
        if (c.operation != operation) continue;
        for (std::string word; words >> word && word != "|";) c.integers.push_back(std::stoll(word));
        std::getline(words >> std::ws, c.answer);
        out.push_back(c);
    }
    return out;
}

/// Hex digits of four truth values each, the first in the low bit.
inline std::vector<std::uint8_t> bits(const std::string& hex, std::size_t count) {
    std::vector<std::uint8_t> out;
    for (const char c : hex) {
        const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
        for (int i = 0; i < 4; ++i)
            if (out.size() < count) out.push_back(digit >> i & 1);
    }
    if (out.size() != count) throw std::runtime_error("too few bits");
    return out;
}

/// Floats by their bits.
inline std::vector<float> floats(const std::string& hex) {
    std::vector<float> out;
    std::istringstream words(hex);
    for (std::string word; words >> word;) {
        const auto n = static_cast<std::uint32_t>(std::stoul(word, nullptr, 16));
        float x = 0;
        std::memcpy(&x, &n, sizeof x);
        out.push_back(x);
    }
    return out;
}

/// The inputs that generate.py makes from a seed: -2 to 2 in eighths.
inline std::vector<float> numbers(std::int64_t seed, std::int64_t count) {
    std::vector<float> out;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
        auto x = static_cast<std::uint32_t>(i * 2654435761u + static_cast<std::uint64_t>(seed) * 40503u + 12345u);
        x ^= x >> 15;
        x *= 2246822519u;
        x ^= x >> 13;
        out.push_back((static_cast<float>(x % 33) - 16) / 8);
    }
    return out;
}

}  // namespace golden

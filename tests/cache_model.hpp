// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a cache should hold, told without one: every token with its position, key and value; and attention over such
// tokens in float64. Of Domino only the caches' views are read.
#pragma once

#include <domino/cache/cache.hpp>

#include <cmath>
#include <vector>

#include "inputs.hpp"

namespace model {

using domino::index_t;
using domino::position_t;
using inputs::random;

inline std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

struct shape {
    index_t layers, heads, head_dim, value_dim;
};

/// A token: for each layer and head its key, then its value.
struct token {
    position_t position;
    std::vector<float> key, value;  // [layers, heads, head_dim]
};
using sequence = std::vector<token>;

inline token make_token(const shape& s, position_t position, random& r) {
    token t{position, std::vector<float>(at(s.layers * s.heads * s.head_dim)),
            std::vector<float>(at(s.layers * s.heads * s.value_dim))};
    for (float& x : t.key) x = static_cast<float>(r.normal());
    for (float& x : t.value) x = static_cast<float>(r.normal());
    return t;
}

/// The tokens that an extend() brings: added[b] are those of entry b.
struct step {
    std::vector<sequence> added;
    index_t len = 0;
    std::vector<index_t> counts;
    std::vector<position_t> positions;

    explicit step(std::vector<sequence> a) : added(std::move(a)) {
        for (const auto& s : added) len = std::max(len, std::ssize(s)), counts.push_back(std::ssize(s));
        for (const auto& s : added)
            for (index_t i = 0; i < len; ++i) positions.push_back(i < std::ssize(s) ? s[at(i)].position : 12345);
    }
    /// Keys or values of a layer, [batch, heads, len, width]; NaN for tokens beyond the counts.
    std::vector<float> tensor(const shape& s, index_t layer, bool values) const {
        const index_t width = values ? s.value_dim : s.head_dim;
        std::vector<float> out(added.size() * at(s.heads * len * width), std::nanf(""));
        for (index_t b = 0; b < std::ssize(added); ++b)
            for (index_t h = 0; h < s.heads; ++h)
                for (index_t i = 0; i < counts[at(b)]; ++i) {
                    const token& t = added[at(b)][at(i)];
                    const std::vector<float>& from = values ? t.value : t.key;
                    for (index_t c = 0; c < width; ++c)
                        out[at(((b * s.heads + h) * len + i) * width + c)] =
                            from[at((layer * s.heads + h) * width + c)];
                }
        return out;
    }
    template <class Cache>
    void into(Cache& cache, const shape& s) const {
        cache.extend(positions, counts);
        for (index_t layer = 0; layer < s.layers; ++layer) {
            const auto k = tensor(s, layer, false), v = tensor(s, layer, true);
            const auto batch = std::ssize(added);
            cache.store(layer, domino::bhsd(k.data(), batch, s.heads, len, s.head_dim),
                        domino::bhsd(v.data(), batch, s.heads, len, s.value_dim));
        }
    }
};

/// Element c of a vector of a source, as a float.
template <class Source>
float element(const Source& source, index_t b, index_t h, index_t kv, index_t c) {
    const auto run = source.rows(b, h, kv);
    if (!run.first) return 0;
    const float x = static_cast<float>(run.first[c]);
    return run.scales ? x * run.scales[c / run.scale_block] : x;
}

/// A source as dense float32 [batch, heads, len, width].
template <class Source>
std::vector<float> dense(const Source& source) {
    std::vector<float> out;
    for (index_t b = 0; b < source.batch(); ++b)
        for (index_t h = 0; h < source.heads(); ++h)
            for (index_t kv = 0; kv < source.len(); ++kv)
                for (index_t c = 0; c < source.head_dim(); ++c) out.push_back(element(source, b, h, kv, c));
    return out;
}

/// Makes every vector NaN whose cell has no position, and what nothing was ever written to.
template <class Source>
void poison(const Source& source, const std::function<bool(index_t b, index_t kv)>& is_empty) {
    for (index_t b = 0; b < source.batch(); ++b)
        for (index_t h = 0; h < source.heads(); ++h)
            for (index_t kv = 0; kv < source.len(); ++kv) {
                const auto run = source.rows(b, h, kv);
                if (!run.first || !is_empty(b, kv)) continue;
                if (run.scales) {
                    for (index_t c = 0; c < source.head_dim() / run.scale_block; ++c)
                        const_cast<float*>(run.scales)[c] = std::nanf("");
                } else {
                    using T = typename Source::element;
                    for (index_t c = 0; c < source.head_dim(); ++c) const_cast<T*>(run.first)[c] = T(std::nanf(""));
                }
            }
}

/// Attention of one query over the tokens with a position in (q - window, q], in float64; zeros where there are none.
inline std::vector<double> attend(const shape& s, index_t layer, index_t head, const sequence& tokens,
                                  const float* query, position_t q, index_t window) {
    std::vector<double> out(at(s.value_dim)), scores;
    double largest = -1e300, sum = 0;
    for (const token& t : tokens) {
        double dot = 0;
        for (index_t c = 0; c < s.head_dim; ++c)
            dot += double(query[c]) * double(t.key[at((layer * s.heads + head) * s.head_dim + c)]);
        scores.push_back(dot / std::sqrt(double(s.head_dim)));
        const bool seen = t.position >= 0 && t.position <= q && q - t.position < window;
        if (!seen) scores.back() = -1e300;
        largest = std::max(largest, scores.back());
    }
    if (largest == -1e300) return out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const double weight = std::exp(scores[i] - largest);
        sum += weight;
        for (index_t c = 0; c < s.value_dim; ++c)
            out[at(c)] += weight * double(tokens[i].value[at((layer * s.heads + head) * s.value_dim + c)]);
    }
    for (double& x : out) x /= sum;
    return out;
}

}  // namespace model

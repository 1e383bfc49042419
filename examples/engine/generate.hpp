// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Greedy decoding: one sequence, several with a shared prompt, and by trees of drafts.
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>

#include "domino/cache/cache.hpp"
#include "domino/mask/tree.hpp"
#include "model.hpp"

namespace engine {

struct timing {
    clock prefill, decode;
    index_t passes = 0;  ///< forward passes while decoding
};

using tokens = std::vector<int>;

inline std::vector<position_t> positions_from(index_t first, index_t count) {
    std::vector<position_t> positions;
    for (index_t i = 0; i < count; ++i) positions.push_back(static_cast<position_t>(first + i));
    return positions;
}

inline int best(const auto& logits) {
    index_t token = 0;
    logits.maxCoeff(&token);
    return static_cast<int>(token);
}

inline bool shows_progress = true;

inline void progress(const char* what, index_t done, index_t all, const clock& c) {
    if (!shows_progress) return;
    std::fprintf(stderr, "\r%s %ld of %ld tokens, %.1f a second, attention %.0f %% of the time   ", what, long(done),
                 long(all), double(c.tokens) / std::max(c.total, 1e-9), 100 * c.attention / std::max(c.total, 1e-9));
    if (done >= all) std::fprintf(stderr, "\n");
}

/// Runs a prompt through the caches of one sequence in chunks; the hidden state of its last token.
template <class Local, class Global>
matrix prefill(const decoder& model, const tokens& prompt, index_t chunk, Local& local, Global& global, clock& time,
               const std::function<void(const matrix&)>& each = {}) {
    matrix hidden;
    const auto len = std::ssize(prompt);
    for (index_t begin = 0; begin < len; begin += chunk) {
        const index_t n = std::min(chunk, len - begin);
        hidden = model(std::span(prompt).subspan(std::size_t(begin), std::size_t(n)), positions_from(global.end(0), n),
                       {}, local, global, time);
        if (each) each(hidden);
        time.tokens += n;
        progress("prefill", begin + n, len, time);
    }
    return hidden.bottomRows(1);
}

/// The prompt's continuation by n tokens.
template <class Local, class Global>
tokens greedy(const decoder& model, const tokens& prompt, index_t n, index_t chunk, Local& local, Global& global,
              timing& time) {
    matrix hidden = prefill(model, prompt, chunk, local, global, time.prefill);
    tokens out{best(model.logits(hidden, time.prefill).row(0))};
    while (std::ssize(out) < n) {
        hidden = model(std::span(out).last(1), positions_from(global.end(0), 1), {}, local, global, time.decode);
        out.push_back(best(model.logits(hidden, time.decode).row(0)));
        ++time.decode.tokens, ++time.passes;
        if (out.size() % 8 == 0 || std::ssize(out) == n) progress("decode", std::ssize(out), n, time.decode);
    }
    return out;
}

/// Continuations by n tokens of several prompts that begin with `shared`, whose pages they share.
template <domino::Element T>
std::vector<tokens> greedy_batch(const decoder& model, const tokens& shared, const std::vector<tokens>& rests,
                                 index_t n, index_t chunk, domino::paged_cache<T>& cache, timing& time) {
    std::vector<index_t> ids{cache.open()};
    auto first = cache.select(ids);
    prefill(model, shared, chunk, first, first, time.prefill);
    while (ids.size() < rests.size()) ids.push_back(cache.fork(ids[0]));
    auto all = cache.select(ids);

    std::vector<tokens> out(rests.size());
    tokens next;
    std::vector<index_t> counts;
    std::size_t len = 0;
    for (const tokens& rest : rests) len = std::max(len, rest.size());
    for (const tokens& rest : rests) {
        counts.push_back(std::ssize(rest));
        next.insert(next.end(), rest.begin(), rest.end());
        next.resize(next.size() + len - rest.size());
    }
    for (clock* c = &time.prefill; std::ssize(out[0]) < n; c = &time.decode) {
        std::vector<position_t> positions;
        for (index_t b = 0; b < all.batch(); ++b)
            for (index_t i = 0; i < std::ssize(next) / all.batch(); ++i)
                positions.push_back(i < counts[std::size_t(b)] ? static_cast<position_t>(all.end(b) + i) : -1);
        const matrix hidden = model(next, positions, counts, all, all, *c);
        matrix last(all.batch(), hidden.cols());
        for (index_t b = 0; b < all.batch(); ++b)
            last.row(b) = hidden.row(b * std::ssize(next) / all.batch() + counts[std::size_t(b)] - 1);
        const matrix logits = model.logits(last, *c);
        next.clear();
        for (index_t b = 0; b < all.batch(); ++b) {
            next.push_back(best(logits.row(b)));
            out[std::size_t(b)].push_back(next.back());
            c->tokens += counts[std::size_t(b)];
        }
        counts.assign(counts.size(), 1);
        time.passes += c == &time.decode;
        if (c == &time.decode) progress("decode", std::ssize(out[0]) * all.batch(), n * all.batch(), *c);
    }
    for (const index_t id : ids) cache.close(id);
    return out;
}

/// Guesses of what comes next, as a tree in breadth-first order: node 0 is the last known token.
struct draft_tree {
    tokens token;
    std::vector<index_t> parent, depth;

    index_t size() const { return std::ssize(token); }
    index_t child(index_t node, int wanted) const {
        for (index_t i = node + 1; i < size(); ++i)
            if (parent[std::size_t(i)] == node && token[std::size_t(i)] == wanted) return i;
        return -1;
    }
};

/// What followed earlier occurrences of the last tokens, up to `most` nodes, a few tokens deep.
inline draft_tree guess(const tokens& text, index_t most, index_t deepest = 6) {
    draft_tree tree{{text.back()}, {-1}, {0}};
    const auto len = std::ssize(text);
    std::vector<std::pair<index_t, index_t>> places;  // where a guess goes on: node, next token in the text
    for (index_t match = 3; match > 0 && places.size() < 4; --match)
        for (index_t i = len - 1; i >= match && places.size() < 4; --i)
            if (std::equal(text.end() - match, text.end(), text.begin() + i - match)) places.emplace_back(0, i);
    for (index_t depth = 1; depth <= deepest; ++depth)
        for (auto& [node, next] : places) {
            if (next >= len || tree.size() >= most) continue;
            const int token = text[std::size_t(next++)];
            index_t child = tree.child(node, token);
            if (child < 0) {
                child = tree.size();
                tree.token.push_back(token), tree.parent.push_back(node), tree.depth.push_back(depth);
            }
            node = child;
        }
    return tree;
}

/// As greedy(), several tokens a pass: a tree of drafts goes through the model at once, each node seeing the text and its
/// ancestors; the branch that greedy decoding would have taken stays in the caches.
template <class Local, class Global>
tokens speculate(const decoder& model, const tokens& prompt, index_t n, index_t chunk,
                 const std::function<draft_tree(const tokens& text)>& drafts, Local& local, Global& global,
                 timing& time) {
    const matrix hidden = prefill(model, prompt, chunk, local, global, time.prefill);
    tokens text = prompt;
    text.push_back(best(model.logits(hidden, time.prefill).row(0)));
    while (std::ssize(text) < std::ssize(prompt) + n) {
        const draft_tree tree = drafts(text);
        const index_t size = tree.size(), base = global.end(0);
        std::vector<position_t> positions;
        for (const index_t depth : tree.depth) positions.push_back(static_cast<position_t>(base + depth));

        const auto nodes = domino::tree(base, tree.parent);  // over token numbers; a ring's cells are in another order
        std::vector<int> tokens_of[2];                       // the number of a cell's token, 0 for all of the text
        const auto visible = [&](const auto& cache, std::vector<int>& token_of) -> domino::any_mask {
            index_t cells = base + size;
            if constexpr (requires { cache.cells(); }) cells = std::min(cells, cache.cells());
            token_of.assign(std::size_t(cells), 0);
            for (index_t i = 0; i < size; ++i) token_of[std::size_t((base + i) % cells)] = static_cast<int>(base + i);
            return domino::with_indices(nodes, domino::q, domino::table(token_of, "token")(domino::kv));
        };
        const matrix states = model(tree.token, positions, {}, local, global, time.decode,
                                    decoder::restriction{visible(local, tokens_of[0]), visible(global, tokens_of[1])});
        const matrix logits = model.logits(states, time.decode);

        std::vector<index_t> kept;  // tokens in the caches
        for (index_t node = 0; node >= 0;) {
            kept.push_back(base + node);
            text.push_back(best(logits.row(node)));
            ++time.decode.tokens;
            node = tree.child(node, text.back());
        }
        if (static_cast<const void*>(&local) != static_cast<const void*>(&global) && model.count(true) > 0)
            local.keep(0, base, kept);
        global.keep(0, base, kept);
        ++time.passes;
        progress("decode", std::min(std::ssize(text) - std::ssize(prompt), n), n, time.decode);
    }
    return {text.begin() + std::ssize(prompt), text.begin() + std::ssize(prompt) + n};
}

}  // namespace engine

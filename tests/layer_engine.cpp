// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The example engine on small synthetic models of Llama's and Gemma 3's kind: the code that runs the real ones.

#include "../examples/engine/generate.hpp"

#include <cstdlib>
#include <fstream>

#include "catch.hpp"
#include "inputs.hpp"

namespace {

using engine::index_t;
using engine::tokens;

/// A model file of random weights, which is removed again.
class synthetic {
public:
    explicit synthetic(const domino::transformer_config& c) : config(c) {
        inputs::random r(400);
        std::ostringstream header;
        std::vector<float> data;
        header << "config " << c.name << "\n";
        const auto add = [&](const std::string& name, index_t rows, index_t columns, double sigma, double mean = 0) {
            header << "tensor " << name << " " << rows << " " << columns << " " << data.size() * 4 << "\n";
            for (index_t i = 0; i < rows * columns; ++i) data.push_back(static_cast<float>(mean + sigma * r.normal()));
        };
        const auto norm = [&](const std::string& name, index_t size) { add(name, 1, size, 0.1, 1); };
        const double in = 1 / std::sqrt(double(c.width));
        add("token_embd", c.vocabulary, c.width, c.scales_embedding ? in : 1);
        norm("output_norm", c.width);
        for (index_t i = 0; i < c.layers; ++i) {
            const std::string block = "blk." + std::to_string(i) + ".";
            norm(block + "attn_norm", c.width), norm(block + "ffn_norm", c.width);
            if (c.has_post_norms) norm(block + "post_attention_norm", c.width), norm(block + "post_ffw_norm", c.width);
            if (c.has_qk_norm) norm(block + "attn_q_norm", c.head_dim), norm(block + "attn_k_norm", c.head_dim);
            add(block + "attn_q", c.heads * c.head_dim, c.width, 2 * in);
            add(block + "attn_k", c.kv_heads * c.head_dim, c.width, 2 * in);
            add(block + "attn_v", c.kv_heads * c.head_dim, c.width, in);
            add(block + "attn_output", c.width, c.heads * c.head_dim, in);
            add(block + "ffn_gate", c.hidden, c.width, in), add(block + "ffn_up", c.hidden, c.width, in);
            add(block + "ffn_down", c.width, c.hidden, in);
        }
        std::string text = header.str() + "end\n";
        text.resize((text.size() + 63) / 64 * 64, ' ');
        char name[] = "/tmp/domino_model_XXXXXX";
        const int handle = ::mkstemp(name);
        if (handle < 0) throw std::runtime_error("no temporary file");
        ::close(handle);
        path = name;
        std::ofstream file(path, std::ios::binary);
        file << text;
        file.write(reinterpret_cast<const char*>(data.data()), std::ssize(data) * 4);
    }
    ~synthetic() { ::unlink(path.c_str()); }

    domino::transformer_config config;
    std::string path;
};

domino::transformer_config small(const char* name) {
    domino::transformer_config c = domino::model_named(name);
    c.layers = 3, c.width = 24, c.heads = 4, c.kv_heads = c.kv_heads > 1 ? 2 : 1, c.head_dim = 8, c.hidden = 32;
    c.vocabulary = 50;
    if (c.window) c.window = 7, c.period = 3;
    return c;
}

/// Caches for one sequence: rings for local layers.
struct caches {
    domino::linear_cache<float> global;
    domino::ring_cache<float> local;

    caches(const domino::transformer_config& c, index_t cells, index_t chunk)
        : global({.layers = c.layers, .heads = c.kv_heads, .cells = cells, .head_dim = c.head_dim}),
          local({.layers = c.layers,
                 .heads = c.kv_heads,
                 .cells = std::max<index_t>(c.window, 1) + chunk - 1,
                 .head_dim = c.head_dim},
                std::max<index_t>(c.window, 1)) {}
};

tokens prompt_of(index_t n, inputs::random& r) {
    tokens out;
    for (index_t i = 0; i < n; ++i)
        out.push_back(static_cast<int>(i % 9 < 4 && i > 9 ? out[std::size_t(i - 9)] : r.below(50)));
    return out;
}

}  // namespace

TEST_CASE("the engine: chunks, pages, shared prompts and drafts give the same tokens", "[layer]") {
    engine::shows_progress = false;
    for (const char* name : {"smollm2_135m", "gemma3_270m"}) {
        CAPTURE(name);
        const synthetic made(small(name));
        const engine::model_file file(made.path);
        const engine::decoder model(file, made.config);
        inputs::random r(401);
        for (index_t len : {1, 5, 33}) {
            CAPTURE(len);
            const tokens prompt = prompt_of(len, r);
            const index_t n = 40;
            engine::timing time;
            const auto plain = [&](const tokens& p, index_t chunk) {
                caches c(made.config, std::ssize(p) + n, chunk);
                return engine::greedy(model, p, n, chunk, c.local, c.global, time);
            };
            const tokens expected = plain(prompt, 64);
            REQUIRE(std::ssize(expected) == n);
            for (index_t chunk : {1, 3, 7}) CHECK(plain(prompt, chunk) == expected);

            domino::paged_cache<float> pages({.layers = made.config.layers,
                                              .batch = 200,
                                              .heads = made.config.kv_heads,
                                              .cells = 4,
                                              .head_dim = made.config.head_dim});
            const std::vector<tokens> ends{prompt_of(3, r), prompt_of(1, r), prompt_of(6, r)};
            const auto batch = engine::greedy_batch(model, prompt, ends, n, 8, pages, time);
            CHECK(pages.pool().free() == 200);
            for (std::size_t i = 0; i < ends.size(); ++i) {
                tokens whole = prompt;
                whole.insert(whole.end(), ends[i].begin(), ends[i].end());
                CHECK(batch[i] == plain(whole, 5));
            }

            for (index_t nodes : {1, 2, 9}) {
                caches c(made.config, len + n + 20, 16);
                engine::timing counted;
                const auto drafts = [&](const tokens& text) { return engine::guess(text, nodes); };
                CHECK(engine::speculate(model, prompt, n, 16, drafts, c.local, c.global, counted) == expected);
                CHECK(counted.passes <= n);
            }
            // the right branch among wrong ones, which go before it
            const auto oracle = [&](const tokens& text) {
                engine::draft_tree tree{{text.back()}, {-1}, {0}};
                const auto add = [&](index_t parent, int token) {
                    tree.token.push_back(token), tree.parent.push_back(parent);
                    tree.depth.push_back(tree.depth[std::size_t(parent)] + 1);
                    return tree.size() - 1;
                };
                index_t right = 0, wrong = 0;
                for (index_t i = std::ssize(text) - len; i < n && tree.size() < 12; ++i) {
                    const int token = expected[std::size_t(i)];
                    const index_t other = add(wrong, (token + 1 + int(r.below(40))) % 50);
                    if (r.coin(0.3)) add(right, (token + 7) % 50);
                    right = add(right, token);
                    wrong = r.coin() ? other : right;
                }
                return tree;
            };
            caches c(made.config, len + n + 20, 16);
            domino::paged_cache<float> drafted({.layers = made.config.layers,
                                                .batch = 40,
                                                .heads = made.config.kv_heads,
                                                .cells = 4,
                                                .head_dim = made.config.head_dim});
            auto one = drafted.select({drafted.open()});
            engine::timing counted;
            CHECK(engine::speculate(model, prompt, n, 16, oracle, c.local, c.global, counted) == expected);
            CHECK(engine::speculate(model, prompt, n, 16, oracle, one, one, counted) == expected);
            CHECK(counted.passes < n);  // of both
        }
    }
}

TEST_CASE("the engine: guesses are what followed before, without repeats among siblings", "[layer]") {
    const auto tree = engine::guess({1, 2, 3, 9, 1, 2, 4, 9, 1, 2}, 20);
    REQUIRE(tree.size() > 2);
    CHECK(tree.token[0] == 2);
    CHECK(tree.child(0, 3) > 0);
    CHECK(tree.child(0, 4) > 0);
    for (index_t i = 1; i < tree.size(); ++i) {
        CHECK(tree.parent[std::size_t(i)] < i);
        CHECK(tree.depth[std::size_t(i)] == tree.depth[std::size_t(tree.parent[std::size_t(i)])] + 1);
        CHECK(tree.child(tree.parent[std::size_t(i)], tree.token[std::size_t(i)]) == i);
    }
    CHECK(engine::guess({1, 2, 3}, 20).size() == 1);
    CHECK(engine::guess({1, 1, 1, 1, 1, 1}, 4).size() == 4);
}

TEST_CASE("the engine: files and tokens that are wrong", "[layer][errors]") {
    CHECK_THROWS_AS(engine::model_file("/nonexistent"), std::runtime_error);
    engine::shows_progress = false;
    const synthetic made(small("smollm2_135m"));
    CHECK(::truncate(made.path.c_str(), 5000) == 0);
    CHECK_THROWS_AS(engine::model_file(made.path), std::runtime_error);
    const synthetic whole(small("smollm2_135m"));
    const engine::model_file file(whole.path);
    CHECK_THROWS_AS(engine::decoder(file), domino::invalid_argument);  // the real configuration does not fit
    const engine::decoder model(file, whole.config);
    engine::timing time;
    caches c(whole.config, 8, 8);
    CHECK_THROWS_AS(engine::greedy(model, {50}, 1, 8, c.local, c.global, time), std::runtime_error);
    CHECK(c.global.end(0) == 0);
    auto with_norms = whole.config;
    with_norms.has_qk_norm = true;  // the file has none
    CHECK_THROWS_AS(engine::decoder(file, with_norms), std::runtime_error);
    CHECK_THROWS_AS(engine::normed(domino::matrix(2, 3), {}, 1e-6f), std::runtime_error);
    caches few(whole.config, 8, 8);
    CHECK_THROWS_AS(engine::greedy(model, {1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 8, few.local, few.global, time),
                    domino::invalid_argument);
}

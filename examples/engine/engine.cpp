// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A small engine: reads token numbers, continues them greedily, writes token numbers (text.py speaks text).
//
//     engine MODEL [--n 64] [--chunk 256] [--type f32|f16|bf16|int8] [--speculate NODES] [--logits FILE] < ids
//
// A line of numbers is a prompt; further lines each continue the first, and all of these are decoded at once in a paged
// cache. Models come from fetch.py.

#include <cstdio>
#include <fstream>
#include <iostream>

#include "generate.hpp"

namespace {

using engine::index_t;

struct arguments {
    std::string model, type = "f32", logits;
    index_t n = 64, chunk = 256, speculate = 0;

    arguments(int argc, char** argv) {
        if (argc < 2) throw std::runtime_error("usage: engine MODEL [--n 64] ... < ids");
        model = argv[1];
        if (argc % 2 != 0) throw std::runtime_error(std::string(argv[argc - 1]) + ": an option without a value");
        for (int i = 2; i + 1 < argc; i += 2) {
            const std::string name = argv[i], value = argv[i + 1];
            if (name == "--type") type = value;
            else if (name == "--logits") logits = value;
            else if (name == "--n") n = std::stol(value);
            else if (name == "--chunk") chunk = std::stol(value);
            else if (name == "--speculate") speculate = std::stol(value);
            else throw std::runtime_error("unknown option " + name);
        }
        if (n < 1 || chunk < 1 || speculate < 0)
            throw std::runtime_error("--n and --chunk are 1 or more, --speculate 0 or more");
    }
};

std::vector<engine::tokens> read_prompts() {
    std::vector<engine::tokens> prompts;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        engine::tokens ids;
        for (int id = 0; words >> id;) ids.push_back(id);
        if (!ids.empty()) prompts.push_back(ids);
    }
    if (prompts.empty()) throw std::runtime_error("no prompt: expected token numbers on standard input");
    return prompts;
}

template <domino::Element T>
void run(const arguments& a, const engine::decoder& model) {
    const auto prompts = read_prompts();
    const auto& c = model.config;
    index_t longest = 0;
    for (const auto& p : prompts) longest = std::max(longest, std::ssize(p));
    engine::timing time;
    std::vector<engine::tokens> answers;
    double cache_bytes = 0;
    const index_t tree = std::max<index_t>(a.speculate, 1), block = 32;  // nodes; channels that share an int8 scale
    if (prompts.size() > 1) {
        const index_t page = 16, tokens = std::ssize(prompts[0]) + (longest + a.n + 2 * page) * std::ssize(prompts);
        domino::paged_cache<T> cache({.layers = c.layers,
                                      .batch = tokens / page + 1,
                                      .heads = c.kv_heads,
                                      .cells = page,
                                      .head_dim = c.head_dim,
                                      .scale_block = block});
        cache_bytes = double(cache.bytes());
        answers =
            engine::greedy_batch(model, prompts[0], {prompts.begin() + 1, prompts.end()}, a.n, a.chunk, cache, time);
    } else {
        // global layers keep every token, local ones what their window sees while a chunk comes in
        const index_t cells = longest + a.n + tree, window = std::max<index_t>(c.window, 1);
        domino::linear_cache<T> global({.layers = std::max<index_t>(model.count(false), 1),
                                        .heads = c.kv_heads,
                                        .cells = cells,
                                        .head_dim = c.head_dim,
                                        .scale_block = block});
        domino::ring_cache<T> local({.layers = std::max<index_t>(model.count(true), 1),
                                     .heads = c.kv_heads,
                                     .cells = window + std::max(a.chunk, tree) - 1,
                                     .head_dim = c.head_dim,
                                     .scale_block = block},
                                    window);
        cache_bytes = double(global.bytes()) + (model.count(true) ? double(local.bytes()) : 0);
        if (!a.logits.empty()) {
            std::ofstream file(a.logits, std::ios::binary);
            engine::prefill(model, prompts[0], a.chunk, local, global, time.prefill, [&](const engine::matrix& hidden) {
                const engine::matrix logits = model.logits(hidden, time.prefill);
                file.write(reinterpret_cast<const char*>(logits.data()), logits.size() * 4);
            });
            return;
        }
        const auto drafts = [&](const engine::tokens& text) { return engine::guess(text, a.speculate); };
        answers.push_back(a.speculate > 0
                              ? engine::speculate(model, prompts[0], a.n, a.chunk, drafts, local, global, time)
                              : engine::greedy(model, prompts[0], a.n, a.chunk, local, global, time));
    }
    for (const auto& answer : answers) {
        for (const int token : answer) std::printf("%d ", token);
        std::printf("\n");
    }
    const auto report = [](const char* what, const engine::clock& t) {
        std::fprintf(stderr, "%s %ld tokens %.3f s %.1f tokens/s attention %.1f %%\n", what, long(t.tokens), t.total,
                     double(t.tokens) / std::max(t.total, 1e-9), 100 * t.attention / std::max(t.total, 1e-9));
    };
    report("prefill:", time.prefill);
    report("decode: ", time.decode);
    std::fprintf(stderr, "passes: %ld, caches: %.1f MB of %s\n", long(time.passes), cache_bytes / 1e6, a.type.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const arguments a(argc, argv);
        const engine::model_file file(a.model);
        const engine::decoder model(file);
        if (a.type == "f32") run<float>(a, model);
        else if (a.type == "f16") run<domino::float16>(a, model);
        else if (a.type == "bf16") run<domino::bfloat16>(a, model);
        else if (a.type == "int8") run<std::int8_t>(a, model);
        else throw std::runtime_error("unknown type " + a.type);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "engine: %s\n", e.what());
        return 1;
    }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A decoder of Llama's or Gemma's kind: its file, and one forward pass around Domino's attention layer and caches.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "domino/layer/attention_layer.hpp"
#include "domino/layer/configurations.hpp"

namespace engine {

using domino::index_t;
using domino::matrix;
using domino::position_t;
using domino::weight_matrix;

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A file that fetch.py wrote, mapped into memory: a configuration's name, and float32 tensors by name.
class model_file {
public:
    explicit model_file(const std::string& path) {
        const int file = ::open(path.c_str(), O_RDONLY);
        struct stat status {};
        if (file < 0 || ::fstat(file, &status) != 0) throw std::runtime_error("cannot open " + path);
        size_ = static_cast<std::size_t>(status.st_size);
        data_ = static_cast<char*>(::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0));
        ::close(file);
        if (data_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);
        const char* end = static_cast<const char*>(::memmem(data_, size_, "\nend\n", 5));
        if (!end) throw std::runtime_error(path + " is not a model file");
        const std::size_t text = static_cast<std::size_t>(end - data_) + 5, begin = (text + 63) / 64 * 64;
        std::istringstream lines(std::string(data_, text));
        for (std::string word, name; lines >> word;) {
            if (word == "config") lines >> config_;
            if (word != "tensor") continue;
            index_t rows = 0, columns = 0;
            std::size_t offset = 0;
            lines >> name >> rows >> columns >> offset;
            if (begin + offset + static_cast<std::size_t>(rows * columns) * 4 > size_)
                throw std::runtime_error(path + " is too short for " + name);
            tensors_.emplace(name,
                             weight_matrix(reinterpret_cast<const float*>(data_ + begin + offset), rows, columns));
        }
    }
    model_file(const model_file&) = delete;
    ~model_file() { ::munmap(data_, size_); }

    const std::string& config() const { return config_; }
    /// The tensor, or an empty one where there is none of that name.
    weight_matrix matrix_of(const std::string& name) const {
        const auto found = tensors_.find(name);
        return found == tensors_.end() ? weight_matrix(nullptr, 0, 0) : found->second;
    }
    std::span<const float> vector_of(const std::string& name) const {
        const weight_matrix m = matrix_of(name);
        return {m.data(), static_cast<std::size_t>(m.size())};
    }

private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::string config_;
    std::map<std::string, weight_matrix> tensors_;
};

/// Seconds spent, and tokens that went through.
struct clock {
    double total = 0, attention = 0;
    index_t tokens = 0;
};

inline matrix normed(const matrix& x, std::span<const float> weight, float epsilon) {
    if (std::ssize(weight) != x.cols())
        throw std::runtime_error("a norm has " + std::to_string(weight.size()) + " weights");
    matrix y(x.rows(), x.cols());
    for (index_t i = 0; i < x.rows(); ++i) domino::rms_norm(x.row(i).data(), weight, epsilon, y.row(i).data());
    return y;
}

class decoder {
public:
    explicit decoder(const model_file& file) : decoder(file, domino::model_named(file.config())) {}
    decoder(const model_file& file, const domino::transformer_config& c)
        : config(c),
          embedding_(file.matrix_of("token_embd")),
          output_(file.matrix_of(file.vector_of("output").empty() ? "token_embd" : "output")),
          final_norm_(file.vector_of("output_norm")) {
        for (index_t i = 0; i < config.layers; ++i) {
            const std::string block = "blk." + std::to_string(i) + ".";
            const auto m = [&](const char* name) { return file.matrix_of(block + name); };
            const auto v = [&](const char* name) { return file.vector_of(block + name); };
            const domino::layer_weights weights{.q = m("attn_q"),
                                                .k = m("attn_k"),
                                                .v = m("attn_v"),
                                                .o = m("attn_output"),
                                                .q_norm = v("attn_q_norm"),
                                                .k_norm = v("attn_k_norm")};
            layers_.push_back({domino::attention_layer(config.attention(i), weights), m("ffn_gate"), m("ffn_up"),
                               m("ffn_down"), v("attn_norm"), v("ffn_norm"), v("post_attention_norm"),
                               v("post_ffw_norm")});
            const layer& l = layers_.back();
            if (weights.q_norm.empty() == config.has_qk_norm || weights.k_norm.empty() == config.has_qk_norm ||
                l.post_norm.empty() == config.has_post_norms || l.post_ffn_norm.empty() == config.has_post_norms)
                throw std::runtime_error("the norms of " + block + " are not those of " + std::string(config.name));
        }
        if (embedding_.cols() != config.width || final_norm_.empty())
            throw std::runtime_error("the file has no embeddings of width " + std::to_string(config.width));
    }

    const domino::transformer_config config;

    /// Layers that are local, or global.
    index_t count(bool local) const {
        index_t n = 0;
        for (index_t i = 0; i < config.layers; ++i) n += config.is_local(i) == local;
        return n;
    }

    /// What queries may see of the cells of each cache, beyond what the masks by positions say.
    struct restriction {
        domino::any_mask local, global;
    };

    /// The last hidden states of tokens [batch, len], whose keys and values join the caches: `local` has the local
    /// layers', `global` the others'; one cache as both has all. Entry b has the first counts[b] tokens of its row.
    template <class Local, class Global>
    matrix operator()(std::span<const int> tokens, std::span<const position_t> positions,
                      std::span<const index_t> counts, Local& local, Global& global, clock& time,
                      const std::optional<restriction>& visible = {}) const {
        const double start = now();
        const bool shared = static_cast<const void*>(&local) == static_cast<const void*>(&global);
        matrix x = embedded(tokens);  // throws before the caches change
        if (!shared && count(true) > 0) local.extend(positions, counts);
        global.extend(positions, counts);
        const auto q_pos = domino::attention_layer::table_of(positions, global.batch());
        std::optional<domino::any_mask> masks[2];  // one for all layers of a kind
        for (index_t i = 0; i < config.layers; ++i)
            if (auto& mask = masks[config.is_local(i)]; !mask) {
                const auto& kv_pos = config.is_local(i) ? local.positions() : global.positions();
                mask = layers_[std::size_t(i)].attention.mask(q_pos, kv_pos);
                if (visible) mask = *mask && (config.is_local(i) ? visible->local : visible->global);
            }

        const float epsilon = config.norm_epsilon;
        for (index_t i = 0, locals = 0, globals = 0; i < config.layers; ++i) {
            const layer& l = layers_[std::size_t(i)];
            const auto p = l.attention.project(normed(x, l.norm, epsilon), positions);
            matrix heads;
            const auto attend = [&](auto& cache, index_t index, const domino::any_mask& mask) {
                l.attention.store(p, cache, index);
                const double before = now();
                heads = l.attention.attend(p.q, cache.keys(index), cache.values(index), mask);
                time.attention += now() - before;
            };
            if (config.is_local(i)) attend(local, shared ? i : locals++, *masks[1]);
            else attend(global, shared ? i : globals++, *masks[0]);
            matrix y = l.attention.output(heads);
            if (!l.post_norm.empty()) y = normed(y, l.post_norm, epsilon);
            x += y;
            y = feed_forward(l, normed(x, l.ffn_norm, epsilon));
            if (!l.post_ffn_norm.empty()) y = normed(y, l.post_ffn_norm, epsilon);
            x += y;
        }
        time.total += now() - start;
        return normed(x, final_norm_, epsilon);
    }

    /// Logits [rows, vocabulary] of hidden states.
    matrix logits(const matrix& hidden, clock& time) const {
        const double start = now();
        matrix y = domino::linear(hidden, output_);
        if (const float cap = config.final_softcap; cap > 0) y = cap * (y.array() / cap).tanh();
        time.total += now() - start;
        return y;
    }

private:
    struct layer {
        domino::attention_layer attention;
        weight_matrix gate, up, down;
        std::span<const float> norm, ffn_norm, post_norm, post_ffn_norm;
    };
    matrix embedded(std::span<const int> tokens) const {
        matrix x(std::ssize(tokens), config.width);
        for (index_t i = 0; i < x.rows(); ++i) {
            const int token = tokens[std::size_t(i)];
            if (token < 0 || token >= embedding_.rows()) throw std::runtime_error("no token " + std::to_string(token));
            x.row(i) = embedding_.row(token);
        }
        if (config.scales_embedding) x *= std::sqrt(float(config.width));
        return x;
    }
    matrix feed_forward(const layer& l, const matrix& x) const {
        matrix gate = domino::linear(x, l.gate);
        const auto g = gate.array();
        if (config.gate == domino::gate_activation::silu) gate = g / (1 + (-g).exp());
        else gate = 0.5f * g * (1 + (0.7978845608f * (g + 0.044715f * g.cube())).tanh());
        gate.array() *= domino::linear(x, l.up).array();
        return domino::linear(gate, l.down);
    }

    weight_matrix embedding_, output_;
    std::span<const float> final_norm_;
    std::vector<layer> layers_;
};

}  // namespace engine

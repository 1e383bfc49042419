// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C++ side of compare.py: Domino, the same attention materialized with Eigen, and the machine's own limits. One
// participant a process (`domino_peers domino`, `domino_peers eigen`); commands are lines of words on standard input,
// each answered by one line of JSON:
//
//   prepare FOLDER MASK SCORE TYPE HEADS KV_HEADS Q_LEN KV_LEN HEAD_DIM   makes the inputs and runs once
//   run WAY          one repetition: its seconds on the core and by the clock
//   probe            FMA and read rates
//
// Domino also writes the inputs and the mask to FOLDER, so that every other participant computes on the same bits.
#include <Eigen/Core>
#include <cmath>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "../inputs.hpp"

namespace bench {
namespace {

/// An array in huge pages where the system has them: numpy's are, and so are what torch and ggml get here.
template <class T>
class large_array {
public:
    explicit large_array(index_t n) : size_(static_cast<std::size_t>(n)), memory_(huge_pages<T>(size_)) {}
    T* data() const { return memory_.get(); }
    T* begin() const { return data(); }
    T* end() const { return data() + size_; }
    index_t size() const { return static_cast<index_t>(size_); }

private:
    std::size_t size_;
    huge_memory<T> memory_;
};

/// A case of the table: self-attention, or the last q_len queries over kv_len keys. TYPE is that of K and V.
struct problem {
    std::string folder, mask, score, type;
    index_t heads = 0, kv_heads = 0, q_len = 0, kv_len = 0, head_dim = 0;

    index_t q_offset() const { return kv_len - q_len; }
    index_t group() const { return heads / kv_heads; }
};

/// What a participant can be asked for.
struct call {
    std::function<void()> run;
    std::shared_ptr<const large_array<float>> output;
};

/// Uniform inputs. Queries are large enough that a row's weight lies on some keys and not on all alike, so that a wrong
/// mask shows in the output.
struct inputs {
    large_array<float> q, k, v;
    explicit inputs(const problem& p)
        : q(p.heads * p.q_len * p.head_dim), k(p.kv_heads * p.kv_len * p.head_dim), v(k.size()) {
        std::mt19937 engine(7);
        const auto fill = [&](const large_array<float>& x, float scale) {
            for (float& value : x) value = (static_cast<float>(engine() >> 8) * 0x1p-23f - 1.f) * scale;
        };
        fill(q, 6.f);
        fill(k, 1.f);
        fill(v, 1.f);
        if (p.type == "f16")
            for (float& x : q) x = domino::float16(x);
        if (p.type == "bf16")
            for (float& x : q) x = domino::bfloat16(x);
    }
};

/// The dense boolean mask: a tensor that hides an eighth of the pairs at random, so that no tile is empty or full.
large_array<bool> random_mask(const problem& p) {
    large_array<bool> kept(p.q_len * p.kv_len);
    std::mt19937 engine(11);
    for (bool& x : kept) x = (engine() >> 16) % 8 != 0;
    return kept;
}

/// Calls f with the case's mask. `kept` holds the mask that is data.
template <class F>
void with_mask(const problem& p, const bool* kept, const F& f) {
    if (p.mask == "dense") f(domino::full);
    else if (p.mask == "causal") f(domino::causal);
    else if (p.mask == "documents") f(documents(p.kv_len));
    else if (p.mask == "prefix") f(prefix_quarter(p.kv_len));
    else if (p.mask == "window") f(domino::last_n(256));
    else if (p.mask == "blocks") f(quarter_of_blocks(128)(p.kv_len));
    else if (p.mask == "boolean") f(domino::dense(domino::table(kept, p.q_len, p.kv_len)));
    else throw std::invalid_argument("no mask " + p.mask);
}

template <class T>
void write(const problem& p, const std::string& name, const T* data, index_t n) {
    std::ofstream file(p.folder + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(data), n * static_cast<index_t>(sizeof(T)));
    if (!file) throw std::runtime_error("cannot write " + p.folder + "/" + name);
}

// ---- Domino

/// K or V stored as T.
template <class T>
struct stored {
    large_array<T> values;
    stored(const large_array<float>& x, const problem&) : values(x.size()) {
        std::transform(x.begin(), x.end(), values.begin(), [](float f) { return T(f); });
    }
    auto view(const problem& p) const {
        return domino::bhsd<const T>(values.data(), 1, p.kv_heads, p.kv_len, p.head_dim);
    }
};

/// As llama.cpp's q8_0: a scale of 16 bits for 32 channels (held as float32 here).
template <>
struct stored<std::int8_t> {
    static constexpr index_t block = 32;
    large_array<std::int8_t> values;
    large_array<float> scales;
    stored(const large_array<float>& x, const problem&) : values(x.size()), scales(x.size() / block) {
        for (index_t i = 0; i < scales.size(); ++i) {
            const Eigen::Map<const Eigen::Array<float, block, 1>> from(x.data() + i * block);
            const float scale = from.abs().maxCoeff() / 127.f;
            scales.data()[i] = domino::float16(scale);
            for (index_t j = 0; j < block; ++j)
                values.data()[i * block + j] = static_cast<std::int8_t>(std::lround(from[j] / scale));
        }
    }
    auto view(const problem& p) const {
        return domino::quantized_view{
            domino::bhsd<const std::int8_t>(values.data(), 1, p.kv_heads, p.kv_len, p.head_dim),
            domino::bhsd<const float>(scales.data(), 1, p.kv_heads, p.kv_len, p.head_dim / block)};
    }
};

template <class T, class Mask, class Score = decltype(domino::score)>
call domino_call(const problem& p, const inputs& in, const Mask& mask, const Score& score_mod = domino::score) {
    const auto k = std::make_shared<stored<T>>(in.k, p), v = std::make_shared<stored<T>>(in.v, p);
    const auto o = std::make_shared<large_array<float>>(in.q.size());
    const auto Q = domino::bhsd<const float>(in.q.data(), 1, p.heads, p.q_len, p.head_dim);
    const auto O = domino::bhsd(o->data(), 1, p.heads, p.q_len, p.head_dim);
    return {[=] { domino::attention(Q, k->view(p), v->view(p), O, mask, score_mod, {.q_offset = p.q_offset()}); }, o};
}

/// Score mods come with the causal mask in float32, and other types with it alone: what the table has.
call domino_call(const problem& p, const inputs& in, const bool* kept) {
    static const std::vector<float> slopes = domino::alibi_slopes(p.heads);
    const auto causal_only = [&] {
        if (p.mask != "causal") throw std::invalid_argument(p.type + " " + p.score + " comes with the causal mask");
    };
    if (p.score == "softcap") return causal_only(), domino_call<float>(p, in, domino::causal, domino::softcap(30.f));
    if (p.score == "alibi")
        return causal_only(), domino_call<float>(p, in, domino::causal, domino::alibi(domino::table(slopes)));
    if (p.type == "f16") return causal_only(), domino_call<domino::float16>(p, in, domino::causal);
    if (p.type == "bf16") return causal_only(), domino_call<domino::bfloat16>(p, in, domino::causal);
    if (p.type == "int8") return causal_only(), domino_call<std::int8_t>(p, in, domino::causal);
    call made;
    with_mask(p, kept, [&](const auto& mask) { made = domino_call<float>(p, in, mask); });
    return made;
}

// ---- Eigen

/// Attention as a reader of the paper writes it: scores and mask as q x kv tensors, the mask made before the clock
/// starts. The queries of all heads that share a KV head are the rows of one product.
class materialized {
public:
    using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

    materialized(const problem& p, const inputs& in, const bool* kept)
        : p_(p),
          in_(in),
          weights_(p.group() * p.q_len, p.kv_len),
          o_(std::make_shared<large_array<float>>(in.q.size())) {
        Eigen::setNbThreads(1);
        if (p.type != "f32") throw std::invalid_argument("float32 only");
        with_mask(p, kept, [&](const auto& mask) {
            bias_ = domino::materialize_bias(domino::offset(mask, p.q_offset()), {1, 1, p.q_len, p.kv_len}).data;
        });
    }
    void run() {
        const index_t rows = weights_.rows();
        for (index_t h = 0; h < p_.kv_heads; ++h) {
            const auto part = [](auto* x, index_t head, index_t len, index_t head_dim) {
                using map = Eigen::Map<
                    std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(x)>>, const matrix, matrix>>;
                return map(x + head * len * head_dim, len, head_dim);
            };
            const float* k = in_.k.data();
            const float* v = in_.v.data();
            weights_.noalias() = part(static_cast<const float*>(in_.q.data()), h, rows, p_.head_dim) *
                                 part(k, h, p_.kv_len, p_.head_dim).transpose();
            for (index_t i = 0; i < rows; ++i)
                softmax(weights_.row(i).array(), h * p_.group() + i / p_.q_len, i % p_.q_len);
            part(o_->data(), h, rows, p_.head_dim).noalias() = weights_ * part(v, h, p_.kv_len, p_.head_dim);
        }
    }
    const std::shared_ptr<large_array<float>>& output() const { return o_; }

private:
    void softmax(auto row, index_t head, index_t i) const {
        const Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>> bias(bias_.data() + i * p_.kv_len, p_.kv_len);
        const float scale = 1.f / std::sqrt(static_cast<float>(p_.head_dim));
        if (p_.score == "softcap") row = (row * (scale / 30.f)).tanh() * 30.f + bias;
        else if (p_.score == "alibi") row = row * scale + bias + distances(i) * slopes_[static_cast<std::size_t>(head)];
        else row = row * scale + bias;
        row = (row - row.maxCoeff()).exp();
        row /= row.sum();
    }
    Eigen::Array<float, 1, Eigen::Dynamic> distances(index_t i) const {
        const auto first = static_cast<float>(-i - p_.q_offset());
        return Eigen::Array<float, 1, Eigen::Dynamic>::LinSpaced(p_.kv_len, first,
                                                                 first + static_cast<float>(p_.kv_len - 1));
    }
    problem p_;
    const inputs& in_;
    matrix weights_;
    std::shared_ptr<large_array<float>> o_;
    std::vector<float> bias_;
    std::vector<float> slopes_ = domino::alibi_slopes(p_.heads);
};

call eigen_call(const problem& p, const inputs& in, const bool* kept) {
    const auto made = std::make_shared<materialized>(p, in, kept);
    return {[=] { made->run(); }, made->output()};
}

// ---- the lines

/// What one repetition takes on the core (other processes' turns do not count), and by the clock.
struct duration {
    double core, clock;
};

duration time_of(const auto& run) {
    const auto core = [] { return double(std::clock()) / CLOCKS_PER_SEC; };
    const double core_start = core(), start = now();
    run();
    return {core() - core_start, now() - start};
}

/// The read probe, as if it had had the core for itself. (The FMA probe is too short to lose it often.)
double read_rate_on_core() {
    double rate = 0;
    const duration taken = time_of([&] { rate = read_rate(); });
    return rate * taken.clock / taken.core;
}

/// Elements at fixed places spread over heads and rows; worker.py takes the same.
std::string sample(const call& c) {
    std::ostringstream out;
    out.precision(9);
    for (std::uint64_t i = 0; i < 256; ++i)
        out << (i ? "," : "") << c.output->data()[i * 2654435761u % static_cast<std::uint64_t>(c.output->size())];
    return out.str();
}

class participant {
public:
    explicit participant(std::string name) : name_(std::move(name)) {}

    std::string answer(const std::string& line) {
        std::istringstream words(line);
        std::string command;
        words >> command;
        std::ostringstream out;
        if (command == "prepare") prepare(words, out);
        else if (command == "run") {
            const duration taken = time_of(call_.run);
            out << "{\"seconds\":" << taken.core << ",\"clock\":" << taken.clock << "}";
        } else if (command == "probe") out << "{\"fma\":" << fma_rate() << ",\"read\":" << read_rate_on_core() << "}";
        else throw std::invalid_argument("no command " + command);
        return out.str();
    }

private:
    void prepare(std::istream& words, std::ostream& out) {
        call_ = {};
        problem p;
        words >> p.folder >> p.mask >> p.score >> p.type >> p.heads >> p.kv_heads >> p.q_len >> p.kv_len >> p.head_dim;
        if (!words) throw std::invalid_argument("prepare: too few words");
        inputs_ = std::make_unique<inputs>(p);
        kept_ = std::make_unique<large_array<bool>>(p.mask == "boolean" ? random_mask(p) : large_array<bool>(0));
        if (name_ == "eigen") call_ = eigen_call(p, *inputs_, kept_->data());
        else {
            write(p, "q", inputs_->q.data(), inputs_->q.size());
            write(p, "k", inputs_->k.data(), inputs_->k.size());
            write(p, "v", inputs_->v.data(), inputs_->v.size());
            with_mask(p, kept_->data(), [&](const auto& mask) {
                const auto at = domino::offset(mask, p.q_offset());
                const auto dense = domino::materialize(at, {1, 1, p.q_len, p.kv_len});
                write(p, "mask", dense.data.data(), p.q_len * p.kv_len);
                const index_t visible = domino::stats(at, {1, p.heads, p.q_len, p.kv_len}).visible;
                out << "{\"flops\":" << attention_flops(visible, p.head_dim, p.head_dim) << ",";
            });
            call_ = domino_call(p, *inputs_, kept_->data());
        }
        if (name_ == "eigen") out << "{";
        call_.run();
        out << "\"ways\":{\"" << name_ << "\":{\"seconds\":" << time_of(call_.run).core << ",\"sample\":["
            << sample(call_) << "]}}}";
    }

    std::string name_;
    std::unique_ptr<inputs> inputs_;
    std::unique_ptr<large_array<bool>> kept_;
    call call_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    const std::string name = argc == 2 ? argv[1] : "";
    if (name != "domino" && name != "eigen") {
        std::cerr << "domino_peers domino|eigen: a participant of compare.py\n";
        return 2;
    }
    std::cout << "{\"version\":\"";
    if (name == "eigen") std::cout << EIGEN_WORLD_VERSION << "." << EIGEN_MAJOR_VERSION << "." << EIGEN_MINOR_VERSION;
    else std::cout << domino::simd::width << " floats a register";
    std::cout << "\"}" << std::endl;
    if (name == "domino") bench::read_rate();  // makes its buffer
    bench::participant participant(name);
    for (std::string line; std::getline(std::cin, line);) try {
            std::cout << participant.answer(line) << std::endl;
        } catch (const std::exception& e) { std::cout << "{\"no\":\"" << e.what() << "\"}" << std::endl; }
}

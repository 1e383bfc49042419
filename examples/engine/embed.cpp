// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sentence embeddings by all-MiniLM-L6-v2, a bidirectional encoder, twice: documents padded into a batch, and packed into
// one sequence through segments.
//
//     embed minilm.model < ids          a line of token numbers a document; a line of 384 numbers each comes back

#include <cstdio>
#include <iostream>

#include "domino/mask/document.hpp"
#include "model.hpp"

namespace {

using engine::index_t;
using engine::matrix;
using tokens = std::vector<int>;

constexpr index_t layers = 6, heads = 12, most_tokens = 512;
constexpr float epsilon = 1e-12f;

class encoder {
public:
    explicit encoder(const engine::model_file& file) : file_(file) {
        const index_t width = words_.cols();
        for (index_t i = 0; i < layers; ++i) {
            const std::string layer = "encoder.layer." + std::to_string(i) + ".", self = layer + "attention.self.";
            const auto m = [&](const std::string& name) { return file.matrix_of(name + ".weight"); };
            const auto v = [&](const std::string& name) { return file.vector_of(name + ".bias"); };
            const std::string output = layer + "attention.output.dense";
            layers_.emplace_back(domino::attention_config{.width = width,
                                                          .heads = heads,
                                                          .kv_heads = heads,
                                                          .head_dim = width / heads,
                                                          .rotary = {},
                                                          .is_causal = false},
                                 domino::layer_weights{.q = m(self + "query"),
                                                       .k = m(self + "key"),
                                                       .v = m(self + "value"),
                                                       .o = m(output),
                                                       .q_bias = v(self + "query"),
                                                       .k_bias = v(self + "key"),
                                                       .v_bias = v(self + "value"),
                                                       .o_bias = v(output)});
        }
    }

    /// Hidden states of tokens [batch, len], whose places in their documents are `positions` (negative: padding).
    template <domino::MaskMod M>
    matrix operator()(const tokens& ids, index_t batch, const std::vector<domino::position_t>& positions,
                      const M& mask) const {
        const auto places = file_.matrix_of("embeddings.position_embeddings.weight");
        const auto kinds = file_.matrix_of("embeddings.token_type_embeddings.weight");
        matrix x(std::ssize(ids), words_.cols());
        for (index_t i = 0; i < x.rows(); ++i)
            x.row(i) =
                words_.row(ids[std::size_t(i)]) + places.row(std::max(positions[std::size_t(i)], 0)) + kinds.row(0);
        norm(x, "embeddings.LayerNorm");
        for (index_t i = 0; i < layers; ++i) {
            const std::string layer = "encoder.layer." + std::to_string(i) + ".";
            x += layers_[std::size_t(i)](x, batch, positions, mask);
            norm(x, layer + "attention.output.LayerNorm");
            matrix inner = linear(x, layer + "intermediate.dense");
            inner = inner.unaryExpr([](float a) { return 0.5f * a * (1 + std::erf(a * 0.70710678f)); });
            x += linear(inner, layer + "output.dense");
            norm(x, layer + "output.LayerNorm");
        }
        return x;
    }

private:
    matrix linear(const matrix& x, const std::string& name) const {
        return domino::linear(x, file_.matrix_of(name + ".weight"), file_.vector_of(name + ".bias"));
    }
    void norm(matrix& x, const std::string& name) const {
        const auto weight = file_.matrix_of(name + ".weight"), bias = file_.matrix_of(name + ".bias");
        for (auto row : x.rowwise()) {
            row.array() -= row.mean();
            row *= 1 / std::sqrt(row.squaredNorm() / float(row.size()) + epsilon);
            row = row.cwiseProduct(weight.row(0)) + bias.row(0);
        }
    }

    const engine::model_file& file_;
    engine::weight_matrix words_ = file_.matrix_of("embeddings.word_embeddings.weight");
    std::vector<domino::attention_layer> layers_;
};

/// The mean of a document's rows, of length 1.
Eigen::RowVectorXf pooled(const matrix& x, index_t first, index_t count) {
    return x.middleRows(first, count).colwise().mean().normalized();
}

/// One row a document; shorter ones are padded.
matrix padded(const encoder& model, const std::vector<tokens>& documents) {
    index_t len = 0;
    for (const tokens& d : documents) len = std::max(len, std::ssize(d));
    tokens ids;
    std::vector<domino::position_t> positions;
    for (const tokens& d : documents)
        for (index_t i = 0; i < len; ++i) {
            ids.push_back(i < std::ssize(d) ? d[std::size_t(i)] : 0);
            positions.push_back(i < std::ssize(d) ? static_cast<domino::position_t>(i) : -1);
        }
    const auto place = domino::attention_layer::table_of(positions, std::ssize(documents));
    const matrix x = model(ids, std::ssize(documents), positions, domino::any_mask(place(domino::b, domino::kv) >= 0));
    matrix out(std::ssize(documents), x.cols());
    for (index_t d = 0; d < out.rows(); ++d) out.row(d) = pooled(x, d * len, std::ssize(documents[std::size_t(d)]));
    return out;
}

/// All documents behind each other; no token is wasted, and none sees another document.
matrix packed(const encoder& model, const std::vector<tokens>& documents) {
    tokens ids;
    std::vector<domino::position_t> positions, document;
    for (const tokens& d : documents)
        for (index_t i = 0; i < std::ssize(d); ++i) {
            ids.push_back(d[std::size_t(i)]);
            positions.push_back(static_cast<domino::position_t>(i));
            document.push_back(static_cast<domino::position_t>(&d - documents.data()));
        }
    const matrix x = model(ids, 1, positions, domino::any_mask(domino::same_document(domino::table(document))));
    matrix out(std::ssize(documents), x.cols());
    for (index_t d = 0, first = 0; d < out.rows(); first += std::ssize(documents[std::size_t(d++)]))
        out.row(d) = pooled(x, first, std::ssize(documents[std::size_t(d)]));
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 2) throw std::runtime_error("usage: embed minilm.model < ids");
        const engine::model_file file(argv[1]);
        const encoder model(file);
        std::vector<tokens> documents;
        std::size_t count = 0;
        for (std::string line; std::getline(std::cin, line);) {
            std::istringstream words(line);
            tokens ids;
            for (int id = 0; words >> id;) ids.push_back(id);
            if (ids.empty() || std::ssize(ids) > most_tokens)
                throw std::runtime_error("expected 1 to 512 tokens a line");
            count += ids.size();
            documents.push_back(ids);
        }
        const double start = engine::now();
        const matrix by_padding = padded(model, documents);
        const double middle = engine::now();
        const matrix by_packing = packed(model, documents);
        const double end = engine::now();
        for (index_t d = 0; d < by_packing.rows(); ++d) {
            for (index_t c = 0; c < by_packing.cols(); ++c) std::printf("%.9g ", double(by_packing(d, c)));
            std::printf("\n");
        }
        std::fprintf(stderr, "%zu documents, %zu tokens: padded %.0f tokens/s, packed %.0f tokens/s, difference %.1e\n",
                     documents.size(), count, double(count) / (middle - start), double(count) / (end - middle),
                     double((by_padding - by_packing).cwiseAbs().maxCoeff()));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "embed: %s\n", e.what());
        return 1;
    }
}

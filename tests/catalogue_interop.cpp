// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Other systems' conventions: each importer against its rule written afresh, and there and back again.
#include <domino/info/export.hpp>
#include <domino/kernel/any_mask.hpp>
#include <domino/tile/compare.hpp>
#include <functional>
#include <random>

#include "catch.hpp"

using namespace domino;

namespace {

using rule = std::function<bool(index_t b, index_t h, index_t q, index_t kv)>;

int wrong(const any_mask& m, const mask_shape& shape, const rule& keep) {
    const auto dense = materialize(m, shape);
    int out = 0;
    for (index_t batch = 0; batch < shape.batch; ++batch)
        for (index_t head = 0; head < shape.heads; ++head)
            for (index_t row = 0; row < shape.q_len; ++row)
                for (index_t key = 0; key < shape.kv_len; ++key) {
                    const bool want = keep(batch, head, row, key);
                    out += (dense(batch, head, row, key) == 1) != want;
                    const tile one{batch, head, row, key};
                    out += classify(m, one) == (want ? tile_kind::empty : tile_kind::full);
                }
    return out;
}

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// The document of a token, and its place there.
struct place {
    index_t document, local, length;
};
place find(const std::vector<int>& lengths, index_t token) {
    index_t document = 0;
    for (; token >= lengths[at(document)]; ++document) token -= lengths[at(document)];
    return {document, token, lengths[at(document)]};
}
std::vector<int> offsets(const std::vector<int>& lengths) {
    std::vector<int> out{0};
    for (const int n : lengths) out.push_back(out.back() + n);
    return out;
}

const std::vector<int> q_lens{3, 0, 5, 1, 4}, kv_lens{5, 2, 5, 3, 2};
const mask_shape packed{1, 1, 13, 17};

}  // namespace

TEST_CASE("windows of Hugging Face, FlashAttention and ONNX Runtime") {
    const mask_shape square{1, 1, 11, 11};
    for (const index_t n : {1, 2, 5, 40}) {
        CHECK(wrong(huggingface_sliding_window(n), square,
                    [n](auto, auto, index_t i, index_t j) { return j <= i && j > i - n; }) == 0);
        CHECK(wrong(onnxruntime_local_window_size(n), square,
                    [n](auto, auto, index_t i, index_t j) { return j <= i && j > i - n; }) == 0);
        CHECK(wrong(onnxruntime_local_window_size_before_2025_09(n), square,
                    [n](auto, auto, index_t i, index_t j) { return j <= i && j >= i - n; }) == 0);
    }
    for (const auto& m :
         {any_mask(onnxruntime_local_window_size(-1)), any_mask(onnxruntime_local_window_size_before_2025_09(-1))})
        CHECK(wrong(m, square, [](auto, auto, index_t i, index_t j) { return j <= i; }) == 0);
    for (const index_t left : {-1, 0, 2, 30})
        for (const index_t right : {-1, 0, 3})
            for (const auto& [q_len, kv_len] : {std::pair<index_t, index_t>{4, 9}, {9, 4}, {6, 6}})
                for (const bool causal_flag : {false, true}) {
                    const index_t r = causal_flag ? 0 : right, shift = kv_len - q_len;
                    CHECK(wrong(flash_attention_window(left, right, q_len, kv_len, causal_flag), {1, 1, q_len, kv_len},
                                [=](auto, auto, index_t i, index_t j) {
                                    return (left < 0 || j >= i + shift - left) && (r < 0 || j <= i + shift + r);
                                }) == 0);
                }
    CHECK_THROWS_AS(flash_attention_window(-2, 0, 1, 1), invalid_argument);
    CHECK_THROWS_AS(onnxruntime_local_window_size(-2), invalid_argument);
    CHECK_THROWS_AS(huggingface_sliding_window(0), invalid_argument);
}

TEST_CASE("Hugging Face attention_mask and token_type_ids") {
    const std::vector<int> mask{0, 0, 1, 1, 1, 1, 1, 1, 0, 1}, types{0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1};
    CHECK(wrong(huggingface_attention_mask(table(mask.data(), 2, 5)), {2, 1, 3, 5},
                [&](index_t n, auto, auto, index_t j) { return mask[at(5 * n + j)] == 1; }) == 0);
    const auto same_image = [&](index_t n, index_t i, index_t j) {
        if (i > j) std::swap(i, j);
        for (index_t k = i; k <= j; ++k)
            if (types[at(8 * n + k)] != 1) return false;
        return true;
    };
    CHECK(wrong(huggingface_token_types(table(types.data(), 2, 8)), {2, 1, 8, 8},
                [&](index_t n, auto, index_t i, index_t j) { return j <= i || same_image(n, i, j); }) == 0);
    CHECK(wrong(huggingface_token_types(table(types.data(), 8)), {2, 1, 8, 8},
                [&](auto, auto, index_t i, index_t j) { return j <= i || same_image(0, i, j); }) == 0);
}

TEST_CASE("packed sequences of FlashAttention and xformers") {
    const auto same = [](index_t i, index_t j, auto keep) {
        const place x = find(q_lens, i), y = find(kv_lens, j);
        return x.document == y.document && keep(x.local, y.local, y.length - x.length);
    };
    CHECK(wrong(xformers_block_diagonal(q_lens, kv_lens), packed, [&](auto, auto, index_t i, index_t j) {
              return same(i, j, [](auto, auto, auto) { return true; });
          }) == 0);
    CHECK(wrong(xformers_block_diagonal_causal(q_lens, kv_lens), packed, [&](auto, auto, index_t i, index_t j) {
              return same(i, j, [](index_t x, index_t y, auto) { return y <= x; });
          }) == 0);
    CHECK(wrong(xformers_block_diagonal_causal(q_lens, kv_lens, 2), packed, [&](auto, auto, index_t i, index_t j) {
              return same(i, j, [](index_t x, index_t y, auto) { return y <= x && x - y < 2; });
          }) == 0);
    for (const index_t n : {index_t{1}, index_t{2}, unbounded})
        CHECK(wrong(xformers_block_diagonal_causal_from_bottom_right(q_lens, kv_lens, n), packed,
                    [&](auto, auto, index_t i, index_t j) {
                        return same(i, j, [n](index_t x, index_t y, index_t shift) {
                            return y <= x + shift && x + shift - y < n;
                        });
                    }) == 0);
    for (const index_t left : {-1, 0, 1, 9})
        for (const index_t right : {-1, 0, 2})
            for (const bool causal_flag : {false, true})
                CHECK(wrong(flash_attention_varlen(offsets(q_lens), offsets(kv_lens), causal_flag, left, right), packed,
                            [&](auto, auto, index_t i, index_t j) {
                                return same(i, j, [&](index_t x, index_t y, index_t shift) {
                                    const index_t r = causal_flag ? 0 : right;
                                    return (left < 0 || y >= x + shift - left) && (r < 0 || y <= x + shift + r);
                                });
                            }) == 0);
    CHECK_THROWS_AS(xformers_block_diagonal(q_lens, std::vector<int>{1}), invalid_argument);
    CHECK_THROWS_AS(xformers_block_diagonal(std::vector<int>{-1}, std::vector<int>{1}), invalid_argument);
}

TEST_CASE("ggml's halves, there and back") {
    const auto m = where(h == 1, causal, last_n(3));
    const mask_shape shape{2, 2, 5, 7};
    const auto halves = export_ggml_mask(m, shape, 8);
    REQUIRE(halves.size() == 2 * 2 * 8 * 7);
    CHECK(halves[0] == 0x0000);
    CHECK(halves[1] == 0xfc00);
    for (std::size_t i = 5 * 7; i < 8 * 7; ++i) CHECK(halves[i] == 0xfc00);
    const auto back = ggml_mask(halves.data(), {2, 2, 5, 7}, {2 * 8 * 7, 8 * 7, 7, 1});
    CHECK(compare(back, m, shape).equal());
    const auto shared = ggml_mask(halves.data(), {2, 2, 5, 7}, {0, 0, 7, 1});  // head 0's for all
    CHECK(compare(shared, last_n(3), shape).equal());
    CHECK_THROWS_AS(export_ggml_mask(m, shape, 4), invalid_argument);

    // Values: 0, 1, -2, 65504, the smallest, a subnormal, -0, -inf
    const std::vector<std::uint16_t> bits{0x0000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x83ff, 0x8000, 0xfc00};
    const std::vector<float> values{0.f, 1.f, -2.f, 65504.f, 0x1p-24f, -1023 * 0x1p-24f, -0.f, -INFINITY},
        slopes{1.f, 0.5f};
    const auto bias = ggml_bias(bits.data(), {1, 2, 1, 8}, {0, 0, 8, 1}, table(slopes));
    for (index_t head = 0; head < 2; ++head)
        for (index_t key = 0; key < 8; ++key)
            CHECK(evaluate(bias, point{0, head, 0, key, 0.25f}) == 0.25f + slopes[at(head)] * values[at(key)]);
}

TEST_CASE("FlashInfer's bits, there and back") {
    std::mt19937 random(3);
    for (const auto& [q_len, kv_len] : {std::pair<index_t, index_t>{1, 1}, {3, 5}, {8, 8}, {7, 70}, {13, 129}}) {
        std::vector<std::uint8_t> flags(at(3 * q_len * kv_len));
        for (auto& x : flags) x = random() % 3 == 0;
        const auto dense_flags =
            table<std::uint8_t, 4>(flags.data(), {3, 1, q_len, kv_len}, {q_len * kv_len, 0, kv_len, 1});
        const mask_shape shape{3, 1, q_len, kv_len};
        const auto bytes = export_flashinfer_packed_mask(dense(dense_flags), shape);
        REQUIRE(bytes.size() == at(3 * ((q_len * kv_len + 7) / 8)));
        int differ = 0;
        for (index_t i = 0; i < 3 * q_len * kv_len; ++i) {
            const index_t bit = i % (q_len * kv_len);
            const auto byte = bytes[at(i / (q_len * kv_len) * ((q_len * kv_len + 7) / 8) + bit / 8)];
            differ += (byte >> (bit % 8) & 1) != flags[at(i)];
        }
        CHECK(differ == 0);
        CHECK(compare(flashinfer_packed_mask(bytes.data(), 3, q_len, kv_len), dense(dense_flags), shape).equal());
    }
    CHECK_THROWS_AS(export_flashinfer_packed_mask(causal, {1, 2, 3, 3}), invalid_argument);
    CHECK_THROWS_AS(flashinfer_packed_mask(nullptr, 1, 2, 3), invalid_argument);
}

TEST_CASE("FlashMask's columns, there and back") {
    std::mt19937 random(4);
    const index_t batch = 2, mask_heads = 2, heads = 4, n = 9;
    for (const index_t bounds : {1, 2, 4})
        for (const bool causal_flag : {false, true}) {
            if (causal_flag ? bounds == 4 : bounds == 1) continue;
            std::vector<std::int32_t> columns(at(batch * mask_heads * n * bounds));
            for (auto& x : columns) x = static_cast<std::int32_t>(random() % 11);
            const auto m = flashmask(columns.data(), {batch, mask_heads, n, bounds}, heads, causal_flag);
            const mask_shape shape{batch, heads, 10, n};
            CHECK(wrong(m, shape, [&](index_t i, index_t head, index_t row, index_t key) {
                      const auto* c = &columns[at(((i * mask_heads + head / 2) * n + key) * bounds)];
                      if (causal_flag) return row >= key && !(bounds == 1 ? row >= c[0] : row >= c[0] && row < c[1]);
                      return bounds == 2 ? row < c[0] && row >= c[1]
                                         : !(row >= c[0] && row < c[1]) && !(row >= c[2] && row < c[3]);
                  }) == 0);
            if (bounds == 4) continue;  // may hide a key from more than two stretches together with the diagonal
            const any_mask simple = causal_flag ? any_mask(last_n(3)) : any_mask(band(2, 3));
            const auto out = export_flashmask(simple, shape);
            CHECK(compare(flashmask(out.data(), {batch, heads, n, 4}, heads, false), simple, shape).equal());
        }
    CHECK_THROWS_AS(export_flashmask(q % 2 == 0, {1, 1, 9, 3}), invalid_argument);
    const std::int32_t some[4]{};
    CHECK_THROWS_AS(flashmask(some, {1, 1, 1, 3}, 1, true), invalid_argument);
    CHECK_THROWS_AS(flashmask(some, {1, 2, 1, 2}, 3, true), invalid_argument);
}

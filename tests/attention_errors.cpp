// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Wrong calls: each throws domino::invalid_argument that names the argument, and has touched no memory by then.

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"

namespace {

using call::index_t;

constexpr index_t huge = std::numeric_limits<index_t>::max();

/// The arguments of a call that is right until one of them is changed.
struct arguments {
    std::vector<float> memory = std::vector<float>(4096, 7.0f);
    domino::tensor_view<const float> q = domino::bhsd<const float>(at(0), 2, 4, 3, 8);    // 192 floats
    domino::tensor_view<const float> k = domino::bhsd<const float>(at(512), 2, 2, 5, 8);  // 160
    domino::tensor_view<const float> v = domino::bhsd<const float>(at(1024), 2, 2, 5, 6);
    domino::tensor_view<float> o = domino::bhsd<float>(at(1536), 2, 4, 3, 6);
    float* lse = at(2048);  // 24
    float scale = 0.5f;
    index_t q_offset = 0;
    std::vector<index_t> kv_lengths{5, 5};

    float* at(std::size_t i) { return memory.data() + i; }
    void call() { call(domino::any_mask(domino::causal)); }
    void call(const domino::any_mask& mask) {
        domino::attention(q, k, v, o, mask, domino::score,
                          {.scale = scale, .lse = lse, .q_offset = q_offset, .kv_lengths = kv_lengths});
    }
};

/// An executor of one number.
struct small {
    int threads;
    index_t concurrency() const { return threads; }
    void for_each_index(index_t n, auto&& f) const {
        for (index_t i = 0; i < n; ++i) f(i, index_t{threads - 1});
    }
};

/// The message of the exception, and whether the outputs were left alone.
std::string complaint(const std::function<void(arguments&)>& change) {
    arguments a;
    change(a);
    const auto before = a.memory;
    try {
        a.call();
    } catch (const domino::invalid_argument& e) {
        return compare::same_bits(a.memory, before) ? e.what() : "memory was touched";
    }
    return "no exception";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The complaint must name the argument, what was expected and what came.
void refuses(const std::string& argument, const std::function<void(arguments&)>& change) {
    const std::string text = complaint(change);
    CAPTURE(text, argument);
    CHECK(has(text, "domino: "));
    CHECK(has(text, "expected"));
    CHECK(has(text, "got"));
    CHECK(has(text, argument));
}

}  // namespace

TEST_CASE("the example itself is right", "[attention][errors]") {
    arguments a;
    CHECK_NOTHROW(a.call());
    CHECK(a.o.data[0] == 7.0f);  // all values are 7
}

TEST_CASE("options alone are dense attention", "[attention][errors]") {
    arguments a;
    std::vector<float> lse(64, 1.f);
    domino::attention(a.q, a.k, a.v, a.o, {.scale = 0.f, .lse = lse.data()});
    CHECK(a.o.data[0] == 7.0f);
    CHECK(std::abs(lse[0] - std::log(5.f)) < 1e-6f);
}

TEST_CASE("an executor that is a temporary is copied where it is small", "[attention][errors]") {
    const domino::executor_ref kept = small{3}, copy = kept;
    small named{4};
    const domino::executor_ref referred = named;
    named.threads = 5;
    CHECK(kept.concurrency() == 3);
    CHECK(copy.concurrency() == 3);
    CHECK(referred.concurrency() == 5);
    index_t sum = 0;
    copy.for_each_index(4, [&](index_t i, index_t worker) { sum += 10 * i + worker; });
    CHECK(sum == 60 + 4 * 2);
}

TEST_CASE("shapes that do not match", "[attention][errors]") {
    refuses("K", [](arguments& a) { a.k.extents[0] = 3; });
    refuses("K", [](arguments& a) { a.k.extents[3] = 7; });
    refuses("K", [](arguments& a) { a.k.extents[1] = 3; });  // 4 heads over 3
    refuses("K", [](arguments& a) { a.k.extents[1] = 0, a.v.extents[1] = 0; });
    refuses("V", [](arguments& a) { a.v.extents[0] = 1; });
    refuses("V", [](arguments& a) { a.v.extents[1] = 1; });
    refuses("V", [](arguments& a) { a.v.extents[2] = 4; });
    refuses("O", [](arguments& a) { a.o.extents[0] = 1; });
    refuses("O", [](arguments& a) { a.o.extents[1] = 2; });
    refuses("O", [](arguments& a) { a.o.extents[2] = 4; });
    refuses("O", [](arguments& a) { a.o.extents[3] = 8; });
}

TEST_CASE("negative extents", "[attention][errors]") {
    refuses("Q", [](arguments& a) { a.q.extents[0] = -1; });
    refuses("Q", [](arguments& a) { a.q.extents[2] = -3; });
    refuses("K", [](arguments& a) { a.k.extents[2] = -5, a.v.extents[2] = -5; });
    refuses("V", [](arguments& a) { a.v.extents[3] = -6, a.o.extents[3] = -6; });
}

TEST_CASE("no data where there is a shape", "[attention][errors]") {
    refuses("Q", [](arguments& a) { a.q.data = nullptr; });
    refuses("K", [](arguments& a) { a.k.data = nullptr; });
    refuses("V", [](arguments& a) { a.v.data = nullptr; });
    refuses("O", [](arguments& a) { a.o.data = nullptr; });
}

TEST_CASE("no data where there is nothing to hold", "[attention][errors]") {
    arguments a;
    a.q.extents[2] = 0, a.o.extents[2] = 0;
    a.q.data = nullptr, a.o.data = nullptr, a.lse = nullptr;
    CHECK_NOTHROW(a.call());
    arguments no_keys;
    no_keys.k.extents[2] = 0, no_keys.v.extents[2] = 0;
    no_keys.k.data = nullptr, no_keys.v.data = nullptr;
    no_keys.kv_lengths = {0, 0};
    CHECK_NOTHROW(no_keys.call());
    CHECK(no_keys.o.data[0] == 0.0f);
}

TEST_CASE("head sizes without a contiguous stride", "[attention][errors]") {
    refuses("Q", [](arguments& a) { a.q.strides[3] = 2; });
    refuses("K", [](arguments& a) { a.k.strides[3] = 0; });
    refuses("V", [](arguments& a) { a.v.strides[3] = -1; });
    refuses("O", [](arguments& a) { a.o.strides[3] = 3; });
}

TEST_CASE("extents and strides that overflow", "[attention][errors]") {
    refuses("Q", [](arguments& a) { a.q.extents[2] = huge, a.o.extents[2] = huge; });
    refuses("K", [](arguments& a) { a.k.extents[2] = huge / 2, a.v.extents[2] = huge / 2; });
    refuses("K", [](arguments& a) { a.k.strides[2] = huge / 2; });
    refuses("V", [](arguments& a) { a.v.strides[0] = std::numeric_limits<index_t>::min(); });
    refuses("O", [](arguments& a) { a.o.strides[1] = huge / 8; });
}

TEST_CASE("a scale that is no number", "[attention][errors]") {
    refuses("scale", [](arguments& a) { a.scale = std::numeric_limits<float>::infinity(); });
    refuses("scale", [](arguments& a) { a.scale = -std::numeric_limits<float>::infinity(); });
    refuses("scale", [](arguments& a) { a.scale = 3e38f; });  // times log2(e) it is infinite
}

TEST_CASE("extents that are too long where nothing is", "[attention][errors]") {
    const domino::tensor_view<const float> wide{nullptr, {1, 2, 0, index_t{1} << 58}, {0, 0, 0, 1}},
        few{nullptr, {1, 2, 0, 4}, {0, 0, 0, 1}}, long_keys{nullptr, {0, 2, index_t{1} << 40, 4}, {0, 0, 0, 1}},
        no_batch{nullptr, {0, 2, 0, 4}, {0, 0, 0, 1}};
    const domino::tensor_view<float> out{nullptr, {1, 2, 0, 4}, {0, 0, 0, 1}},
        none{nullptr, {0, 2, 0, 4}, {0, 0, 0, 1}};
    CHECK_THROWS_WITH(domino::attention(wide, wide, few, out), Catch::Contains("Q: expected a head_dim"));
    CHECK_THROWS_WITH(domino::attention(no_batch, long_keys, long_keys, none), Catch::Contains("K: expected a kv_len"));
}

TEST_CASE("a query offset that overflows", "[attention][errors]") {
    refuses("q_offset", [](arguments& a) { a.q_offset = huge; });
}

TEST_CASE("lengths that are wrong", "[attention][errors]") {
    refuses("kv_lengths", [](arguments& a) { a.kv_lengths = {5}; });
    refuses("kv_lengths", [](arguments& a) { a.kv_lengths = {5, 5, 5}; });
    refuses("kv_lengths", [](arguments& a) { a.kv_lengths = {5, 6}; });
    refuses("kv_lengths", [](arguments& a) { a.kv_lengths = {-1, 5}; });
}

TEST_CASE("outputs over inputs, over each other and over themselves", "[attention][errors]") {
    refuses("O", [](arguments& a) { a.o.data = a.at(0); });
    refuses("O", [](arguments& a) { a.o.data = a.at(512 + 100); });
    refuses("O", [](arguments& a) { a.o.data = a.at(1024 - 143); });
    refuses("O", [](arguments& a) { a.o.strides[1] = 0; });
    refuses("O", [](arguments& a) { a.o.strides[2] = 3; });
    refuses("O", [](arguments& a) { a.o.strides[0] = a.o.strides[1]; });
    refuses("lse", [](arguments& a) { a.lse = a.at(1536); });
    refuses("lse", [](arguments& a) { a.lse = a.at(10); });
}

TEST_CASE("outputs next to inputs, and interleaved with them, are allowed", "[attention][errors]") {
    arguments a;
    a.o.data = a.at(192);  // right behind Q
    CHECK_NOTHROW(a.call());
    a.o.data = a.at(1024 - 144);  // right before V
    CHECK_NOTHROW(a.call());
}

TEST_CASE("a mask's table that is too short for the call (M13)", "[attention][errors]") {
    arguments a;
    const std::vector<std::int32_t> ids(4, 0);
    const auto before = a.memory;
    CHECK_THROWS_AS(a.call(domino::same_document(domino::table(ids))), domino::invalid_argument);
    CHECK(compare::same_bits(a.memory, before));
}

TEST_CASE("windows and chunks that make no sense", "[attention][errors]") {
    CHECK_THROWS_AS(domino::last_n(-1), domino::invalid_argument);
    CHECK_THROWS_AS(domino::band(-1, 0), domino::invalid_argument);
    CHECK_THROWS_AS(domino::band(0, -1), domino::invalid_argument);
    CHECK_THROWS_AS(domino::chunked(0), domino::invalid_argument);
    CHECK_THROWS_AS(domino::prefix_lm(-1), domino::invalid_argument);
    CHECK_THROWS_AS(domino::softcap(0.0f), domino::invalid_argument);
    CHECK_THROWS_AS(domino::softcap(std::nanf("")), domino::invalid_argument);
}

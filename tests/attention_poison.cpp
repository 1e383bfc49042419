// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is masked has no influence: NaN, infinities or 1e38 in a masked key or value leave every row that masks it with
// the very bits that zeros leave (museum: M6, M7, M17; pytorch#101967). A kept NaN shows, in its rows alone.

#include <limits>
#include <string>
#include <vector>

#include "attention_call.hpp"
#include "catch.hpp"
#include "mask_cases.hpp"

namespace {

using call::index_t;

constexpr float infinite = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Which keys of which key head are poisoned.
struct poison {
    std::vector<bool> keys;
    index_t kv_heads, kv_len;

    explicit poison(const call::shape& s)
        : keys(static_cast<std::size_t>(s.batch * s.kv_heads * s.kv_len)), kv_heads(s.kv_heads), kv_len(s.kv_len) {}
    std::vector<bool>::reference at(index_t b, index_t head, index_t j) {
        return keys[static_cast<std::size_t>((b * kv_heads + head) * kv_len + j)];
    }
    void put(call::problem& p, float value, bool into_k, bool into_v) {
        for (index_t b = 0; b < p.s.batch; ++b)
            for (index_t head = 0; head < kv_heads; ++head)
                for (index_t j = 0; j < kv_len; ++j) {
                    if (!at(b, head, j)) continue;
                    for (index_t d = 0; into_k && d < p.s.head_dim; ++d) p.k(b, head, j, d) = value;
                    for (index_t d = 0; into_v && d < p.s.value_dim; ++d) p.v(b, head, j, d) = value;
                }
    }
};

bool keeps(const call::problem& p, index_t b, index_t h, index_t row, index_t j) {
    const bool exists = p.kv_lengths.empty() || j < p.kv_lengths[static_cast<std::size_t>(b)];
    return exists && p.keep(b, h, row + p.q_offset, j);
}

/// Does a row keep a poisoned key?
bool exposed(const call::problem& p, poison& bad, index_t b, index_t h, index_t row) {
    for (index_t j = 0; j < p.s.kv_len; ++j)
        if (bad.at(b, h / (p.s.heads / p.s.kv_heads), j) && keeps(p, b, h, row, j)) return true;
    return false;
}

/// Rows that keep no poisoned key must have the bits of `clean`; the others must be NaN where `shows`.
std::string judge(call::problem& p, poison& bad, inputs::tensor& clean_o, inputs::tensor& clean_lse, bool shows) {
    for (index_t b = 0; b < p.s.batch; ++b)
        for (index_t h = 0; h < p.s.heads; ++h)
            for (index_t row = 0; row < p.s.q_len; ++row) {
                const bool hit = exposed(p, bad, b, h, row);
                for (index_t d = 0; d < p.s.value_dim; ++d) {
                    const float got = p.o(b, h, row, d), want = clean_o(b, h, row, d);
                    const bool good = hit ? (!shows || std::isnan(got)) : compare::bits(got) == compare::bits(want);
                    if (!good)
                        return compare::place(b, h, row, d, static_cast<double>(want), static_cast<double>(got)) +
                               (hit ? " (a NaN vanished)" : " (a masked key leaked)");
                }
                if (!hit && compare::bits(p.lse(b, h, row, 0)) != compare::bits(clean_lse(b, h, row, 0)))
                    return "lse of q=" + std::to_string(row) + " changed";
            }
    return "";
}

call::shape draw(inputs::random& r) {
    call::shape s;
    s.batch = r.between(1, 2);
    s.kv_heads = r.between(1, 2);
    s.heads = s.kv_heads * r.between(1, 3);
    s.q_len = r.pick(std::vector<index_t>{1, 3, 8, 16, 17, 33, 64, 70});
    s.kv_len = r.pick(std::vector<index_t>{1, 5, 16, 33, 64, 65, 127, 129, 200, 300});
    s.head_dim = r.pick(std::vector<index_t>{4, 8, 13, 16});
    s.value_dim = r.pick(std::vector<index_t>{5, 8, 16});
    return s;
}

}  // namespace

TEST_CASE("masked keys have no influence", "[attention][poison]") {
    int pairs = 0, failures = 0;
    for (std::uint64_t seed = 1; seed <= 1100 && failures < 10; ++seed) {
        inputs::random r(seed);
        call::problem p(draw(r));
        p.fill(r);
        p.q_offset = r.coin() ? 0 : r.between(0, p.s.kv_len);
        if (r.coin(0.25))
            for (index_t b = 0; b < p.s.batch; ++b) p.kv_lengths.push_back(r.between(0, p.s.kv_len));
        std::vector<std::shared_ptr<mask_cases::detail::ints>> store;
        const auto m = mask_cases::make(static_cast<int>(seed) % mask_cases::count, r,
                                        {p.s.batch, p.s.heads, p.s.q_len + p.q_offset, p.s.kv_len}, store);
        p.keep = m.keep;
        // Every key that no row keeps, and in every other case a few that some rows keep.
        poison bad(p.s);
        const bool some_kept = seed / mask_cases::count % 2 == 1;
        for (index_t b = 0; b < p.s.batch; ++b)
            for (index_t head = 0; head < p.s.kv_heads; ++head)
                for (index_t j = 0; j < p.s.kv_len; ++j) {
                    bool kept = false;
                    const index_t group = p.s.heads / p.s.kv_heads;
                    for (index_t h = head * group; h < (head + 1) * group; ++h)
                        for (index_t row = 0; row < p.s.q_len; ++row) kept = kept || keeps(p, b, h, row, j);
                    bad.at(b, head, j) = !kept || (some_kept && r.coin(0.02));
                }
        bad.put(p, 0.0f, true, true);
        p.run(m.mask, domino::score);
        auto clean_o = p.o, clean_lse = p.lse;
        struct dose {
            float value;
            bool k, v;
        };
        for (const dose& d :
             {dose{not_a_number, true, true}, dose{not_a_number, false, true}, dose{not_a_number, true, false},
              dose{infinite, true, true}, dose{-infinite, true, true}, dose{1e38f, true, true}}) {
            bad.put(p, 0.0f, true, true);
            bad.put(p, d.value, d.k, d.v);
            p.run(m.mask, domino::score);
            const std::string problem = judge(p, bad, clean_o, clean_lse, std::isnan(d.value));
            ++pairs;
            if (!problem.empty()) {
                ++failures;
                FAIL_CHECK("seed " << seed << " mask " << m.name << " " << p.s << " q_offset=" << p.q_offset
                                   << " value " << d.value << (d.k ? " in K" : "") << (d.v ? " in V" : "") << ": "
                                   << problem);
            }
        }
    }
    CHECK(pairs >= 2000);
}

TEST_CASE("a window leaves leading tiles empty (M6: window 10, 640 rows)", "[attention][poison]") {
    inputs::random r(31);
    call::problem p({.q_len = 640, .kv_len = 640, .head_dim = 16, .value_dim = 16});
    p.fill(r);
    p.keep = [](auto, auto, index_t i, index_t j) { return i - j < 10 && j - i < 10; };
    p.run(domino::any_mask(domino::abs(domino::q - domino::kv) < 10), domino::score);
    CHECK(p.difference() == "");
}

TEST_CASE("rows that see nothing are +0.0 and -inf wherever they are (M7)", "[attention][poison]") {
    inputs::random r(32);
    call::problem p({.heads = 2, .kv_heads = 1, .q_len = 150, .kv_len = 140, .head_dim = 8, .value_dim = 8});
    p.fill(r);
    for (index_t begin = 0; begin < 150; begin += 13)
        for (index_t count : {1, 2, 16, 33, 64, 149}) {
            const index_t end = std::min<index_t>(150, begin + count);
            p.keep = [=](auto, auto, index_t i, index_t) { return i < begin || i >= end; };
            p.run(domino::any_mask(domino::q < begin || domino::q >= end), domino::score);
            CAPTURE(begin, end);
            CHECK(p.difference() == "");
        }
}

TEST_CASE("softcap comes before the mask (M17, llama.cpp#29034)", "[attention][poison]") {
    inputs::random r(33);
    // One key more than a tile, whatever the tile: the ragged tail must not count as keys of score 0.
    for (index_t keys : {2, 9, 17, 33, 49, 65, 97, 129, 193, 257, 385, 513}) {
        call::problem p({.q_len = 20, .kv_len = keys, .head_dim = 8, .value_dim = 8});
        p.fill(r, 4.0);
        p.q_offset = keys - 20;
        p.score = [](double s, auto, auto, auto, auto) { return 5.0 * std::tanh(s / 5.0); };
        CAPTURE(keys);
        p.run(domino::any_mask(domino::full), domino::softcap(5.0f));
        CHECK(p.difference() == "");
        // With a mask, and poison behind it.
        p.keep = [](auto, auto, index_t i, index_t j) { return j <= i && j % 3 != 1; };
        for (index_t j = 1; j < keys; j += 3)
            for (index_t d = 0; d < 8; ++d) p.k(0, 0, j, d) = p.v(0, 0, j, d) = j % 2 == 0 ? 1e30f : not_a_number;
        p.run(domino::any_mask(domino::causal && domino::kv % 3 != 1), domino::softcap(5.0f));
        CHECK(p.difference() == "");
    }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What torch's FlexAttention and attention-gym say of about a thousand masks; golden/flex/generate.py wrote it down.
#include <domino/kernel/any_mask.hpp>
#include <domino/mask/mask.hpp>
#include <domino/score/score.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "catch.hpp"

using namespace domino;

namespace {

using numbers = std::vector<index_t>;
numbers from(const numbers& p, std::size_t begin, std::size_t end = ~std::size_t{0}) {
    return {p.begin() + static_cast<std::ptrdiff_t>(begin),
            p.begin() + static_cast<std::ptrdiff_t>(std::min(end, p.size()))};
}
auto owned(std::string name, const numbers& values) {
    return tabulate<std::int32_t>(
        std::move(name), [&](index_t i) { return values[static_cast<std::size_t>(i)]; }, std::ssize(values));
}

/// The numbers of a case, as generate.py wrote them -> our mask.
const std::map<std::string, std::function<any_mask(const numbers&)>> makers{
    {"causal", [](const numbers&) -> any_mask { return causal; }},
    {"sliding", [](const numbers& p) -> any_mask { return last_n(p[0] + 1); }},
    {"dilated", [](const numbers& p) -> any_mask { return dilated(p[0], p[1]); }},
    {"prefix", [](const numbers& p) -> any_mask { return prefix_lm(p[0]); }},
    {"global", [](const numbers& p) -> any_mask { return longformer(p[0], owned("global", from(p, 1))); }},
    {"documents", [](const numbers& p) -> any_mask { return same_document(document_ids(p)); }},
    {"documents_causal", [](const numbers& p) -> any_mask { return per_document(causal, p); }},
    {"documents_sliding", [](const numbers& p) -> any_mask { return per_document(last_n(p[0] + 1), from(p, 1)); }},
    {"documents_packed", [](const numbers& p) -> any_mask { return document_causal(p); }},
    {"shared_prefix",
     [](const numbers& p) -> any_mask {
         const auto n = static_cast<std::size_t>(p[0]);
         return shared_prefix(from(p, 1, n + 2), from(p, n + 2));
     }},
    {"batchify_causal", [](const numbers& p) -> any_mask { return batchify(causal, p[0]); }},
    {"batchify_sliding", [](const numbers& p) -> any_mask { return batchify(last_n(p[0] + 1), p[1]); }},
    {"flamingo",
     [](const numbers& p) -> any_mask {
         numbers begins, ends;
         for (std::size_t i = 1; i < p.size(); i += 2) begins.push_back(p[i]), ends.push_back(p[i + 1]);
         return vision_cross(owned("begins", begins), owned("ends", ends), p[0]);
     }},
    {"tree", [](const numbers& p) -> any_mask { return tree(p[0], from(p, 1)); }},
    {"draft", [](const numbers& p) -> any_mask { return draft_blocks(p[0], p[1]); }},
    {"block_diffusion", [](const numbers& p) -> any_mask { return block_diffusion(p[0], p[1]); }},
    // attention-gym's x counts rows here (in its tiled and Morton versions columns): its kernel is ours, turned
    {"natten",
     [](const numbers& p) -> any_mask {
         return natten({p[0], p[1]}, {p[3], p[2]});
     }},
    {"natten_not_square",
     [](const numbers& p) -> any_mask {
         return natten({p[0], p[1]}, {p[3], p[2]});
     }},
    {"natten_tiled",
     [](const numbers& p) -> any_mask {
         return natten_tiled({p[0], p[1]}, {p[2], p[3]}, {p[4], p[5]});
     }},
    {"natten_morton",
     [](const numbers& p) -> any_mask {
         return natten_morton({p[0], p[1]}, {p[2], p[3]});
     }},
    {"sta_2d",
     [](const numbers& p) -> any_mask {
         return sliding_tile({p[0], p[1]}, {p[2], p[3]}, {p[4], p[5]}, p[6]);
     }},
    {"sta_3d",
     [](const numbers& p) -> any_mask {
         return sliding_tile_3d({p[0], p[1], p[2]}, {p[3], p[4], p[5]}, {p[6], p[7], p[8]}, p[9]);
     }},
    {"svg_spatial", [](const numbers& p) -> any_mask { return video_spatial(p[0], p[1], p[2]); }},
    {"svg_temporal", [](const numbers& p) -> any_mask { return video_temporal(p[0], p[1], p[2]); }},
    {"vsa",
     [](const numbers& p) -> any_mask {
         const auto k = (std::ssize(p) - 3) / p[1];
         const auto selected = tabulate<std::int32_t>(
             "top", [&](index_t i, index_t j) { return p[static_cast<std::size_t>(3 + i * k + j)]; }, p[1], k);
         return selected_blocks(selected, p[2], p[0], p[0]);
     }},
    {"and", [](const numbers& p) -> any_mask { return prefix_lm(p[0]) && last_n(p[1] + 1); }},
};

std::string folder() { return GOLDEN_DIR "/flex/"; }

template <class T>
std::vector<T> read_until_bar(std::istream& line) {
    std::vector<T> out;
    for (std::string word; line >> word && word != "|";) out.push_back(static_cast<T>(std::stod(word)));
    return out;
}

}  // namespace

TEST_CASE("FlexAttention's masks are ours") {
    std::ifstream file(folder() + "masks.txt");
    std::map<std::string, int> same, different;
    for (std::string text; std::getline(file, text);) {
        std::istringstream line(text);
        std::string name, digits;
        line >> name;
        const numbers parameters = read_until_bar<index_t>(line), shape = read_until_bar<index_t>(line);
        line >> digits;
        const any_mask m = makers.at(name)(parameters);
        int wrong = 0;
        for (index_t bit = 0; bit < shape[0] * shape[1]; ++bit) {
            const char digit = digits[static_cast<std::size_t>(bit / 4)];
            const int four = digit <= '9' ? digit - '0' : digit - 'a' + 10;
            wrong += (four >> (3 - bit % 4) & 1) != attends(m, 0, 0, bit / shape[1], bit % shape[1]);
        }
        if (name == "natten_not_square") {
            ++(wrong ? different : same)[name];
            continue;
        }
        INFO(text);
        CHECK(wrong == 0);
        ++same[name];
    }
    int cases = 0;
    for (const auto& [name, maker] : makers) {
        INFO(name);
        CHECK(same[name] + different[name] >= 10);
        cases += same[name];
    }
    CHECK(cases > 900);
    // attention-gym takes a row's number for a column's when it clamps, which shows on canvases that are not square. Ours
    // is held by its formula (catalogue_entries).
    CHECK(different["natten_not_square"] > 0);
}

TEST_CASE("attention-gym's score mods are ours") {
    std::ifstream file(folder() + "scores.txt");
    int cases = 0;
    for (std::string text; std::getline(file, text); ++cases) {
        std::istringstream line(text);
        std::string name;
        line >> name;
        const auto p = read_until_bar<float>(line);
        const auto shape = read_until_bar<index_t>(line);
        const auto want = read_until_bar<float>(line);
        const index_t heads = shape[0], n = shape[1];
        INFO(name << " of " << heads << " heads");
        REQUIRE(std::ssize(want) == heads * n * n);
        const auto worst = [&](const auto& score_mod) {
            double largest = 0;
            for (index_t i = 0; i < std::ssize(want); ++i) {
                const index_t head = i / (n * n), row = i / n % n, key = i % n;
                const float s = 0.25f * static_cast<float>((3 * head + 5 * row + 7 * key) % 11) - 1;
                const float got = evaluate(score_mod, point{0, head, row, key, s});
                const double reference = want[static_cast<std::size_t>(i)];
                largest = std::max(largest, std::abs(double(got) - reference) / std::max(1.0, std::abs(reference)));
            }
            return largest;
        };
        constexpr double few_ulp = 1e-6, sums_of_64_cosines = 2e-5;
        if (name == "alibi") {
            const auto slopes = alibi_slopes_geometric(heads);
            CHECK(worst(alibi_signed(table(slopes))) < few_ulp);
        } else if (name == "sandwich") {
            CHECK(worst(sandwich(heads, static_cast<index_t>(p[1]), static_cast<index_t>(p[2]))) < sums_of_64_cosines);
        } else if (name == "graphormer") {
            const auto distances = tabulate<std::int32_t>(
                "distances",
                [&](index_t, index_t i, index_t j) {
                    return static_cast<std::int32_t>(p[static_cast<std::size_t>(6 * i + j)]);
                },
                1, 6, 6);
            const auto values = tabulate<float>(
                "values", [&](index_t i, index_t j) { return p[static_cast<std::size_t>(36 + 5 * i + j)]; }, heads, 5);
            CHECK(worst(graphormer(values, distances)) < few_ulp);
        } else if (name == "graphormer_edges") {
            const auto entry = [&](index_t i) { return p[static_cast<std::size_t>(i)]; };
            const auto types = tabulate<std::int32_t>(
                "types",
                [&](index_t, index_t i, index_t j, index_t k) {
                    return static_cast<std::int32_t>(entry(18 * i + 3 * j + k));
                },
                1, 6, 6, 3);
            const auto lengths = tabulate<std::int32_t>(
                "lengths",
                [&](index_t, index_t i, index_t j) { return static_cast<std::int32_t>(entry(108 + 6 * i + j)); }, 1, 6,
                6);
            const auto values = tabulate<float>(
                "values", [&](index_t i, index_t j, index_t k) { return entry(144 + 12 * i + 4 * j + k); }, heads, 3,
                4);
            CHECK(worst(graphormer_edges<3>(values, types, lengths)) < few_ulp);
        } else {
            REQUIRE(name == "softcap");
            CHECK(worst(softcap(p[0])) < few_ulp);
        }
    }
    CHECK(cases == 28);
}

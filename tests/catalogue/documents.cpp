// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "entries.hpp"

namespace catalogue {

namespace {
const std::vector<int> ids{0, 0, 0, 1, 1, -1, -1, 2, 2, 2, 2, 2, -1, 3, 4, 4, 4, 4, 4, 6, 6, -1};
const std::vector<int> spans{0, 0, 3, 3, 3, 3, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 0, 5, 5, 0};
const std::vector<int> q_ids{1, 1, 2, 2, 2, -1, 5}, kv_ids{-1, 1, 1, 1, 2, 2, 4, 5, 5, -1, 6};
const std::vector<int> cu{0, 4, 9, 9, 16, 21};
const std::vector<int> parents{0, 0, 1, 1, 4};
const std::vector<int> lengths{5, 0, 13}, begins{2, 0, 4}, ends{9, 0, 13};
const std::vector<int> valid{1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0};

index_t document(index_t token) {
    index_t i = 0;
    while (token >= cu[at(i + 1)]) ++i;
    return i;
}
}  // namespace

std::vector<entry> documents() {
    const mask_shape padded{1, 1, 22, 22}, packed{1, 1, 21, 21}, batch{3, 1, 11, 13};
    const auto same = [](const std::vector<int>& of, index_t i, index_t j, int blank) {
        return of[at(i)] == of[at(j)] && of[at(i)] != blank;
    };
    std::vector<entry> out;
    out.push_back(make("same_document(ids)", same_document(table(ids)), padded,
                       [=](index_t i, index_t j) { return same(ids, i, j, -1); }));
    out.push_back(make("causal && same_document(ids)", causal && same_document(table(ids)), padded,
                       [=](index_t i, index_t j) { return j <= i && same(ids, i, j, -1); }));
    out.push_back(make(
        "same_segment(q_ids, kv_ids)", same_segment(table(q_ids), table(kv_ids)), {1, 1, 7, 11},
        [](index_t i, index_t j) { return kv_ids[at(j)] >= 0 && kv_ids[at(j)] == q_ids[at(i)]; }, false));
    out.push_back(make("causal_or_same_type(spans)", causal_or_same_type(table(spans)), packed,
                       [=](index_t i, index_t j) { return j <= i || same(spans, i, j, 0); }));
    out.push_back(make("last_n_or_same_type(4, spans)", last_n_or_same_type(4, table(spans)), packed,
                       [=](index_t i, index_t j) { return (j <= i && i - j < 4) || same(spans, i, j, 0); }));
    out.push_back(make("same_type_within_last_n(4, spans)", same_type_within_last_n(4, table(spans)), packed,
                       [=](index_t i, index_t j) { return (j <= i || same(spans, i, j, 0)) && i - j < 4; }));
    out.push_back(make("same_document(document_ids(cu_seqlens))", same_document(document_ids(cu)), packed,
                       [](index_t i, index_t j) { return document(i) == document(j); }));
    out.push_back(make("document_causal(cu_seqlens)", document_causal(cu), packed,
                       [](index_t i, index_t j) { return j <= i && document(i) == document(j); }));
    out.push_back(make("per_document(last_n_with_sinks(2, 1), cu_seqlens)", per_document(last_n_with_sinks(2, 1), cu),
                       packed, [](index_t i, index_t j) {
                           return document(i) == document(j) && j <= i && (i - j < 2 || j == cu[at(document(j))]);
                       }));
    out.push_back(
        make("shared_prefix(cu_seqlens, prefix_of)", shared_prefix(cu, parents), packed, [](index_t i, index_t j) {
            const index_t x = document(i), y = document(j);
            return (x == y && j <= i) || (x != y && parents[at(x)] == y);
        }));
    out.push_back(make("kv_length(lengths)", kv_length(table(lengths)), batch,
                       [](index_t n, index_t, index_t, index_t j) { return j < lengths[at(n)]; }));
    out.push_back(make("left_padding(4)", left_padding(4), {1, 1, 11, 13}, [](index_t, index_t j) { return j >= 4; }));
    out.push_back(make("key_range(begins, ends)", key_range(table(begins), table(ends)), batch,
                       [](index_t n, index_t, index_t, index_t j) { return j >= begins[at(n)] && j < ends[at(n)]; }));
    out.push_back(make("valid_keys(valid)", valid_keys(table(valid)), {1, 1, 11, 13},
                       [](index_t, index_t j) { return valid[at(j)] == 1; }));
    return out;
}

}  // namespace catalogue

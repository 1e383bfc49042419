// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention through the entries of the catalogue, against the float64 reference over their formulas: all of them through
// one kernel for erased masks, a handful through kernels of their own.
#include "attention_call.hpp"
#include "catalogue/entries.hpp"
#include "catch.hpp"

using namespace domino;

namespace {

template <class M>
std::string difference(const catalogue::entry& e, const M& m) {
    inputs::random r(7);
    ::call::problem p({e.shape.batch, e.shape.heads, 1, e.shape.q_len, e.shape.kv_len, 8, 8});
    p.fill(r);
    p.keep = e.keep;
    p.run(m, score);
    return p.difference();
}

const catalogue::entry& named(const std::vector<catalogue::entry>& entries, const std::string& name) {
    for (const auto& e : entries)
        if (e.name == name) return e;
    FAIL("no entry " << name);
    return entries.front();
}

}  // namespace

TEST_CASE("attention agrees with the reference under every mask of the catalogue") {
    for (const auto& e : catalogue::all()) {
        INFO(e.name);
        CHECK(difference(e, e.mask) == "");
    }
}

TEST_CASE("and in kernels of their own") {
    const std::vector<int> parents{-1, 0, 0, 1, 1, 4, -1, 6, 3};
    const auto entries = catalogue::all();
    CHECK(difference(named(entries, "tree(6, parents)"), tree(6, parents)) == "");
    CHECK(difference(named(entries, "natten({7, 5}, {3, 5})"), natten({7, 5}, {3, 5})) == "");
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cache of pages that sequences share.
#pragma once

#include <algorithm>
#include <utility>

#include "domino/cache/tokens.hpp"

namespace domino::inline DOMINO_ARCH {

/// Reference counts of `pages` pages, each free at first.
class page_pool {
public:
    explicit page_pool(index_t pages) : uses_(static_cast<std::size_t>(detail::at_least(0, pages, "pages"))) {
        for (index_t page = pages; page-- > 0;) free_.push_back(static_cast<std::int32_t>(page));
    }
    /// How many there are, and how many of them are free.
    index_t pages() const { return static_cast<index_t>(uses_.size()); }
    index_t free() const { return static_cast<index_t>(free_.size()); }
    /// How often a page is used; 0 for a free one.
    index_t uses(std::int32_t page) const {
        return page >= 0 && page < pages() ? uses_[static_cast<std::size_t>(page)] : 0;
    }

    /// A free page, now used once. Throws where there is none.
    std::int32_t allocate() {
        if (free_.empty()) detail::fail("page_pool", "a free page", "all " + std::to_string(pages()) + " in use");
        const std::int32_t page = free_.back();
        free_.pop_back();
        uses_[static_cast<std::size_t>(page)] = 1;
        return page;
    }
    /// One more use. Throws for a page that is free or not of this pool.
    void share(std::int32_t page) { ++used(page); }
    /// One use less; a page without any is free. Throws for a page that is free already or not of this pool.
    void release(std::int32_t page) {
        if (--used(page) == 0) free_.push_back(page);
    }

private:
    index_t& used(std::int32_t page) {
        if (page < 0 || page >= pages())
            detail::fail("page", "one of " + std::to_string(pages()) + " pages", std::to_string(page));
        index_t& uses = uses_[static_cast<std::size_t>(page)];
        if (uses == 0) detail::fail("page", "a page in use", std::to_string(page) + ", which is free");
        return uses;
    }

    std::vector<index_t> uses_;
    std::vector<std::int32_t> free_;
};

/// Sequences of any number and length in pages of shape.cells tokens, which they share where they have a prefix in
/// common; shape.batch is the number of pages. A shared page is copied before one of its sequences writes into it.
///
///     paged_cache<float> cache({.layers = 30, .batch = pages, .heads = 3, .cells = 16, .head_dim = 64});
///     const index_t prompt = cache.open();
///     auto one = cache.select({prompt});                   // a KvCache: extend(), store(), keys(), values(), positions()
///     const index_t answer = cache.fork(prompt);           // shares all pages so far
///     auto both = cache.select({prompt, answer});          // a batch of two
///
/// (vLLM, attnax PagedKVCache)
template <Element T>
class paged_cache {
public:
    class selection;

    /// Throws where an extent is not positive (pages: negative) or a product of extents overflows.
    explicit paged_cache(const cache_shape& shape)
        : layers_(shape, shape.batch), pool_(shape.batch), page_size_(shape.cells) {}

    index_t page_size() const { return page_size_; }
    const page_pool& pool() const { return pool_; }
    std::size_t bytes() const { return layers_.bytes(); }

    /// A new, empty sequence; its number.
    index_t open() { return insert({}); }
    /// A new sequence that begins with the first `tokens` of another and shares their pages.
    index_t fork(index_t original, index_t tokens) {
        sequence copy = of(original);
        if (tokens < 0 || tokens > copy.end())
            detail::fail("tokens", "0 to " + std::to_string(copy.end()), std::to_string(tokens));
        copy.cut(tokens);
        copy.pages.resize(static_cast<std::size_t>(pages_for(tokens)));
        for (const std::int32_t page : copy.pages)
            if (page >= 0) pool_.share(page);
        return insert(std::move(copy));
    }
    index_t fork(index_t original) { return fork(original, end(original)); }
    /// Ends a sequence; pages that no other uses are free again. Its number may become another's; selections of it refuse
    /// to be used then.
    void close(index_t id) {
        release_from(of(id), 0);
        of(id).is_open = false;
        ++changes_;
    }
    /// Gives back the pages of which all tokens lie below `position`, as when a window has passed them; their cells then
    /// hold nothing.   (vLLM's sliding-window blocks)
    void evict_before(index_t id, position_t position) {
        sequence& s = of(id);
        for (index_t i = 0; i < std::ssize(s.pages); ++i) {
            std::int32_t& page = s.pages[static_cast<std::size_t>(i)];
            const auto begin = s.positions.begin() + i * page_size_;
            const auto end = begin + std::min<index_t>(page_size_, s.positions.end() - begin);
            if (page < 0 || std::any_of(begin, end, [&](position_t p) { return p >= position; })) continue;
            pool_.release(std::exchange(page, -1));
            s.evicted = std::max(s.evicted, *std::max_element(begin, end));
            std::fill(begin, end, -1);
        }
        ++changes_;
    }
    /// As linear_cache::keep, for a sequence: of its tokens from `first` on only those listed stay. Throws, and changes
    /// nothing, where a shared page must be copied and none is free.
    void keep(index_t id, index_t first, std::span<const index_t> kept = {}) {
        sequence& s = of(id);
        detail::check_kept(first, s.end(), kept);
        const index_t end = first + std::ssize(kept);
        const bool moves = !kept.empty() && kept.back() != end - 1;
        if (moves) {
            index_t copies = 0;
            for (index_t i = first / page_size_; i < pages_for(end); ++i) copies += needs_copy(s, i);
            check_free(copies);
            own(s, first, end);
        }
        for (index_t to = first; const index_t token : kept) {
            if (token != to && s.place(token, page_size_).slab >= 0)
                layers_.copy(s.place(token, page_size_), s.place(to, page_size_));
            s.positions[static_cast<std::size_t>(to++)] = s.positions[static_cast<std::size_t>(token)];
        }
        s.cut(end);
        release_from(s, pages_for(end));
        ++changes_;
    }

    index_t end(index_t id) const { return of(id).end(); }
    /// The pages of a sequence in order; -1 for an evicted one.
    std::span<const std::int32_t> pages(index_t id) const { return of(id).pages; }
    /// The positions of its tokens.
    std::span<const position_t> positions(index_t id) const { return of(id).positions; }

    /// These sequences, all different, as a batch. The cache must stay where it is while the selection lives.
    selection select(std::vector<index_t> ids) { return selection(*this, std::move(ids)); }

private:
    struct sequence {
        std::vector<std::int32_t> pages;
        std::vector<position_t> positions;
        position_t last = -1, evicted = -1;  ///< of all tokens so far, and of those that were evicted
        index_t opened = 0;                  ///< tells it from others of its number, before and after it
        bool is_open = true;

        index_t end() const { return static_cast<index_t>(positions.size()); }
        void cut(index_t tokens) {
            if (tokens == end()) return;
            positions.resize(static_cast<std::size_t>(tokens));
            const auto real = std::find_if(positions.rbegin(), positions.rend(), [](position_t p) { return p >= 0; });
            if (tokens == 0) evicted = -1;
            last = std::max(evicted, real == positions.rend() ? -1 : *real);
        }
        detail::cell place(index_t token, index_t page_size) const {
            return {pages[static_cast<std::size_t>(token / page_size)], token % page_size};
        }
    };

    index_t pages_for(index_t tokens) const { return (tokens + page_size_ - 1) / page_size_; }
    const sequence& of(index_t id) const {
        if (id < 0 || id >= std::ssize(sequences_) || !sequences_[static_cast<std::size_t>(id)].is_open)
            detail::fail("sequence", "an open one", std::to_string(id));
        return sequences_[static_cast<std::size_t>(id)];
    }
    sequence& of(index_t id) { return const_cast<sequence&>(std::as_const(*this).of(id)); }
    index_t insert(sequence&& s) {
        const auto place = std::find_if(sequences_.begin(), sequences_.end(), [](const auto& x) { return !x.is_open; });
        const index_t id = place - sequences_.begin();
        s.opened = ++changes_;
        if (place == sequences_.end()) sequences_.push_back(std::move(s));
        else *place = std::move(s);
        return id;
    }
    void release_from(sequence& s, index_t first) {
        for (; std::ssize(s.pages) > first; s.pages.pop_back())
            if (s.pages.back() >= 0) pool_.release(s.pages.back());
    }
    void check_free(index_t needed) const {
        if (needed > pool_.free())
            detail::fail("paged_cache", std::to_string(needed) + " free pages", std::to_string(pool_.free()));
    }
    /// Whether the sequence cannot write into its page i: it is shared, or not there.
    bool needs_copy(const sequence& s, index_t i) const {
        return i >= std::ssize(s.pages) || pool_.uses(s.pages[static_cast<std::size_t>(i)]) != 1;
    }
    /// Makes the pages of tokens [first, end) the sequence's own.
    void own(sequence& s, index_t first, index_t end) {
        if (first == end) return;
        for (index_t i = first / page_size_; i < pages_for(end); ++i) {
            if (!needs_copy(s, i)) continue;
            const std::int32_t page = pool_.allocate();
            if (i == std::ssize(s.pages)) s.pages.push_back(-1);
            const std::int32_t old = std::exchange(s.pages[static_cast<std::size_t>(i)], page);
            if (old < 0) continue;
            const index_t used = std::min(s.end() - i * page_size_, page_size_);
            for (index_t slot = 0; slot < used; ++slot) layers_.copy(detail::cell{old, slot}, detail::cell{page, slot});
            pool_.release(old);
        }
    }

    detail::cache_layers<T> layers_;
    page_pool pool_;
    index_t page_size_, changes_ = 0;
    std::vector<sequence> sequences_;
};

/// Some sequences of a paged cache as a batch: a KvCache. keys(), values() and positions() lay out the batch anew where sequences
/// have changed: the first call after a change is for one thread.
template <Element T>
class paged_cache<T>::selection {
public:
    index_t batch() const { return static_cast<index_t>(ids_.size()); }
    index_t end(index_t b_) const { return cache_->end(id(b_)); }

    /// As linear_cache::extend; takes pages from the pool. Throws, and changes nothing, where they do not suffice.
    void extend(std::span<const position_t> positions, std::span<const index_t> counts = {}) {
        detail::new_tokens added(batch(), positions, counts);
        paged_cache& c = *cache_;
        index_t fresh = 0;
        std::vector<std::int32_t> shared;  // pages that several sequences may be about to copy
        for (index_t b_ = 0; b_ < batch(); ++b_) {
            const sequence& s = c.of(id(b_));
            const auto tokens = added.of(b_, positions);
            detail::last_position(s.last, tokens);
            if (tokens.empty()) continue;
            for (index_t i = s.end() / c.page_size_; i < c.pages_for(s.end() + std::ssize(tokens)); ++i) {
                if (i < std::ssize(s.pages) && s.pages[static_cast<std::size_t>(i)] >= 0)
                    shared.push_back(s.pages[static_cast<std::size_t>(i)]);
                else ++fresh;
            }
        }
        std::sort(shared.begin(), shared.end());
        for (auto page = shared.begin(); page != shared.end();) {  // the last one that uses a page need not copy it
            const auto next = std::find_if(page, shared.end(), [&](auto p) { return p != *page; });
            fresh += std::min<index_t>(next - page, c.pool_.uses(*page) - 1);
            page = next;
        }
        c.check_free(fresh);
        first_.clear();
        for (index_t b_ = 0; b_ < batch(); ++b_) {
            sequence& s = c.of(id(b_));
            const auto tokens = added.of(b_, positions);
            first_.push_back(s.end());
            c.own(s, s.end(), s.end() + std::ssize(tokens));
            s.positions.insert(s.positions.end(), tokens.begin(), tokens.end());
            s.last = detail::last_position(s.last, tokens);
        }
        added_ = std::move(added);
        added_at_ = ++c.changes_;
    }
    /// Writes a layer's keys and values [batch, heads, len, head_dim] of the tokens of the last extend(). Throws where
    /// the cache's sequences have changed since.
    void store(index_t layer, const tensor_view<const float>& K, const tensor_view<const float>& V) {
        if (added_at_ != cache_->changes_)
            detail::fail("store", "a call right after extend()", "a cache changed since");
        cache_->layers_.store(layer, K, V, added_.counts, added_.len, [&](index_t b_, index_t i) {
            return cache_->of(id(b_)).place(first_[static_cast<std::size_t>(b_)] + i, cache_->page_size_);
        });
    }

    /// paged_cache::keep for entry b.
    void keep(index_t b_, index_t first, std::span<const index_t> kept = {}) { cache_->keep(id(b_), first, kept); }

    /// A layer's keys as a RowSource [batch, heads, len, head_dim], len being the longest sequence's. Valid until the
    /// cache's sequences change, as are values() and positions().
    auto keys(index_t layer) const { return source(cache_->layers_.keys(layer)); }
    auto values(index_t layer) const { return source(cache_->layers_.values(layer)); }
    /// The position of each token [batch, len]; -1 beyond a sequence's end and where a page was evicted.
    table_view<position_t, 2> positions() const {
        update();
        return table(positions_.data(), batch(), len_, "kv_position");
    }

private:
    friend paged_cache;
    selection(paged_cache& cache, std::vector<index_t> ids)
        : cache_(&cache), ids_(std::move(ids)), added_(static_cast<index_t>(ids_.size()), {}, {}) {
        for (std::size_t i = 0; i < ids_.size(); ++i) {
            opened_.push_back(cache.of(ids_[i]).opened);
            if (std::find(ids_.begin(), ids_.begin() + static_cast<index_t>(i), ids_[i]) !=
                ids_.begin() + static_cast<index_t>(i))
                detail::fail("ids", "sequences that differ", std::to_string(ids_[i]) + " twice");
        }
    }

    index_t id(index_t b_) const {
        if (b_ < 0 || b_ >= batch()) detail::fail("b", "0 to " + std::to_string(batch() - 1), std::to_string(b_));
        const index_t id = ids_[static_cast<std::size_t>(b_)];
        if (cache_->of(id).opened != opened_[static_cast<std::size_t>(b_)])
            detail::fail("sequence", "an open one", std::to_string(id) + ", which was closed and opened anew");
        return id;
    }
    auto source(const cache_rows<T>& rows) const {
        update();
        const auto pool = rows.view(cache_->page_size_);
        return paged_rows<std::remove_const_t<decltype(pool)>>{pool, block_table_.data(), table_stride_, batch(), len_};
    }
    /// Lays out the block table and the positions anew where sequences have changed.
    void update() const {
        if (updated_at_ == cache_->changes_) return;
        len_ = 0;
        for (index_t b_ = 0; b_ < batch(); ++b_) len_ = std::max(len_, end(b_));
        table_stride_ = cache_->pages_for(len_);
        block_table_.assign(static_cast<std::size_t>(batch() * table_stride_), -1);
        positions_.assign(static_cast<std::size_t>(batch() * len_), -1);
        for (index_t b_ = 0; b_ < batch(); ++b_) {
            const sequence& s = cache_->of(id(b_));
            std::copy(s.pages.begin(), s.pages.end(), block_table_.begin() + b_ * table_stride_);
            std::copy(s.positions.begin(), s.positions.end(), positions_.begin() + b_ * len_);
        }
        updated_at_ = cache_->changes_;
    }

    paged_cache* cache_;
    std::vector<index_t> ids_, opened_, first_;
    detail::new_tokens added_;
    index_t added_at_ = -1;
    mutable index_t updated_at_ = -1, table_stride_ = 0, len_ = 0;
    mutable std::vector<std::int32_t> block_table_;
    mutable std::vector<position_t> positions_;
};

}  // namespace domino::inline DOMINO_ARCH

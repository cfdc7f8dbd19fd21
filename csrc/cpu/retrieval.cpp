#include "engrain/retrieval.hpp"

#include <algorithm>
#include <utility>

#include "engrain/stems.hpp"

namespace engrain {

using Guard = std::lock_guard<std::mutex>;

RetrievalIndex::RetrievalIndex(const std::vector<std::size_t>& dims, std::string folder)
    : folder_(std::move(folder)), latent_rows_(0) {
    for (const std::size_t dim : dims) views_.emplace_back(dim, folder_);
    scopes_.emplace_back(views_);
}

void RetrievalIndex::add(std::uint32_t handle, const char* text, std::size_t size,
                         const float* const* vectors, const Origin& origin) {
    const Guard lock(mutex_);
    Pages::Words words;
    append_terms(text, size, words[Pages::terms]);
    Stems read = read_stems(text, size);
    words[Pages::stems] = std::move(read.stems);
    words[Pages::grams] = std::move(read.grams);
    words[Pages::pairs] = std::move(read.pairs);
    for (std::vector<Term>& own : words) std::sort(own.begin(), own.end());
    pages_.add(handle, words);
    lexical_.add(handle);
    for (CountedIndex* index : {&stems_, &grams_, &pairs_}) index->add(handle);
    live_.resize(handle, 0);
    live_.push_back(1);
    contexts_.resize(handle + 1);
    contexts_[handle] = context_of(text, size, origin);
    if (!origin.source.empty()) contexts_[handle].source = sources_.add(origin.source);
    if (latent_.known()) place_latent(handle);
    for (std::size_t i = 0; i < views_.size(); ++i) {
        views_[i].resize(handle + 1);
        if (vectors[i] != nullptr) views_[i].set(handle, vectors[i]);
    }
    if (origin.sequence >= 0) link(handle, origin.sequence);
    scopes_[0].insert(handle, views_, contexts_[handle].source);
}

void RetrievalIndex::learn_latent(const Term* terms, const float* idf, const float* basis,
                                  std::size_t n, std::size_t dim) {
    const Guard lock(mutex_);
    latent_.learn(terms, idf, basis, n, dim);
    latent_rows_ = CodedRows(latent_.dim());
    if (!latent_.known()) return;
    for (std::size_t handle = 0; handle < handles(); ++handle)
        if (live_[handle]) place_latent(static_cast<std::uint32_t>(handle));
}

void RetrievalIndex::place_latent(std::uint32_t handle) {
    const std::vector<TermCount> terms = stems_.counts(handle);
    std::vector<float> place(latent_.dim());
    latent_.place(terms.data(), terms.size(), place.data());
    if (latent_rows_.rows() <= handle) latent_rows_.resize(handle + 1);
    latent_rows_.set(handle, place.data());
    contexts_[handle].rarity = latent_.rarity(terms.data(), terms.size());
}

void RetrievalIndex::link(std::uint32_t handle, std::int64_t sequence) {
    ++links_;
    const auto [last, first] = last_.try_emplace(sequence, none);
    Context& own = contexts_[handle];
    own.sequence = sequence;
    if (!first) {
        own.previous = last->second;
        own.place = contexts_[own.previous].place + 1;
        contexts_[own.previous].next = handle;
    }
    last->second = handle;
}

void RetrievalIndex::unlink(std::uint32_t handle) {
    const Context own = contexts_[handle];
    if (own.sequence < 0) return;
    ++links_;
    if (own.previous != none) contexts_[own.previous].next = own.next;
    if (own.next != none) contexts_[own.next].previous = own.previous;
    for (std::uint32_t after = own.next; after != none; after = contexts_[after].next)
        --contexts_[after].place;
    if (own.next == none && own.previous == none)
        last_.erase(own.sequence);
    else if (own.next == none)
        last_[own.sequence] = own.previous;
}

void RetrievalIndex::remove(std::uint32_t handle) {
    const Guard lock(mutex_);
    for (Scope& scope : scopes_) scope.erase(handle, views_, contexts_[handle].source);
    unlink(handle);
    sources_.release(contexts_[handle].source);
    contexts_[handle] = {};
    lexical_.remove(handle);
    for (CountedIndex* index : {&stems_, &grams_, &pairs_}) index->remove(handle);
    pages_.remove(handle);
    for (VectorView& view : views_) view.clear(handle);
    live_[handle] = 0;
}

void RetrievalIndex::move(std::uint32_t handle, std::size_t view, const float* vector) {
    const Guard lock(mutex_);
    for (Scope& scope : scopes_) scope.before_move(handle, view, views_[view]);
    views_[view].move(handle, vector);
    for (Scope& scope : scopes_) scope.after_move(handle, view, views_[view]);
}

void RetrievalIndex::replace_view(std::size_t view, const float* rows, std::size_t dim) {
    const Guard lock(mutex_);
    VectorView replaced(dim, folder_);
    replaced.resize(handles());
    for (std::size_t handle = 0; handle < handles(); ++handle)
        if (live_[handle]) replaced.set(handle, rows + handle * dim);
    views_[view] = std::move(replaced);
    for (Scope& scope : scopes_) scope.replace_view(view, views_[view]);
}

std::uint32_t RetrievalIndex::add_scope() {
    const Guard lock(mutex_);
    scopes_.emplace_back(views_);
    return static_cast<std::uint32_t>(scopes_.size() - 1);
}

void RetrievalIndex::insert(std::uint32_t scope, std::uint32_t handle) {
    const Guard lock(mutex_);
    if (scopes_[scope].position(handle) < 0)
        scopes_[scope].insert(handle, views_, contexts_[handle].source);
}

void RetrievalIndex::clear_scope(std::uint32_t scope) {
    const Guard lock(mutex_);
    scopes_[scope].clear(views_);
}

void RetrievalIndex::observe(std::uint32_t scope, const float* const* vectors) {
    const Guard lock(mutex_);
    for (std::size_t i = 0; i < views_.size(); ++i)
        if (vectors[i] != nullptr) scopes_[scope].view(i).queries.add(vectors[i]);
}

}  // namespace engrain

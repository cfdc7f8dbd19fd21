#include "engrain/retrieval.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/flat.hpp"
#include "engrain/similarity.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

// Up to so many members are scored from their exact rows: the int8 scan pays above it, and its
// rounding would be felt in deviations taken over few documents.
constexpr std::size_t exact_up_to = 1024;

// Deviations below this are rounding of the scan, not differences between documents.
constexpr float code_noise = 0.004F, float_noise = 1e-6F;

using Guard = std::lock_guard<std::mutex>;

constexpr float least_bm25_sd = 0.3F, least_neighbour = -3.0F;
constexpr std::size_t feedback_documents = 5, ranked = 100;

}  // namespace

RetrievalIndex::RetrievalIndex(const std::vector<std::size_t>& dims) {
    for (const std::size_t dim : dims) views_.emplace_back(dim);
    scopes_.emplace_back(views_);
}

void RetrievalIndex::add(std::uint32_t handle, const char* text, std::size_t size,
                         const float* const* vectors, std::int64_t sequence) {
    const Guard lock(mutex_);
    std::vector<Term> terms;
    append_terms(text, size, terms);
    lexical_.add(handle, count_terms(terms));
    live_.resize(handle, 0);
    live_.push_back(1);
    neighbours_.resize(handle + 1);
    for (std::size_t i = 0; i < views_.size(); ++i) {
        views_[i].resize(handle + 1);
        if (vectors[i] != nullptr) views_[i].set(handle, vectors[i]);
    }
    if (sequence >= 0) link(handle, sequence);
    scopes_[0].insert(handle, views_);
}

void RetrievalIndex::link(std::uint32_t handle, std::int64_t sequence) {
    const auto [last, first] = last_.try_emplace(sequence, none);
    neighbours_[handle] = {sequence, last->second, none};
    if (!first && last->second != none) neighbours_[last->second].next = handle;
    last->second = handle;
}

void RetrievalIndex::unlink(std::uint32_t handle) {
    const Neighbours own = neighbours_[handle];
    if (own.sequence < 0) return;
    if (own.previous != none) neighbours_[own.previous].next = own.next;
    if (own.next != none) neighbours_[own.next].previous = own.previous;
    if (own.next == none && own.previous == none)
        last_.erase(own.sequence);
    else if (own.next == none)
        last_[own.sequence] = own.previous;
    neighbours_[handle] = {};
}

void RetrievalIndex::remove(std::uint32_t handle) {
    const Guard lock(mutex_);
    for (Scope& scope : scopes_) scope.erase(handle, views_);
    unlink(handle);
    lexical_.remove(handle);
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
    VectorView replaced(dim);
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
    if (scopes_[scope].position(handle) < 0) scopes_[scope].insert(handle, views_);
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

void RetrievalIndex::search(const char* text, std::size_t size, const float* const* vectors,
                            std::uint32_t scope, Search& search) {
    const Guard lock(mutex_);
    search.scope = scope;
    search.version = scopes_[scope].version();
    score_text(text, size, search);
    search.views.resize(views_.size());
    for (std::size_t i = 0; i < views_.size(); ++i)
        if (vectors[i] != nullptr) score_view(vectors[i], i, search);
    fuse(search);
}

void RetrievalIndex::score_text(const char* text, std::size_t size, Search& search) {
    std::vector<Term> terms;
    append_terms(text, size, terms);
    search.terms = count_terms(terms);
    for (const TermCount& term : search.terms) search.idf.push_back(lexical_.idf(term.term));
    search.average_length = static_cast<float>(lexical_.average_length());
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = members.size();
    search.bm25.resize(n);
    lexical_.score(search.terms, members, search.bm25.data());
    const Moments spread = moments(search.bm25.data(), n, n);
    const float deviation = static_cast<float>(spread.deviation);
    search.bm25_standard = {static_cast<float>(spread.mean), 1.0F / (deviation + float_noise)};
    search.bm25_sd = std::max(least_bm25_sd, deviation);
}

void RetrievalIndex::score_view(const float* vector, std::size_t i, Search& search) {
    const VectorView& view = views_[i];
    Scope& scope = scopes_[search.scope];
    ScopeView& seen = scope.view(i);
    Search::Cosines& cosines = search.views[i];
    const auto& members = scope.members();
    const std::size_t n = members.size();
    seen.refresh_mean();
    cosines.asked = true;
    cosines.query.assign(view.width(), 0.0F);
    seen.centre(vector, view.dim(), cosines.query.data());
    cosines.scores.resize(n);
    const bool exact = n <= exact_up_to;
    if (exact) {
        exact_cosines(search, i, members.data(), n, cosines.scores.data());
    } else {
        seen.refresh_gains(view, members);
        codes_.resize(view.width());
        dots_.resize(n);
        const float step = quantize_row(cosines.query.data(), view.width(), codes_.data());
        dot_codes(view.codes(), view.width(), members.data(), n, codes_.data(), dots_.data());
        float offset = 0.0F;
        score_rows(seen.mean.data(), cosines.query.data(), 1, view.width(), &offset);
        cosines_of_codes(dots_.data(), seen.gain.data(), seen.inverse.data(), n, step, offset,
                         cosines.scores.data());
    }
    const std::size_t count = static_cast<std::size_t>(seen.documents.count());
    const Moments spread = moments(cosines.scores.data(), n, count);
    const float deviation = static_cast<float>(spread.deviation);
    cosines.standard = {static_cast<float>(spread.mean),
                        1.0F / (exact ? deviation + float_noise : std::max(deviation, code_noise))};
    if (count == n) return;
    for (std::size_t j = 0; j < n; ++j)
        if (!view.has(members[j])) cosines.scores[j] = cosines.standard.mean;
}

void RetrievalIndex::exact_cosines(const Search& search, std::size_t i,
                                   const std::uint32_t* handles, std::size_t n, float* out) {
    const VectorView& view = views_[i];
    squared_.resize(n);
    centred_cosines(view.rows(), view.width(), handles, n,
                    scopes_[search.scope].view(i).mean.data(), search.views[i].query.data(),
                    squared_.data(), out);
    for (std::size_t j = 0; j < n; ++j)
        if (!view.has(handles[j])) out[j] = 0.0F;
}

float RetrievalIndex::standard_cosine(const Search& search, std::size_t i, std::uint32_t handle,
                                      float cosine) const noexcept {
    const Search::Cosines& cosines = search.views[i];
    return cosines.asked && views_[i].has(handle) ? cosines.standard.z(cosine) : 0.0F;
}

void RetrievalIndex::fuse(Search& search) {
    const std::size_t n = search.bm25.size();
    search.fixed.assign(n, 0.0F);
    add_standardized(search.bm25.data(), n, search.bm25_standard.mean, search.bm25_standard.inverse,
                     search.fixed.data());
    if (views_.empty() || !search.views[0].asked) return;
    const Search::Cosines& first = search.views[0];
    add_standardized(first.scores.data(), n, first.standard.mean, first.standard.inverse,
                     search.fixed.data());
}

bool RetrievalIndex::rank(Search& search, std::size_t n) {
    const Guard lock(mutex_);
    if (!current(search)) return false;
    order_best(search, n);
    return true;
}

std::int64_t RetrievalIndex::foreign(std::uint32_t scope, const std::uint32_t* handles,
                                     std::size_t n) {
    const Guard lock(mutex_);
    for (std::size_t i = 0; i < n; ++i)
        if (scopes_[scope].position(handles[i]) < 0) return static_cast<std::int64_t>(i);
    return -1;
}

void RetrievalIndex::order_best(Search& search, std::size_t n) {
    const auto& members = scopes_[search.scope].members();
    n = std::min(n, members.size());
    if (search.best.size() >= n && !search.best.empty()) return;
    // The scan proposes a quarter more than wanted; exact scores order them.
    std::vector<std::uint32_t> best(std::min(n + n / 4 + 8, members.size()));
    select_best(search.fixed.data(), members.size(), best.size(), best.data());
    std::vector<float> exact(best.size(), 0.0F);
    std::vector<std::uint32_t> handles(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) handles[i] = members[best[i]];
    if (!views_.empty() && search.views[0].asked)
        exact_cosines(search, 0, handles.data(), handles.size(), exact.data());
    std::vector<std::pair<float, std::uint32_t>> order(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) {
        const float cosine =
            views_.empty() ? 0.0F : standard_cosine(search, 0, handles[i], exact[i]);
        order[i] = {-(search.bm25_standard.z(search.bm25[best[i]]) + cosine), best[i]};
    }
    std::sort(order.begin(), order.end());
    search.best.resize(n);
    search.ranks.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        search.best[i] = order[i].second;
        search.ranks[i] = {order[i].second, static_cast<std::uint32_t>(i)};
    }
    std::sort(search.ranks.begin(), search.ranks.end());
}

std::size_t RetrievalIndex::rank_of(const Search& search, std::uint32_t position) const noexcept {
    const auto at = std::lower_bound(search.ranks.begin(), search.ranks.end(),
                                     std::pair<std::uint32_t, std::uint32_t>{position, 0});
    if (at != search.ranks.end() && at->first == position) return at->second;
    const std::size_t above =
        count_above(search.fixed.data(), search.fixed.size(), search.fixed[position]);
    return std::max(above, search.best.size());
}

// Unit centroid of the best static documents (pseudo-relevance feedback).
void RetrievalIndex::feedback_vector(Search& search, std::vector<float>& centroid) {
    const VectorView& view = views_[0];
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = std::min(feedback_documents, search.best.size());
    std::uint32_t handles[feedback_documents];
    for (std::size_t i = 0; i < n; ++i) handles[i] = members[search.best[i]];
    std::vector<float> rows(n * view.dim());
    centre_rows(view.rows(), view.width(), handles, n, scopes_[search.scope].view(0).mean.data(),
                view.dim(), rows.data());
    centroid.assign(view.dim(), 0.0F);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < view.dim(); ++j) centroid[j] += rows[i * view.dim() + j];
    float squared = 0.0F;
    score_rows(centroid.data(), centroid.data(), 1, view.dim(), &squared);
    const float inverse = squared > 1e-12F ? 1.0F / std::sqrt(squared) : 0.0F;
    for (float& value : centroid) value *= inverse;
}

float RetrievalIndex::neighbour_score(const Search& search, std::uint32_t handle) noexcept {
    if (handle == none) return 0.0F;
    const std::int64_t position = scopes_[search.scope].position(handle);
    return position < 0
               ? 0.0F
               : std::max(search.fixed[static_cast<std::size_t>(position)], least_neighbour);
}

bool RetrievalIndex::gather(Search& search, const std::uint32_t* handles, std::size_t n,
                            const Rows& out) {
    const Guard lock(mutex_);
    if (!current(search)) return false;
    order_best(search, ranked);
    std::vector<float> feedback(n, 0.0F), cosine(n);
    if (!views_.empty()) {
        ScopeView& seen = scopes_[search.scope].view(0);
        seen.refresh_mean();
        std::vector<float> centroid;
        feedback_vector(search, centroid);
        centre_rows(views_[0].rows(), views_[0].width(), handles, n, seen.mean.data(),
                    views_[0].dim(), out.centred);
        score_rows(out.centred, centroid.data(), n, views_[0].dim(), feedback.data());
    }
    for (std::size_t i = 0; i < n; ++i) write_row(search, handles[i], i, feedback[i], out);
    const std::size_t stride = columns();
    for (std::size_t v = 0; v < views_.size(); ++v) {
        if (!search.views[v].asked) continue;
        exact_cosines(search, v, handles, n, cosine.data());
        for (std::size_t i = 0; i < n; ++i)
            out.x[i * stride + 1 + v] = standard_cosine(search, v, handles[i], cosine[i]);
    }
    const std::size_t least = stride - 3;
    for (std::size_t i = 0; i < n; ++i) {
        float* row = out.x + i * stride;
        row[least] = std::min(row[0], row[1]);
        out.fixed[i] = row[0] + row[1];
    }
    return true;
}

// Every column but the cosines and s:min, which need the exact cosines.
void RetrievalIndex::write_row(Search& search, std::uint32_t handle, std::size_t i, float feedback,
                               const Rows& out) {
    const auto position = static_cast<std::uint32_t>(scopes_[search.scope].position(handle));
    const std::size_t cosines = views_.size() > 1 ? views_.size() : 1;
    float* row = out.x + i * columns();
    std::fill(row, row + columns(), 0.0F);
    row[0] = search.bm25_standard.z(search.bm25[position]);
    row += 1 + cosines;
    write_text(search, handle, i, out);
    float covered = 0.0F, all = 1e-9F;
    for (std::size_t t = 0; t < search.terms.size(); ++t) {
        const float weight = search.idf[t] * search.terms[t].count;
        all += weight;
        if (out.frequency[i * search.terms.size() + t] > 0.0F) covered += weight;
    }
    row[0] = feedback;
    row[1] = covered / all;
    row[2] = static_cast<float>(engrain::log(double(out.length[i]) + 5.0));
    row[3] = -static_cast<float>(engrain::log(1.0 + double(rank_of(search, position))));
    row[5] = neighbour_score(search, neighbours_[handle].previous);
    row[6] = neighbour_score(search, neighbours_[handle].next);
}

void RetrievalIndex::write_text(const Search& search, std::uint32_t handle, std::size_t i,
                                const Rows& out) const {
    out.length[i] = lexical_.length(handle);
    const std::size_t terms = search.terms.size();
    for (std::size_t t = 0; t < terms; ++t)
        out.frequency[i * terms + t] = lexical_.frequency(handle, search.terms[t].term);
}

}  // namespace engrain

// The search of a RetrievalIndex: scores of every member of a scope and the best of them.
#include <algorithm>

#include "engrain/flat.hpp"
#include "engrain/retrieval.hpp"
#include "engrain/similarity.hpp"

namespace engrain {
namespace {

using Guard = std::lock_guard<std::mutex>;

// Up to so many members are scored from their exact rows: the int8 scan pays above it, and its
// rounding would be felt in deviations taken over few documents.
constexpr std::size_t exact_up_to = 1024;

// Deviations below this are rounding of the scan, not differences between documents.
constexpr float code_noise = 0.004F, float_noise = 1e-6F;

constexpr float least_bm25_sd = 0.3F;

// Best first, ties by position.
struct Place {
    float score;
    std::uint32_t position;
    std::size_t from;
    bool operator<(const Place& other) const noexcept {
        return score != other.score ? score > other.score : position < other.position;
    }
};

}  // namespace

void RetrievalIndex::search(const char* text, std::size_t size, const float* const* vectors,
                            std::uint32_t scope, Search& search) {
    const Guard lock(mutex_);
    search.scope = scope;
    search.version = scopes_[scope].version();
    score_text(text, size, search);
    read_question(text, size, search);
    read_words(text, size, search);
    search.views.resize(views_.size());
    for (std::size_t i = 0; i < views_.size(); ++i)
        if (vectors[i] != nullptr) score_view(vectors[i], i, search);
    fuse(search);
}

void RetrievalIndex::score_text(const char* text, std::size_t size, Search& search) {
    std::vector<Term> terms;
    append_terms(text, size, terms);
    search.terms = count_terms(terms);
    search.sought.seek(lexical_.rarities(search.terms));
    search.average_length = static_cast<float>(lexical_.average_length());
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = members.size();
    search.bm25.resize(n);
    lexical_.score_members(search.terms, search.sought.terms(), members, search.bm25.data());
    const Moments spread = moments(search.bm25.data(), n, n);
    const float deviation = static_cast<float>(spread.deviation);
    search.bm25_standard = {static_cast<float>(spread.mean), 1.0F / (deviation + float_noise)};
    search.bm25_sd = std::max(least_bm25_sd, deviation);
}

void RetrievalIndex::score_view(const float* vector, std::size_t i, Search& search) {
    const VectorView& view = views_[i];
    ScopeView& seen = scopes_[search.scope].view(i);
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = members.size(), count = static_cast<std::size_t>(seen.documents.count());
    Search::Cosines& cosines = search.views[i];
    seen.refresh_mean();
    cosines.asked = true;
    cosines.query.assign(view.width(), 0.0F);
    seen.centre(vector, view.dim(), cosines.query.data());
    cosines.scores.resize(n);
    const bool exact = n <= exact_up_to;
    if (exact) {
        Measures own;
        measure(search, i, members.data(), n, own);
        cosines.scores.swap(own.cosine);
    } else {
        scan(search, i, cosines.scores.data());
    }
    const Moments spread = moments(cosines.scores.data(), n, count);
    const float deviation = static_cast<float>(spread.deviation);
    cosines.standard = {static_cast<float>(spread.mean),
                        1.0F / (exact ? deviation + float_noise : std::max(deviation, code_noise))};
    if (count == n) return;
    for (std::size_t j = 0; j < n; ++j)
        if (!view.has(members[j])) cosines.scores[j] = cosines.standard.mean;
}

// Cosines of all members from their int8 codes.
void RetrievalIndex::scan(const Search& search, std::size_t i, float* out) {
    const VectorView& view = views_[i];
    ScopeView& seen = scopes_[search.scope].view(i);
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = members.size();
    const float* query = search.views[i].query.data();
    seen.refresh_gains(view, members);
    codes_.resize(view.width());
    dots_.resize(n);
    const float step = quantize_row(query, view.width(), codes_.data());
    dot_codes(view.codes(), view.width(), members.data(), n, codes_.data(), dots_.data());
    float offset = 0.0F;
    score_rows(seen.mean.data(), query, 1, view.width(), &offset);
    cosines_of_codes(dots_.data(), seen.gain.data(), seen.inverse.data(), n, step, offset, out);
}

// A query that was not asked leaves the cosines without meaning.
void RetrievalIndex::measure(const Search& search, std::size_t i, const std::uint32_t* handles,
                             std::size_t n, Measures& out) {
    const VectorView& view = views_[i];
    const float* mean = scopes_[search.scope].view(i).mean.data();
    const float* query = search.views[i].asked ? search.views[i].query.data() : mean;
    out.resize(n);
    centred_cosines(view.rows(), view.width(), handles, n, mean, query, out.cosine.data(),
                    out.inverse.data());
    for (std::size_t j = 0; j < n; ++j)
        if (!view.has(handles[j])) out.cosine[j] = 0.0F;
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
    std::vector<std::uint32_t> best;
    select_best(search.fixed.data(), members.size(), n + n / 4 + 8, best);
    Measures exact;
    exact.resize(best.size());
    std::vector<std::uint32_t> handles(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) handles[i] = members[best[i]];
    if (!views_.empty() && search.views[0].asked)
        measure(search, 0, handles.data(), handles.size(), exact);
    std::vector<Place> order(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) {
        const float cosine =
            views_.empty() ? 0.0F : standard_cosine(search, 0, handles[i], exact.cosine[i]);
        order[i] = {search.bm25_standard.z(search.bm25[best[i]]) + cosine, best[i], i};
    }
    std::sort(order.begin(), order.end());
    search.best.resize(n);
    search.best_scores.resize(n);
    search.best_measures.resize(n);
    search.ranks.resize(n);
    search.reading.gauged = false;
    for (std::size_t i = 0; i < n; ++i) {
        search.best[i] = order[i].position;
        search.best_scores[i] = order[i].score;
        search.best_measures.cosine[i] = exact.cosine[order[i].from];
        search.best_measures.inverse[i] = exact.inverse[order[i].from];
        search.ranks[i] = {order[i].position, static_cast<std::uint32_t>(i)};
    }
    std::sort(search.ranks.begin(), search.ranks.end());
}

}  // namespace engrain

// The feature rows of a RetrievalIndex.
#include <algorithm>
#include <cmath>

#include "engrain/flat.hpp"
#include "engrain/log_table.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/retrieval.hpp"
#include "engrain/similarity.hpp"

namespace engrain {
namespace {

using Guard = std::lock_guard<std::mutex>;

constexpr std::size_t equal_documents = 5, weighted_documents = 10, ranked = 100;
constexpr float least_neighbour = -3.0F;

ENGRAIN_INLINE void ask_for(const Context& context) {
    prefetch_all(reinterpret_cast<const char*>(&context), sizeof(Context));
}

// What was found of a member, and of those around it as a rule.
ENGRAIN_INLINE void ask_for(const Search& search, std::uint32_t position) {
    prefetch(&search.bm25[position]);
    prefetch(&search.fixed[position]);
    if (!search.views.empty() && search.views[0].asked) prefetch(&search.views[0].scores[position]);
}

}  // namespace

bool RetrievalIndex::gather(Search& search, const std::uint32_t* handles, std::size_t n,
                            const Rows& out) {
    const Guard lock(mutex_);
    if (!current(search)) return false;
    order_best(search, ranked);
    if (!last_.empty()) score_sessions(search);
    gauge_words(search);
    const std::vector<Around> around = surroundings(search, handles, n);
    const std::vector<std::size_t> ranks = ranks_of(search, around);
    Measures own = measure_candidates(search, handles, n, ranks);
    std::vector<float> likeness(2 * n);
    if (!views_.empty()) {
        prefetch_written(out.x, n * out.stride);
        write_vectors(search, handles, around, own.inverse.data(), likeness.data(), out);
    }
    const std::vector<Words> words = read_candidates(search, handles, n, ranks);
    const float* window = score_windows(search, around);
    write_texts(search, handles, n, out);
    for (std::size_t i = 0; i < n; ++i) {
        write_row(search, around[i], ranks[i], i, out);
        float* row = out.x + i * out.stride + base_columns();
        write_context(search, around[i], window == nullptr ? 0.0F : window[i], row);
        write_words(search, words[i], row + context_columns);
    }
    write_cosines(search, own.cosine.data(), handles, n, out);
    if (!views_.empty()) write_feedback(search, likeness.data(), n, out);
    for (std::size_t view = 1; view < views_.size(); ++view) {
        if (!search.views[view].asked) continue;
        measure(search, view, handles, n, own);
        for (std::size_t i = 0; i < n; ++i)
            out.x[i * out.stride + 1 + view] =
                standard_cosine(search, view, handles[i], own.cosine[i]);
    }
    return true;
}

// Memory is asked for what is read of the candidates and of those around them.
std::vector<Around> RetrievalIndex::surroundings(const Search& search, const std::uint32_t* handles,
                                                 std::size_t n) {
    const Scope& scope = scopes_[search.scope];
    const auto& members = scope.members();
    const Layout& layout = this->layout(search.scope);
    std::vector<Around> around(n);
    for (std::size_t i = 0; i < n; ++i) {
        const auto position = static_cast<std::uint32_t>(scope.position(handles[i]));
        ask_for(contexts_[handles[i]]);
        ask_for(search, position);
        if (!last_.empty()) prefetch(&scope.sessions().of[position]);
        lexical_.prefetch_length(handles[i]);
        around[i] = this->around(layout, position);
        for (const std::uint32_t near : around[i].at)
            if (near != none) pages_.prefetch_place(members[near]);
        if (around[i].at[1] != none) ask_for(contexts_[members[around[i].at[1]]]);
    }
    return around;
}

void RetrievalIndex::centred(std::uint32_t scope, const std::uint32_t* handles, std::size_t n,
                             float* out) {
    const Guard lock(mutex_);
    ScopeView& seen = scopes_[scope].view(0);
    seen.refresh_mean();
    Measures own;
    own.resize(n);
    centred_cosines(views_[0].rows(), views_[0].width(), handles, n, seen.mean.data(),
                    seen.mean.data(), own.cosine.data(), own.inverse.data());
    centre(scope, handles, n, own.inverse.data(), out);
}

// Of view 0, where there is one; those of the best static documents are known.
Measures RetrievalIndex::measure_candidates(const Search& search, const std::uint32_t* handles,
                                            std::size_t n, const std::vector<std::size_t>& ranks) {
    Measures own, rest;
    own.resize(n);
    if (views_.empty()) return own;
    scopes_[search.scope].view(0).refresh_mean();
    const std::size_t known = search.views[0].asked ? search.best.size() : 0;
    std::vector<std::uint32_t> unknown;
    for (std::size_t i = 0; i < n; ++i)
        if (ranks[i] >= known) unknown.push_back(handles[i]);
    measure(search, 0, unknown.data(), unknown.size(), rest);
    for (std::size_t i = 0, next = 0; i < n; ++i) {
        const bool fresh = ranks[i] >= known;
        const Measures& from = fresh ? rest : search.best_measures;
        const std::size_t at = fresh ? next++ : ranks[i];
        own.cosine[i] = from.cosine[at];
        own.inverse[i] = from.inverse[at];
    }
    return own;
}

// Documents of view 0 at unit length, less the scope's mean.
void RetrievalIndex::centre(std::uint32_t scope, const std::uint32_t* handles, std::size_t n,
                            const float* inverse, float* rows) {
    const VectorView& view = views_[0];
    centre_rows(view.rows(), view.width(), handles, n, scopes_[scope].view(0).mean.data(), inverse,
                view.dim(), rows);
    for (std::size_t i = 0; i < n; ++i)
        if (!view.has(handles[i])) std::fill_n(rows + i * view.dim(), view.dim(), 0.0F);
}

// Unit centroids of the best static documents (pseudo-relevance feedback), one after the other: of
// five, each counting the same, and of ten, each by how far its score lies above the next.
std::vector<float> RetrievalIndex::feedback_vectors(const Search& search) {
    const std::size_t dim = views_[0].dim(), n = std::min(weighted_documents, search.best.size());
    const auto& members = scopes_[search.scope].members();
    std::uint32_t handles[weighted_documents];
    for (std::size_t i = 0; i < n; ++i) handles[i] = members[search.best[i]];
    const float floor = n == 0 ? 0.0F : search.best_scores[std::min(n, search.best.size() - 1)];
    std::vector<float> rows(n * dim), centroids(2 * dim, 0.0F);
    Measures own = search.best_measures;
    if (!search.views[0].asked) measure(search, 0, handles, n, own);
    centre(search.scope, handles, n, own.inverse.data(), rows.data());
    float *equal = centroids.data(), *weighted = equal + dim;
    for (std::size_t i = 0; i < n; ++i) {
        const float weight = search.best_scores[i] - floor;
        for (std::size_t j = 0; j < dim; ++j) {
            weighted[j] += weight * rows[i * dim + j];
            if (i < equal_documents) equal[j] += rows[i * dim + j];
        }
    }
    for (float* centroid : {equal, weighted}) {
        float squared = 0.0F;
        score_rows(centroid, centroid, 1, dim, &squared);
        const float inverse = squared > 1e-12F ? 1.0F / std::sqrt(squared) : 0.0F;
        for (std::size_t j = 0; j < dim; ++j) centroid[j] *= inverse;
    }
    return centroids;
}

// Static ranks: exact among the best, by the scan's scores beyond.
std::vector<std::size_t> RetrievalIndex::ranks_of(const Search& search,
                                                  const std::vector<Around>& around) {
    const std::size_t best = search.best.size();
    std::vector<std::size_t> ranks(around.size(), best), beyond, above;
    std::vector<float> bounds;
    auto at = search.ranks.begin();
    for (std::size_t i = 0; i < around.size(); ++i) {
        const std::uint32_t position = around[i].own();
        if (i > 0 && position < around[i - 1].own()) at = search.ranks.begin();
        while (at != search.ranks.end() && at->first < position) ++at;
        if (at != search.ranks.end() && at->first == position) {
            ranks[i] = at->second;
        } else {
            beyond.push_back(i);
            bounds.push_back(search.fixed[position]);
        }
    }
    above.resize(beyond.size());
    count_above(search.fixed.data(), search.fixed.size(), bounds.data(), beyond.size(),
                above.data());
    for (std::size_t j = 0; j < beyond.size(); ++j) ranks[beyond[j]] = std::max(best, above[j]);
    return ranks;
}

float RetrievalIndex::neighbour_score(const Search& search, std::uint32_t position) noexcept {
    return position == none ? 0.0F : std::max(search.fixed[position], least_neighbour);
}

void RetrievalIndex::write_texts(const Search& search, const std::uint32_t* handles, std::size_t n,
                                 const Rows& out) const {
    const Sought& sought = search.sought;
    std::vector<WordSpan> words(n);
    std::vector<float> counts(n * sought.room());
    for (std::size_t i = 0; i < n; ++i) {
        words[i] = lexical_.words(handles[i]);
        out.length[i] = lexical_.length(handles[i]);
    }
    sought.count(words.data(), n, counts.data());
    for (std::size_t i = 0; i < n; ++i)
        std::copy_n(counts.data() + i * sought.room(), sought.size(),
                    out.frequency + i * sought.size());
}

// The base columns but those made of cosines.
void RetrievalIndex::write_row(const Search& search, const Around& around, std::size_t rank,
                               std::size_t i, const Rows& out) const {
    const std::uint32_t position = around.own();
    float* row = out.x + i * out.stride;
    std::fill_n(row, out.stride, 0.0F);
    row[0] = search.bm25_standard.z(search.bm25[position]);
    const float* frequency = out.frequency + i * search.terms.size();
    float covered = 0.0F, all = 1e-9F;
    for (std::size_t t = 0; t < search.terms.size(); ++t) {
        const float weight = search.sought.terms()[t].weight * search.terms[t].count;
        all += weight;
        covered += frequency[t] > 0.0F ? weight : 0.0F;
    }
    float* form = row + base_columns() - 6;
    form[0] = covered / all;
    form[1] = log_of(static_cast<std::size_t>(out.length[i]) + 5);
    form[2] = -log_of(1 + rank);
    form[4] = neighbour_score(search, around.at[1]);
    form[5] = neighbour_score(search, around.at[3]);
}

void RetrievalIndex::write_cosines(const Search& search, const float* cosine,
                                   const std::uint32_t* handles, std::size_t n,
                                   const Rows& out) const {
    for (std::size_t i = 0; i < n; ++i) {
        float* row = out.x + i * out.stride;
        if (!views_.empty()) row[1] = standard_cosine(search, 0, handles[i], cosine[i]);
        row[base_columns() - 3] = std::min(row[0], row[1]);
        out.fixed[i] = row[0] + row[1];
    }
}

// Centred vectors of the candidates and, as long as each is at hand, its cosines with the feedback
// vectors. Memory is asked meanwhile for the stems that will be counted.
void RetrievalIndex::write_vectors(const Search& search, const std::uint32_t* handles,
                                   const std::vector<Around>& around, const float* inverse,
                                   float* likeness, const Rows& out) {
    constexpr std::size_t together = 16;
    const std::size_t dim = views_[0].dim(), n = around.size();
    const auto& members = scopes_[search.scope].members();
    const std::vector<float> centroids = feedback_vectors(search);
    for (std::size_t start = 0; start < n; start += together) {
        const std::size_t count = std::min(together, n - start);
        for (std::size_t i = start; i < start + count; ++i)
            for (const std::uint32_t near : around[i].at)
                if (near != none) pages_.prefetch_stems(members[near]);
        float* rows = out.centred + start * dim;
        centre(search.scope, handles + start, count, inverse + start, rows);
        score_queries(rows, centroids.data(), count, 2, dim, likeness + 2 * start);
    }
}

void RetrievalIndex::write_feedback(const Search& search, const float* likeness, std::size_t n,
                                    const Rows& out) const {
    const float inverse = search.views[0].standard.inverse;
    for (std::size_t i = 0; i < n; ++i) {
        float* row = out.x + i * out.stride + base_columns();
        row[-7] = likeness[2 * i];
        row[context_columns + feedback_cosine] = likeness[2 * i + 1] * inverse;
    }
}

}  // namespace engrain

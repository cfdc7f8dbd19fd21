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

}  // namespace

bool RetrievalIndex::gather(Search& search, const std::uint32_t* handles, std::size_t n,
                            const Rows& out) {
    const Guard lock(mutex_);
    if (!current(search)) return false;
    order_best(search, ranked);
    if (!last_.empty()) score_sessions(search);
    gauge_words(search);
    std::vector<float> cosine(n, 0.0F);
    if (!views_.empty()) {
        const Search::Cosines& asked = search.views[0];
        centre(search.scope, asked.asked ? asked.query.data() : nullptr, handles, n, out.centred,
               cosine.data());
    }
    const std::vector<Around> around = surroundings(search.scope, handles, n);
    const std::vector<std::size_t> ranks = ranks_of(search, around);
    const std::vector<Words> words = read_candidates(search, handles, n, ranks);
    const float* window = score_windows(search, around);
    write_texts(search, handles, n, out);
    for (std::size_t i = 0; i < n; ++i) {
        write_row(search, around[i], ranks[i], i, out);
        float* row = out.x + i * out.stride + base_columns();
        write_context(search, around[i], window == nullptr ? 0.0F : window[i], row);
        write_words(search, words[i], row + context_columns);
    }
    write_cosines(search, cosine.data(), handles, n, out);
    if (!views_.empty()) write_feedback(search, n, out);
    for (std::size_t view = 1; view < views_.size(); ++view) {
        if (!search.views[view].asked) continue;
        exact_cosines(search, view, handles, n, cosine.data());
        for (std::size_t i = 0; i < n; ++i)
            out.x[i * out.stride + 1 + view] = standard_cosine(search, view, handles[i], cosine[i]);
    }
    return true;
}

void RetrievalIndex::prefetch_context(std::uint32_t handle) const noexcept {
    prefetch_all(reinterpret_cast<const char*>(&contexts_[handle]), sizeof(Context));
}

// Memory is asked for what is read of the candidates and of those around them.
std::vector<Around> RetrievalIndex::surroundings(std::uint32_t scope, const std::uint32_t* handles,
                                                 std::size_t n) {
    const auto& members = scopes_[scope].members();
    const Layout& layout = this->layout(scope);
    std::vector<Around> around(n);
    for (std::size_t i = 0; i < n; ++i) {
        prefetch_context(handles[i]);
        around[i] =
            this->around(layout, static_cast<std::uint32_t>(scopes_[scope].position(handles[i])));
        for (const std::uint32_t near : around[i].at)
            if (near != none) pages_.prefetch_place(members[near]);
        if (around[i].at[1] != none) prefetch_context(members[around[i].at[1]]);
    }
    return around;
}

void RetrievalIndex::centred(std::uint32_t scope, const std::uint32_t* handles, std::size_t n,
                             float* out) {
    const Guard lock(mutex_);
    std::vector<float> cosine(n);
    centre(scope, nullptr, handles, n, out, cosine.data());
}

// Centred documents of view 0 and their exact cosines with a query, where there is one.
void RetrievalIndex::centre(std::uint32_t scope, const float* query, const std::uint32_t* handles,
                            std::size_t n, float* rows, float* cosine) {
    const VectorView& view = views_[0];
    ScopeView& seen = scopes_[scope].view(0);
    seen.refresh_mean();
    const float* against = query != nullptr ? query : seen.mean.data();
    centre_rows(view.rows(), view.width(), handles, n, seen.mean.data(), against, view.dim(), rows,
                cosine);
    for (std::size_t i = 0; i < n; ++i)
        if (!view.has(handles[i])) std::fill_n(rows + i * view.dim(), view.dim(), 0.0F);
}

// Unit centroids of the best static documents (pseudo-relevance feedback): of five, each counting
// the same, and of ten, each by how far its score lies above the next.
void RetrievalIndex::feedback_vectors(const Search& search, std::vector<float>& equal,
                                      std::vector<float>& weighted) {
    const std::size_t dim = views_[0].dim(), n = std::min(weighted_documents, search.best.size());
    const auto& members = scopes_[search.scope].members();
    std::uint32_t handles[weighted_documents];
    for (std::size_t i = 0; i < n; ++i) handles[i] = members[search.best[i]];
    const float floor = n == 0 ? 0.0F : search.best_scores[std::min(n, search.best.size() - 1)];
    std::vector<float> rows(n * dim);
    float cosine[weighted_documents];
    centre(search.scope, nullptr, handles, n, rows.data(), cosine);
    equal.assign(dim, 0.0F);
    weighted.assign(dim, 0.0F);
    for (std::size_t i = 0; i < n; ++i) {
        const float weight = search.best_scores[i] - floor;
        for (std::size_t j = 0; j < dim; ++j) {
            weighted[j] += weight * rows[i * dim + j];
            if (i < equal_documents) equal[j] += rows[i * dim + j];
        }
    }
    for (std::vector<float>* centroid : {&equal, &weighted}) {
        float squared = 0.0F;
        score_rows(centroid->data(), centroid->data(), 1, dim, &squared);
        const float inverse = squared > 1e-12F ? 1.0F / std::sqrt(squared) : 0.0F;
        for (float& value : *centroid) value *= inverse;
    }
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

void RetrievalIndex::write_feedback(const Search& search, std::size_t n, const Rows& out) {
    const std::size_t dim = views_[0].dim();
    std::vector<float> equal, weighted, cosine(n);
    feedback_vectors(search, equal, weighted);
    score_rows(out.centred, equal.data(), n, dim, cosine.data());
    for (std::size_t i = 0; i < n; ++i) out.x[i * out.stride + base_columns() - 7] = cosine[i];
    score_rows(out.centred, weighted.data(), n, dim, cosine.data());
    const float inverse = search.views[0].standard.inverse;
    float* column = out.x + base_columns() + context_columns + feedback_cosine;
    for (std::size_t i = 0; i < n; ++i) column[i * out.stride] = cosine[i] * inverse;
}

}  // namespace engrain

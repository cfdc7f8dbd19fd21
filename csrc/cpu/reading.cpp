// The columns of a RetrievalIndex that read words beyond the question's terms.
#include "engrain/reading.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/retrieval.hpp"
#include "engrain/similarity.hpp"
#include "engrain/stems.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr std::size_t gauging = 100, feedback_documents = 8, feedback_words = 20;
constexpr float noise = 1e-6F;

Standard standard_of(const std::vector<float>& x) {
    double sum = 0.0, squares = 0.0;
    for (const float value : x) sum += value;
    const double mean = x.empty() ? 0.0 : sum / double(x.size());
    for (const float value : x) squares += (value - mean) * (value - mean);
    const double deviation = x.empty() ? 0.0 : std::sqrt(squares / double(x.size()));
    return {static_cast<float>(mean), static_cast<float>(1.0 / (deviation + noise))};
}

// Sums the weights of equal terms.
void merge(std::vector<TermWeight>& words) {
    std::sort(words.begin(), words.end(),
              [](const TermWeight& a, const TermWeight& b) { return a.term < b.term; });
    std::size_t kept = 0;
    for (const TermWeight& word : words) {
        if (kept > 0 && words[kept - 1].term == word.term)
            words[kept - 1].weight += word.weight;
        else
            words[kept++] = word;
    }
    words.resize(kept);
}

// Keeps the heaviest, ties by term, and lets their weights sum to `total`.
void keep_heaviest(std::vector<TermWeight>& words, std::size_t most, float total) {
    const auto heavier = [](const TermWeight& a, const TermWeight& b) {
        return a.weight != b.weight ? a.weight > b.weight : a.term < b.term;
    };
    const std::size_t n = std::min(most, words.size());
    std::partial_sort(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(n), words.end(),
                      heavier);
    words.resize(n);
    float sum = noise;
    for (const TermWeight& word : words) sum += word.weight;
    for (TermWeight& word : words) word.weight *= total / sum;
}

}  // namespace

void RetrievalIndex::read_words(const char* text, std::size_t size, Search& search) const {
    Stems read = read_stems(text, size);
    Reading& reading = search.reading;
    reading.stems = count_terms(read.stems);
    reading.weights = stems_.weigh(reading.stems);
    reading.grams = grams_.weigh(count_terms(read.grams));
    reading.pairs = pairs_.weigh(count_terms(read.pairs));
    reading.latent.resize(latent_.dim());
    if (latent_.known())
        latent_.place(reading.stems.data(), reading.stems.size(), reading.latent.data());
}

// The question's stems and those that set the best static documents apart, half each (RM3: Abdul-
// Jaleel et al., TREC 2004); a document counts by exp(its static score).
void RetrievalIndex::find_feedback_words(Search& search) const {
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = std::min(feedback_documents, search.best.size());
    std::vector<TermWeight>& words = search.reading.feedback;
    words.clear();
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t handle = members[search.best[i]];
        const double trust = engrain::exp(double(search.best_scores[i] - search.best_scores[0]));
        const float share = static_cast<float>(trust) / std::max(stems_.length(handle), 1.0F);
        for (const TermCount* own = stems_.begin(handle); own != stems_.end(handle); ++own)
            words.push_back({own->term, share * own->count});
    }
    merge(words);
    for (TermWeight& word : words) word.weight *= stems_.idf(word.term);
    keep_heaviest(words, feedback_words, 0.5F);
    float asked = 0.0F;
    for (const TermCount& stem : search.reading.stems) asked += stem.count;
    for (const TermCount& stem : search.reading.stems)
        words.push_back({stem.term, 0.5F * stem.count / asked});
    merge(words);
    for (TermWeight& word : words) word.weight *= stems_.idf(word.term) * (Bm25::k1 + 1.0F);
}

// The best static documents give the columns their scale.
void RetrievalIndex::gauge_words(Search& search) const {
    Reading& reading = search.reading;
    if (reading.gauged) return;
    const auto& members = scopes_[search.scope].members();
    for (const std::uint32_t place : search.best) {
        grams_.prefetch(members[place]);
        stems_.prefetch(members[place]);
    }
    find_feedback_words(search);
    gauge(search, &RetrievalIndex::gram_score, reading.gram_gauge);
    gauge(search, &RetrievalIndex::feedback_score, reading.feedback_gauge);
    if (latent_.known()) gauge(search, &RetrievalIndex::latent_score, reading.latent_gauge);
    reading.gauged = true;
}

void RetrievalIndex::gauge(const Search& search, Measure measure, Gauge& gauge) const {
    const auto& members = scopes_[search.scope].members();
    gauge.best.resize(std::min(gauging, search.best.size()));
    for (std::size_t i = 0; i < gauge.best.size(); ++i)
        gauge.best[i] = (this->*measure)(search, members[search.best[i]]);
    gauge.standard = standard_of(gauge.best);
}

float RetrievalIndex::gauged(const Search& search, const Gauge& gauge, Measure measure,
                             std::uint32_t handle, std::size_t rank) const noexcept {
    const bool known = rank < gauge.best.size();
    return gauge.standard.z(known ? gauge.best[rank] : (this->*measure)(search, handle));
}

float RetrievalIndex::gram_score(const Search& search, std::uint32_t handle) const noexcept {
    return grams_.score(handle, search.reading.grams);
}

float RetrievalIndex::feedback_score(const Search& search, std::uint32_t handle) const noexcept {
    return stems_.score(handle, search.reading.feedback);
}

float RetrievalIndex::latent_score(const Search& search, std::uint32_t handle) const noexcept {
    float cosine = 0.0F;
    score_rows(latent_rows_.row(handle), search.reading.latent.data(), 1, latent_.dim(), &cosine);
    return cosine;
}

std::size_t RetrievalIndex::best_rank(const Search& search, std::uint32_t handle) const noexcept {
    const auto position = static_cast<std::uint32_t>(scopes_[search.scope].position(handle));
    const auto at = std::lower_bound(search.ranks.begin(), search.ranks.end(),
                                     std::pair<std::uint32_t, std::uint32_t>{position, 0});
    const bool found = at != search.ranks.end() && at->first == position;
    return found ? at->second : search.best.size();
}

void RetrievalIndex::write_words(const Search& search, std::uint32_t handle,
                                 float* out) const noexcept {
    const Reading& reading = search.reading;
    const std::size_t rank = best_rank(search, handle);
    out[stem_bm25] = stems_.score(handle, reading.weights) / search.bm25_sd;
    out[gram_bm25] = gauged(search, reading.gram_gauge, &RetrievalIndex::gram_score, handle, rank);
    const float pairs = pairs_.score(handle, reading.pairs);
    out[pair_bm25] = static_cast<float>(engrain::log(1.0 + double(pairs)));
    out[feedback_bm25] =
        gauged(search, reading.feedback_gauge, &RetrievalIndex::feedback_score, handle, rank);
    if (latent_.known())
        out[latent_cosine] =
            gauged(search, reading.latent_gauge, &RetrievalIndex::latent_score, handle, rank);
}

}  // namespace engrain

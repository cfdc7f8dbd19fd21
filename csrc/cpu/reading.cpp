// The columns of a RetrievalIndex that read words beyond the question's terms.
#include "engrain/reading.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engrain/retrieval.hpp"
#include "engrain/stems.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr std::size_t gauging = 100, feedback_documents = 8, feedback_words = 20;
constexpr std::size_t words_ahead = 4;  // documents that memory is asked for early
constexpr float noise = 1e-6F;

Standard standard_of(const std::vector<Words>& x, float Words::* score) {
    double sum = 0.0, squares = 0.0;
    for (const Words& words : x) sum += words.*score;
    const double mean = x.empty() ? 0.0 : sum / double(x.size());
    for (const Words& words : x) squares += (words.*score - mean) * (words.*score - mean);
    const double deviation = x.empty() ? 0.0 : std::sqrt(squares / double(x.size()));
    return {static_cast<float>(mean), static_cast<float>(1.0 / (deviation + noise))};
}

bool precedes(const TermWeight& a, const TermWeight& b) { return a.term < b.term; }

// Weights of distinct terms.
class Weights {
  public:
    // Room for so many terms, of which none is there yet.
    void clear(std::size_t most) {
        std::size_t places = 64;
        while (places < 2 * most) places *= 2;
        places_.assign(places, 0);
        words_.clear();
    }
    void add(Term term, float weight) {
        std::size_t at = static_cast<std::uint32_t>(term) & (places_.size() - 1);
        while (places_[at] > 0 && words_[places_[at] - 1].term != term)
            at = (at + 1) & (places_.size() - 1);
        if (places_[at] == 0) {
            words_.push_back({term, 0.0F});
            places_[at] = static_cast<std::uint32_t>(words_.size());
        }
        words_[places_[at] - 1].weight += weight;
    }
    std::vector<TermWeight>& words() noexcept { return words_; }

  private:
    std::vector<TermWeight> words_;
    std::vector<std::uint32_t> places_;  // open addressing; from 1 on, 0 for none
};

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
    reading.asked.seek(stems_.weigh(reading.stems));
    reading.grams.seek(grams_.weigh(count_terms(read.grams)));
    reading.pairs.seek(pairs_.weigh(count_terms(read.pairs)));
    if (!latent_.known()) return;
    std::vector<float> place(latent_.dim());
    latent_.place(reading.stems.data(), reading.stems.size(), place.data());
    reading.latent = latent_rows_.code(place.data());
}

// The question's stems and those that set the best static documents apart, half each (RM3: Abdul-
// Jaleel et al., TREC 2004); a document counts by exp(its static score).
void RetrievalIndex::find_feedback_words(Search& search) const {
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = std::min(feedback_documents, search.best.size());
    static thread_local Weights weights;
    std::size_t most = 0;
    for (std::size_t i = 0; i < n; ++i) most += stems_.words(members[search.best[i]]).count;
    weights.clear(most);
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t handle = members[search.best[i]];
        const double trust = engrain::exp(double(search.best_scores[i] - search.best_scores[0]));
        const float share = static_cast<float>(trust) / std::max(stems_.length(handle), 1.0F);
        stems_.each(handle, [&](Term term, float count) { weights.add(term, share * count); });
    }
    std::vector<TermWeight> words = weights.words();
    for (const TermWeight& word : words) stems_.prefetch_idf(word.term);
    for (TermWeight& word : words) word.weight *= stems_.idf(word.term);
    keep_heaviest(words, feedback_words, 0.5F);
    float asked = 0.0F;
    for (const TermCount& stem : search.reading.stems) asked += stem.count;
    weights.clear(words.size() + search.reading.stems.size());
    for (const TermWeight& word : words) weights.add(word.term, word.weight);
    for (const TermCount& stem : search.reading.stems)
        weights.add(stem.term, 0.5F * stem.count / asked);
    words = weights.words();
    std::sort(words.begin(), words.end(), precedes);
    for (TermWeight& word : words) word.weight *= stems_.idf(word.term) * (Bm25::k1 + 1.0F);
    Sought& feedback = search.reading.feedback;
    feedback.seek(std::move(words));
    search.reading.asked_weights.assign(feedback.room(), 0.0F);
    std::size_t at = 0;
    for (const TermWeight& own : search.reading.asked.terms()) {
        while (feedback.terms()[at].term != own.term) ++at;
        search.reading.asked_weights[at] = own.weight;
    }
}

// The best static documents give the columns their scale.
void RetrievalIndex::gauge_words(Search& search) const {
    Reading& reading = search.reading;
    if (reading.gauged) return;
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = std::min(gauging, search.best.size());
    for (std::size_t i = 0; i < n; ++i) pages_.prefetch_place(members[search.best[i]]);
    for (std::size_t i = 0; i < std::min(n, feedback_documents); ++i)
        pages_.prefetch_stems(members[search.best[i]]);
    find_feedback_words(search);
    reading.best.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        if (i + words_ahead < n) prefetch_words(members[search.best[i + words_ahead]]);
        reading.best[i] = read_document(search, members[search.best[i]]);
    }
    if (latent_.known()) place_best(search);
    reading.gram_scale = standard_of(reading.best, &Words::grams);
    reading.feedback_scale = standard_of(reading.best, &Words::feedback);
    reading.latent_scale = standard_of(reading.best, &Words::latent);
    reading.gauged = true;
}

// Where the best static documents lie beside the question.
void RetrievalIndex::place_best(Search& search) const {
    const auto& members = scopes_[search.scope].members();
    std::vector<Words>& best = search.reading.best;
    std::vector<std::uint32_t> handles(best.size());
    std::vector<float> cosines(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) handles[i] = members[search.best[i]];
    latent_rows_.dots(handles.data(), best.size(), search.reading.latent, cosines.data());
    for (std::size_t i = 0; i < best.size(); ++i) best[i].latent = cosines[i];
}

void RetrievalIndex::prefetch_words(std::uint32_t handle) const noexcept {
    pages_.prefetch(handle);
    if (latent_.known()) latent_rows_.prefetch(handle);
}

Words RetrievalIndex::read_document(const Search& search, std::uint32_t handle) const {
    const Reading& reading = search.reading;
    Words words{};
    const WordSpan stems = stems_.words(handle);
    const float beside =
        Bm25::beside(Bm25::slope(stems_.average_length()), static_cast<float>(stems.count));
    const Sought& feedback = reading.feedback;
    const float* counts = feedback.count(stems);
    words.stems = score_counts(counts, reading.asked_weights.data(), feedback.room(), beside);
    words.feedback = score_counts(counts, feedback.weights(), feedback.room(), beside);
    words.grams = grams_.score(handle, reading.grams);
    words.pairs = pairs_.score(handle, reading.pairs);
    return words;
}

void RetrievalIndex::write_words(const Search& search, std::uint32_t handle, std::size_t rank,
                                 float* out) const {
    const Reading& reading = search.reading;
    const bool known = rank < reading.best.size();
    Words words = known ? reading.best[rank] : read_document(search, handle);
    if (!known && latent_.known()) words.latent = latent_rows_.dot(handle, reading.latent);
    out[stem_bm25] = words.stems / search.bm25_sd;
    out[gram_bm25] = reading.gram_scale.z(words.grams);
    if (words.pairs > 0.0F)
        out[pair_bm25] = static_cast<float>(engrain::log(1.0 + double(words.pairs)));
    out[feedback_bm25] = reading.feedback_scale.z(words.feedback);
    if (latent_.known()) out[latent_cosine] = reading.latent_scale.z(words.latent);
}

}  // namespace engrain

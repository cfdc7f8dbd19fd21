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
        words_.reserve(most);
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

// Documents whose words of one kind are counted.
class Opened {
  public:
    void count(const CountedIndex& index, const std::uint32_t* handles, std::size_t n,
               const Sought& sought) {
        const float slope = Bm25::slope(index.average_length());
        words_.resize(n);
        beside_.resize(n);
        for (std::size_t i = 0; i < n; ++i) {
            words_[i] = index.words(handles[i]);
            beside_[i] = Bm25::beside(slope, static_cast<float>(words_[i].count));
        }
        room_ = sought.room();
        counts_.resize(n * room_);
        sought.count(words_.data(), n, counts_.data());
    }
    // BM25 by the weights of what was counted.
    void score(const float* weights, Words* out, float Words::* kind) {
        scores_.resize(words_.size());
        score_counts(counts_.data(), weights, room_, beside_.data(), scores_.size(),
                     scores_.data());
        for (std::size_t i = 0; i < scores_.size(); ++i) out[i].*kind = scores_[i];
    }

  private:
    std::vector<WordSpan> words_;
    std::vector<float> beside_, counts_, scores_;
    std::size_t room_ = 0;
};

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
// Jaleel et al., TREC 2004); a document counts by exp(its static score). Memory is asked meanwhile
// for the words of the documents that are read next.
void RetrievalIndex::find_feedback_words(Search& search) const {
    const auto& members = scopes_[search.scope].members();
    const std::size_t n = std::min(feedback_documents, search.best.size());
    Weights weights;  // of one call: a thread's own would be looked up for each word
    std::size_t most = 0;
    for (std::size_t i = 0; i < n; ++i) most += stems_.words(members[search.best[i]]).count;
    weights.clear(most);
    const std::size_t next = std::min(gauging, search.best.size());
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = i * next / n; k < (i + 1) * next / n; ++k)
            pages_.prefetch(members[search.best[k]]);
        const std::uint32_t handle = members[search.best[i]];
        const double trust = engrain::exp(double(search.best_scores[i] - search.best_scores[0]));
        const float share = static_cast<float>(trust) / std::max(stems_.length(handle), 1.0F);
        stems_.each(handle, [&](Term term, float count) {
            stems_.prefetch_idf(term);
            weights.add(term, share * count);
        });
    }
    std::vector<TermWeight> words = weights.words();
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
    std::vector<std::uint32_t> handles(n);
    for (std::size_t i = 0; i < n; ++i) handles[i] = members[search.best[i]];
    reading.best.assign(n, Words{});
    read_documents(search, handles.data(), n, reading.best.data());
    reading.gram_scale = standard_of(reading.best, &Words::grams);
    reading.feedback_scale = standard_of(reading.best, &Words::feedback);
    reading.latent_scale = standard_of(reading.best, &Words::latent);
    reading.gauged = true;
}

void RetrievalIndex::read_documents(const Search& search, const std::uint32_t* handles,
                                    std::size_t n, Words* out) const {
    const Reading& reading = search.reading;
    static thread_local Opened opened;
    for (std::size_t i = 0; i < n; ++i) pages_.prefetch_place(handles[i]);
    opened.count(stems_, handles, n, reading.feedback);
    opened.score(reading.asked_weights.data(), out, &Words::stems);
    opened.score(reading.feedback.weights(), out, &Words::feedback);
    opened.count(grams_, handles, n, reading.grams);
    opened.score(reading.grams.weights(), out, &Words::grams);
    opened.count(pairs_, handles, n, reading.pairs);
    opened.score(reading.pairs.weights(), out, &Words::pairs);
    if (!latent_.known()) return;
    std::vector<float> cosines(n);
    latent_rows_.dots(handles, n, reading.latent, cosines.data());
    for (std::size_t i = 0; i < n; ++i) out[i].latent = cosines[i];
}

// Those of the best static documents are known.
std::vector<Words> RetrievalIndex::read_candidates(const Search& search,
                                                   const std::uint32_t* handles, std::size_t n,
                                                   const std::vector<std::size_t>& ranks) const {
    const std::vector<Words>& best = search.reading.best;
    std::vector<std::uint32_t> unread;
    for (std::size_t i = 0; i < n; ++i)
        if (ranks[i] >= best.size()) unread.push_back(handles[i]);
    std::vector<Words> read(unread.size()), words(n);
    read_documents(search, unread.data(), unread.size(), read.data());
    auto next = read.begin();
    for (std::size_t i = 0; i < n; ++i)
        words[i] = ranks[i] < best.size() ? best[ranks[i]] : *next++;
    return words;
}

void RetrievalIndex::write_words(const Search& search, const Words& words, float* out) const {
    const Reading& reading = search.reading;
    out[stem_bm25] = words.stems / search.bm25_sd;
    out[gram_bm25] = reading.gram_scale.z(words.grams);
    if (words.pairs > 0.0F)
        out[pair_bm25] = static_cast<float>(engrain::log(1.0 + double(words.pairs)));
    out[feedback_bm25] = reading.feedback_scale.z(words.feedback);
    if (latent_.known()) out[latent_cosine] = reading.latent_scale.z(words.latent);
}

}  // namespace engrain

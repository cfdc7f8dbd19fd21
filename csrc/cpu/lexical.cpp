#include "engrain/lexical.hpp"

#include <algorithm>
#include <utility>

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

template <int W>
ENGRAIN_INLINE void gains_body(const float* counts, const float* lengths, std::size_t n,
                               float weight, float slope, float* gains) {
    for (std::size_t i = 0; i < n; ++i) gains[i] = Bm25::gain(counts[i], weight, slope, lengths[i]);
}

template <int W>
ENGRAIN_INLINE void add_gains_body(const float* counts, const float* lengths, std::size_t n,
                                   float weight, float slope, float* scores) {
    for (std::size_t i = 0; i < n; ++i)
        scores[i] += Bm25::gain(counts[i], weight, slope, lengths[i]);
}

ENGRAIN_DISPATCH(void, gains,
                 (const float* counts, const float* lengths, std::size_t n, float weight,
                  float slope, float* gains),
                 (counts, lengths, n, weight, slope, gains))

template <int W>
ENGRAIN_INLINE void score_counts_body(const float* counts, const float* weights, std::size_t terms,
                                      const float* beside, std::size_t n, float* out) {
    using simd::Lanes;
    for (std::size_t i = 0; i < n; ++i, counts += terms) {
        Lanes<W> sum = Lanes<W>::zero();
        const Lanes<W> other = Lanes<W>::splat(beside[i]);
        for (std::size_t t = 0; t < terms; t += 16) {
            const Lanes<W> count = Lanes<W>::load(counts + t);
            sum = sum + Lanes<W>::load(weights + t) * count / (count + other);
        }
        out[i] = sum.sum();
    }
}

}  // namespace

float inverse_frequency(std::size_t documents, std::size_t holding) noexcept {
    const double df = double(holding);
    return static_cast<float>(engrain::log(1.0 + (double(documents) - df + 0.5) / (df + 0.5)));
}

ENGRAIN_DISPATCH(void, add_gains,
                 (const float* counts, const float* lengths, std::size_t n, float weight,
                  float slope, float* scores),
                 (counts, lengths, n, weight, slope, scores))

std::vector<TermCount> count_terms(std::vector<Term>& terms) {
    std::sort(terms.begin(), terms.end());
    std::vector<TermCount> counted;
    for (const Term term : terms) {
        if (counted.empty() || counted.back().term != term) counted.push_back({term, 0.0F});
        counted.back().count += 1.0F;
    }
    return counted;
}

ENGRAIN_DISPATCH(void, score_counts,
                 (const float* counts, const float* weights, std::size_t terms, const float* beside,
                  std::size_t n, float* out),
                 (counts, weights, terms, beside, n, out))

void ForwardIndex::add(std::uint32_t document) {
    total_length_ += static_cast<std::int64_t>(words(document).count);
    ++live_;
}

void ForwardIndex::remove(std::uint32_t document) {
    total_length_ -= static_cast<std::int64_t>(words(document).count);
    --live_;
}

std::vector<TermCount> ForwardIndex::counts(std::uint32_t document) const {
    std::vector<TermCount> own;
    each(document, [&](Term term, float count) { own.push_back({term, count}); });
    return own;
}

double ForwardIndex::average_length() const noexcept {
    return total_length_ > 0 ? double(total_length_) / double(live_) : 1.0;
}

// Halving without branches: the outcome of each comparison cannot be predicted.
float ForwardIndex::frequency(std::uint32_t document, Term term) const noexcept {
    const WordSpan own = words(document);
    const Term *first = own.begin(), *at = first;
    std::size_t n = own.count;
    if (n == 0) return 0.0F;
    for (std::size_t half = n / 2; half > 0; half = n / 2) {
        at += at[half] <= term ? half : 0;
        n -= half;
    }
    const Term* before = at + 1;
    while (before != first && before[-1] == term) --before;
    return static_cast<float>(at + 1 - before);
}

void CountedIndex::add(std::uint32_t document) {
    ForwardIndex::add(document);
    each(document, [&](Term term, float) { holding_.increment(term); });
}

void CountedIndex::remove(std::uint32_t document) {
    each(document, [&](Term term, float) { holding_.decrement(term); });
    ForwardIndex::remove(document);
}

float CountedIndex::rarity(std::uint32_t holding) const noexcept {
    if (holding >= rarities_.size()) return inverse_frequency(live(), holding);
    if (rarities_of_ != live()) rarities_.fill(0.0F);
    rarities_of_ = live();
    if (rarities_[holding] == 0.0F) rarities_[holding] = inverse_frequency(live(), holding);
    return rarities_[holding];
}

float CountedIndex::idf(Term term) const noexcept { return rarity(holding_.count(term)); }

std::vector<TermWeight> CountedIndex::weigh(const std::vector<TermCount>& question) const {
    std::vector<TermWeight> weights;
    weights.reserve(question.size());
    for (const TermCount& asked : question) holding_.prefetch(asked.term);
    for (const TermCount& asked : question) {
        const std::uint32_t holding = holding_.count(asked.term);
        if (holding == 0) continue;
        weights.push_back({asked.term, asked.count * rarity(holding) * (Bm25::k1 + 1.0F)});
    }
    return weights;
}

void LexicalIndex::add(std::uint32_t document) {
    ForwardIndex::add(document);
    lengths_.resize(document, 0.0F);
    lengths_.push_back(ForwardIndex::length(document));
    each(document, [&](Term term, float count) { postings_[term].add(document, count); });
    scores_.resize(document + 1, 0.0F);
}

void LexicalIndex::remove(std::uint32_t document) {
    each(document, [&](Term term, float) {
        const auto found = postings_.find(term);
        found->second.remove(document);
        if (found->second.size() == 0) postings_.erase(found);
    });
    lengths_[document] = 0.0F;
    ForwardIndex::remove(document);
}

float LexicalIndex::idf(Term term) const noexcept {
    const auto* list = postings(term);
    return inverse_frequency(live(), list == nullptr ? 0 : list->size());
}

const Postings* LexicalIndex::postings(Term term) const noexcept {
    const auto found = postings_.find(term);
    return found == postings_.end() ? nullptr : &found->second;
}

// Divisions go side by side where they do not wait for the sums.
void LexicalIndex::accumulate(const std::vector<Posting>& list, float weight,
                              float slope) noexcept {
    constexpr std::size_t block = 128;
    float counts[block], lengths[block], gained[block];
    for (std::size_t start = 0; start < list.size(); start += block) {
        const std::size_t n = std::min(block, list.size() - start);
        const Posting* postings = list.data() + start;
        for (std::size_t i = 0; i < n; ++i) {
            counts[i] = postings[i].count;
            lengths[i] = length(postings[i].document);
        }
        gains(counts, lengths, n, weight, slope, gained);
        for (std::size_t i = 0; i < n; ++i) scores_[postings[i].document] += gained[i];
    }
}

std::vector<TermWeight> LexicalIndex::rarities(const std::vector<TermCount>& question) const {
    std::vector<TermWeight> rarities;
    for (const TermCount& asked : question) rarities.push_back({asked.term, idf(asked.term)});
    return rarities;
}

void LexicalIndex::score_members(const std::vector<TermCount>& query,
                                 const std::vector<TermWeight>& idf,
                                 const std::vector<std::uint32_t>& members, float* out) {
    std::vector<const Postings*> lists;
    std::size_t work = 0;
    for (const TermCount& q : query) {
        lists.push_back(postings(q.term));
        if (lists.back() != nullptr) work += lists.back()->size();
    }
    if (members.size() * query.size() * 8 < work)
        return score_by_document(query, idf, members, out);
    const float slope = Bm25::slope(average_length());
    for (std::size_t i = 0; i < query.size(); ++i) {
        if (lists[i] == nullptr) continue;
        const float weight = query[i].count * idf[i].weight * (Bm25::k1 + 1.0F);
        const std::vector<float>& counts = lists[i]->counts();
        add_gains(counts.data(), lengths_.data(), counts.size(), weight, slope, scores_.data());
        accumulate(lists[i]->list(), weight, slope);
    }
    if (members.size() == scores_.size())  // all there ever were
        std::copy(scores_.begin(), scores_.end(), out);
    else
        for (std::size_t i = 0; i < members.size(); ++i) out[i] = scores_[members[i]];
    std::fill(scores_.begin(), scores_.end(), 0.0F);
}

void LexicalIndex::score_by_document(const std::vector<TermCount>& query,
                                     const std::vector<TermWeight>& idf,
                                     const std::vector<std::uint32_t>& members, float* out) const {
    const float slope = Bm25::slope(average_length());
    std::fill(out, out + members.size(), 0.0F);
    for (std::size_t t = 0; t < query.size(); ++t) {
        if (postings(query[t].term) == nullptr) continue;
        const float weight = query[t].count * idf[t].weight * (Bm25::k1 + 1.0F);
        for (std::size_t i = 0; i < members.size(); ++i) {
            const float tf = frequency(members[i], query[t].term);
            if (tf > 0.0F) out[i] += Bm25::gain(tf, weight, slope, length(members[i]));
        }
    }
}

}  // namespace engrain

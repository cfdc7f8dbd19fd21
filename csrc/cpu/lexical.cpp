#include "engrain/lexical.hpp"

#include <algorithm>

#include "engrain/transcendental.hpp"

namespace engrain {
float inverse_frequency(std::size_t documents, std::size_t holding) noexcept {
    const double df = double(holding);
    return static_cast<float>(engrain::log(1.0 + (double(documents) - df + 0.5) / (df + 0.5)));
}

std::vector<TermCount> count_terms(std::vector<Term>& terms) {
    std::sort(terms.begin(), terms.end());
    std::vector<TermCount> counted;
    for (const Term term : terms) {
        if (counted.empty() || counted.back().term != term) counted.push_back({term, 0.0F});
        counted.back().count += 1.0F;
    }
    return counted;
}

void ForwardIndex::add(std::uint32_t document, const std::vector<TermCount>& terms) {
    const std::size_t begin = entries_.size();
    slices_.resize(document, Slice{begin, begin});
    length_.resize(document, 0.0F);
    entries_.insert(entries_.end(), terms.begin(), terms.end());
    float length = 0.0F;
    for (const TermCount& entry : terms) length += entry.count;
    slices_.push_back({begin, entries_.size()});
    length_.push_back(length);
    total_length_ += static_cast<std::int64_t>(length);
    ++live_;
}

void ForwardIndex::remove(std::uint32_t document) {
    const Slice slice = slices_[document];
    dead_entries_ += slice.end - slice.begin;
    total_length_ -= static_cast<std::int64_t>(length_[document]);
    length_[document] = 0.0F;
    slices_[document] = {slice.begin, slice.begin};
    --live_;
    if (dead_entries_ > 1024 && dead_entries_ * 2 > entries_.size()) compact();
}

void ForwardIndex::compact() {
    std::vector<TermCount> kept;
    kept.reserve(entries_.size() - dead_entries_);
    for (Slice& slice : slices_) {
        const std::size_t begin = kept.size();
        kept.insert(kept.end(), entries_.begin() + static_cast<std::ptrdiff_t>(slice.begin),
                    entries_.begin() + static_cast<std::ptrdiff_t>(slice.end));
        slice = {begin, kept.size()};
    }
    entries_.swap(kept);
    dead_entries_ = 0;
}

double ForwardIndex::average_length() const noexcept {
    return total_length_ > 0 ? double(total_length_) / double(live_) : 1.0;
}

void ForwardIndex::prefetch(std::uint32_t document) const noexcept {
    const Slice slice = slices_[document];
    for (std::size_t i = slice.begin; i < slice.end; i += 64 / sizeof(TermCount))
        __builtin_prefetch(&entries_[i]);
}

// Halving without branches: the outcome of each comparison cannot be predicted.
float ForwardIndex::frequency(std::uint32_t document, Term term) const noexcept {
    return find(begin(document), static_cast<std::size_t>(end(document) - begin(document)), term);
}

float ForwardIndex::find(const TermCount* at, std::size_t n, Term term) noexcept {
    if (n == 0) return 0.0F;
    for (std::size_t half = n / 2; half > 0; half = n / 2) {
        at += at[half].term <= term ? half : 0;
        n -= half;
    }
    return at->term == term ? at->count : 0.0F;
}

// Looking each term up takes more steps than a merge, but steps that do not wait for each other.
float ForwardIndex::score(std::uint32_t document,
                          const std::vector<TermWeight>& question) const noexcept {
    const TermCount* own = begin(document);
    const std::size_t n = static_cast<std::size_t>(end(document) - own);
    const float slope = Bm25::slope(average_length()), length = length_[document];
    float sum = 0.0F;
    for (const TermWeight& asked : question) {
        const float found = find(own, n, asked.term);
        if (found > 0.0F) sum += Bm25::gain(found, asked.weight, slope, length);
    }
    return sum;
}

void CountedIndex::add(std::uint32_t document, const std::vector<TermCount>& terms) {
    for (const TermCount& entry : terms) ++holding_[entry.term];
    ForwardIndex::add(document, terms);
}

void CountedIndex::remove(std::uint32_t document) {
    for (const TermCount* entry = begin(document); entry != end(document); ++entry) {
        const auto found = holding_.find(entry->term);
        if (--found->second == 0) holding_.erase(found);
    }
    ForwardIndex::remove(document);
}

float CountedIndex::idf(Term term) const noexcept {
    const auto found = holding_.find(term);
    return inverse_frequency(live(), found == holding_.end() ? 0 : found->second);
}

std::vector<TermWeight> CountedIndex::weigh(const std::vector<TermCount>& question) const {
    std::vector<TermWeight> weights;
    weights.reserve(question.size());
    for (const TermCount& asked : question) {
        const auto found = holding_.find(asked.term);
        if (found == holding_.end()) continue;
        const float idf = inverse_frequency(live(), found->second);
        weights.push_back({asked.term, asked.count * idf * (Bm25::k1 + 1.0F)});
    }
    return weights;
}

void LexicalIndex::add(std::uint32_t document, const std::vector<TermCount>& terms) {
    for (const TermCount& entry : terms) postings_[entry.term].push_back({document, entry.count});
    scores_.resize(document + 1, 0.0F);
    ForwardIndex::add(document, terms);
}

void LexicalIndex::remove(std::uint32_t document) {
    for (const TermCount* entry = begin(document); entry != end(document); ++entry) {
        const auto found = postings_.find(entry->term);
        std::vector<Posting>& list = found->second;
        const auto at =
            std::lower_bound(list.begin(), list.end(), document,
                             [](const Posting& p, std::uint32_t d) { return p.document < d; });
        list.erase(at);
        if (list.empty()) postings_.erase(found);
    }
    ForwardIndex::remove(document);
}

float LexicalIndex::idf(Term term) const noexcept {
    const auto* list = postings(term);
    return inverse_frequency(live(), list == nullptr ? 0 : list->size());
}

const std::vector<Posting>* LexicalIndex::postings(Term term) const noexcept {
    const auto found = postings_.find(term);
    return found == postings_.end() ? nullptr : &found->second;
}

void LexicalIndex::accumulate(const std::vector<Posting>& list, float weight,
                              float slope) noexcept {
    for (const Posting& posting : list)
        scores_[posting.document] +=
            Bm25::gain(posting.count, weight, slope, length(posting.document));
}

void LexicalIndex::score_members(const std::vector<TermCount>& query,
                                 const std::vector<std::uint32_t>& members, float* out) {
    std::size_t work = 0;
    for (const TermCount& q : query)
        if (const auto* list = postings(q.term)) work += list->size();
    if (members.size() * query.size() * 8 < work) return score_by_document(query, members, out);
    const float slope = Bm25::slope(average_length());
    for (const TermCount& q : query)
        if (const auto* list = postings(q.term))
            accumulate(*list, q.count * idf(q.term) * (Bm25::k1 + 1.0F), slope);
    for (std::size_t i = 0; i < members.size(); ++i) out[i] = scores_[members[i]];
    std::fill(scores_.begin(), scores_.end(), 0.0F);
}

void LexicalIndex::score_by_document(const std::vector<TermCount>& query,
                                     const std::vector<std::uint32_t>& members, float* out) const {
    const float slope = Bm25::slope(average_length());
    std::fill(out, out + members.size(), 0.0F);
    for (const TermCount& q : query) {
        if (postings(q.term) == nullptr) continue;
        const float weight = q.count * idf(q.term) * (Bm25::k1 + 1.0F);
        for (std::size_t i = 0; i < members.size(); ++i) {
            const float tf = frequency(members[i], q.term);
            if (tf > 0.0F) out[i] += Bm25::gain(tf, weight, slope, length(members[i]));
        }
    }
}

}  // namespace engrain

// BM25 over a collection that grows and shrinks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engrain/text.hpp"

namespace engrain {

struct TermCount {
    Term term;
    float count;
};

// Sorts `terms` and returns each once with how often it occurs, ascending by term.
std::vector<TermCount> count_terms(std::vector<Term>& terms);

// Inverted and forward index. score(d) = sum_t c_t idf_t tf (k1 + 1) / (tf + k1 (1 - b + b len /
// average)), k1 1.2, b .75, idf = ln(1 + (N - df + .5) / (df + .5)), c_t = count of t in the query
// (Robertson and Zaragoza 2009). N, df and average follow every add and remove. Each document's
// sum runs over the query's terms in ascending order, whichever index it is taken from.
class LexicalIndex {
  public:
    // Documents arrive in ascending order; `terms` (ascending, once each) may be empty.
    void add(std::uint32_t document, const std::vector<TermCount>& terms);
    void remove(std::uint32_t document);

    std::size_t live() const noexcept { return live_; }
    double average_length() const noexcept;
    float length(std::uint32_t document) const noexcept { return length_[document]; }
    float idf(Term term) const noexcept;
    // Ask memory for the document's terms, which `frequency` will read.
    void prefetch(std::uint32_t document) const noexcept;
    // Frequency of the term in the document.
    float frequency(std::uint32_t document, Term term) const noexcept;

    // out[i] = score of members[i] (ascending).
    void score(const std::vector<TermCount>& query, const std::vector<std::uint32_t>& members,
               float* out);

  private:
    struct Posting {
        std::uint32_t document;
        float count;
    };
    struct Slice {
        std::size_t begin, end;
    };
    const std::vector<Posting>* postings(Term term) const noexcept;
    void accumulate(const std::vector<Posting>& postings, float weight, float slope) noexcept;
    void score_by_document(const std::vector<TermCount>& query,
                           const std::vector<std::uint32_t>& members, float* out) const;
    void compact();

    std::unordered_map<Term, std::vector<Posting>> postings_;
    std::vector<TermCount> entries_;  // terms of all documents, document by document
    std::vector<Slice> slices_;       // where a document's entries lie
    std::vector<float> length_;
    std::vector<float> scores_;  // by document; all zero between calls
    std::size_t live_ = 0, dead_entries_ = 0;
    std::int64_t total_length_ = 0;
};

}  // namespace engrain

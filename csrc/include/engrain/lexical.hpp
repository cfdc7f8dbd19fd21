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

// That a term occurs in a document, and how often.
struct Posting {
    std::uint32_t document;
    float count;
};

// ln(1 + (N - df + .5) / (df + .5)).
float inverse_frequency(std::size_t documents, std::size_t holding) noexcept;

// One term's part of BM25: weight = c_t idf_t (k1 + 1), slope = k1 b / average length.
struct Bm25 {
    static constexpr float k1 = 1.2F, b = 0.75F;
    static float slope(double average_length) noexcept {
        return k1 * b / static_cast<float>(average_length);
    }
    static float gain(float frequency, float weight, float slope, float length) noexcept {
        return weight * frequency / (frequency + (k1 * (1.0F - b) + slope * length));
    }
};

// Sorts `terms` and returns each once with how often it occurs, ascending by term.
std::vector<TermCount> count_terms(std::vector<Term>& terms);

// A term of a question and its part of BM25 before the document is known, see `Bm25::gain`.
struct TermWeight {
    Term term;
    float weight;
};

// Which terms each document holds.
class ForwardIndex {
  public:
    // Documents arrive in ascending order; `terms` (ascending, once each) may be empty.
    void add(std::uint32_t document, const std::vector<TermCount>& terms);
    void remove(std::uint32_t document);

    std::size_t live() const noexcept { return live_; }
    double average_length() const noexcept;
    float length(std::uint32_t document) const noexcept { return length_[document]; }
    const TermCount* begin(std::uint32_t document) const noexcept {
        return entries_.data() + slices_[document].begin;
    }
    const TermCount* end(std::uint32_t document) const noexcept {
        return entries_.data() + slices_[document].end;
    }
    // Ask memory for the document's terms.
    void prefetch(std::uint32_t document) const noexcept;
    // Frequency of the term in the document.
    float frequency(std::uint32_t document, Term term) const noexcept;
    // BM25 of the document for a question of terms in ascending order.
    float score(std::uint32_t document, const std::vector<TermWeight>& question) const noexcept;

  private:
    struct Slice {
        std::size_t begin, end;
    };
    static float find(const TermCount* at, std::size_t n, Term term) noexcept;
    void compact();

    std::vector<TermCount> entries_;  // terms of all documents, document by document
    std::vector<Slice> slices_;       // where a document's entries lie
    std::vector<float> length_;
    std::size_t live_ = 0, dead_entries_ = 0;
    std::int64_t total_length_ = 0;
};

// A forward index that knows how many documents hold a term: BM25 of few documents.
class CountedIndex : public ForwardIndex {
  public:
    void add(std::uint32_t document, const std::vector<TermCount>& terms);
    void remove(std::uint32_t document);
    float idf(Term term) const noexcept;
    // A question's terms with their weights c_t idf_t (k1 + 1).
    std::vector<TermWeight> weigh(const std::vector<TermCount>& question) const;

  private:
    std::unordered_map<Term, std::uint32_t> holding_;
};

// Inverted and forward index. score(d) = sum_t c_t idf_t tf (k1 + 1) / (tf + k1 (1 - b + b len /
// average)), k1 1.2, b .75, idf = ln(1 + (N - df + .5) / (df + .5)), c_t = count of t in the query
// (Robertson and Zaragoza 2009). N, df and average follow every add and remove. Each document's
// sum runs over the query's terms in ascending order, whichever index it is taken from.
class LexicalIndex : public ForwardIndex {
  public:
    void add(std::uint32_t document, const std::vector<TermCount>& terms);
    void remove(std::uint32_t document);

    float idf(Term term) const noexcept;
    // Ascending by document; null where no document has the term.
    const std::vector<Posting>* postings(Term term) const noexcept;

    // out[i] = score of members[i] (ascending).
    void score_members(const std::vector<TermCount>& query,
                       const std::vector<std::uint32_t>& members, float* out);

  private:
    void accumulate(const std::vector<Posting>& postings, float weight, float slope) noexcept;
    void score_by_document(const std::vector<TermCount>& query,
                           const std::vector<std::uint32_t>& members, float* out) const;

    std::unordered_map<Term, std::vector<Posting>> postings_;
    std::vector<float> scores_;  // by document; all zero between calls
};

}  // namespace engrain

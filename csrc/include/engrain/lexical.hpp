// BM25 over a collection that grows and shrinks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engrain/pages.hpp"
#include "engrain/postings.hpp"
#include "engrain/sought.hpp"
#include "engrain/term_table.hpp"
#include "engrain/text.hpp"

namespace engrain {

struct TermCount {
    Term term;
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
    // What the document adds to a term's frequency in the denominator.
    static float beside(float slope, float length) noexcept {
        return k1 * (1.0F - b) + slope * length;
    }
    static float gain(float frequency, float weight, float slope, float length) noexcept {
        return weight * frequency / (frequency + beside(slope, length));
    }
};

// scores[i] += Bm25::gain(counts[i], weight, slope, lengths[i]).
void add_gains(const float* counts, const float* lengths, std::size_t n, float weight, float slope,
               float* scores) noexcept;

// Sorts `terms` and returns each once with how often it occurs, ascending by term.
std::vector<TermCount> count_terms(std::vector<Term>& terms);

// out[i] = sum_t Bm25::gain(counts[i][t], weights[t]) of n documents over `terms`, a multiple of
// 16; `beside` holds each document's part of the denominator, see `Bm25::beside`.
void score_counts(const float* counts, const float* weights, std::size_t terms, const float* beside,
                  std::size_t n, float* out) noexcept;

// Words of one kind, by the document that holds them.
class ForwardIndex {
  public:
    ForwardIndex(const Pages& pages, Pages::Kind kind) : pages_(pages), kind_(kind) {}

    // After the page was added; before it is removed.
    void add(std::uint32_t document);
    void remove(std::uint32_t document);

    std::size_t live() const noexcept { return live_; }
    double average_length() const noexcept;
    WordSpan words(std::uint32_t document) const noexcept { return pages_.words(document, kind_); }
    float length(std::uint32_t document) const noexcept {
        return static_cast<float>(words(document).count);
    }
    // Calls visit(term, count) for each of a document's terms, ascending.
    template <class Visit>
    void each(std::uint32_t document, Visit visit) const {
        const WordSpan own = words(document);
        for (const Term *at = own.begin(), *next = at; at != own.end(); at = next) {
            while (next != own.end() && *next == *at) ++next;
            visit(*at, static_cast<float>(next - at));
        }
    }
    std::vector<TermCount> counts(std::uint32_t document) const;
    // Frequency of the term in the document.
    float frequency(std::uint32_t document, Term term) const noexcept;

  private:
    const Pages& pages_;
    Pages::Kind kind_;
    std::size_t live_ = 0;
    std::int64_t total_length_ = 0;
};

// A forward index that knows how many documents hold a term: BM25 of few documents.
class CountedIndex : public ForwardIndex {
  public:
    using ForwardIndex::ForwardIndex;
    void add(std::uint32_t document);
    void remove(std::uint32_t document);
    float idf(Term term) const noexcept;
    void prefetch_idf(Term term) const noexcept { holding_.prefetch(term); }
    // A question's terms with their weights c_t idf_t (k1 + 1).
    std::vector<TermWeight> weigh(const std::vector<TermCount>& question) const;

  private:
    float rarity(std::uint32_t holding) const noexcept;

    TermTable holding_;
    // Of terms that few documents hold, by their number; 0 until asked for. Readers take turns.
    mutable std::array<float, 1024> rarities_{};
    mutable std::size_t rarities_of_ = 0;  // so many documents
};

// Inverted and forward index. score(d) = sum_t c_t idf_t tf (k1 + 1) / (tf + k1 (1 - b + b len /
// average)), k1 1.2, b .75, idf = ln(1 + (N - df + .5) / (df + .5)), c_t = count of t in the query
// (Robertson and Zaragoza 2009). N, df and average follow every add and remove. Each document's
// sum runs over the query's terms in ascending order, whichever index it is taken from.
class LexicalIndex : public ForwardIndex {
  public:
    using ForwardIndex::ForwardIndex;
    void add(std::uint32_t document);
    void remove(std::uint32_t document);

    float length(std::uint32_t document) const noexcept { return lengths_[document]; }
    ENGRAIN_INLINE void prefetch_length(std::uint32_t document) const noexcept {
        engrain::prefetch(&lengths_[document]);
    }
    float idf(Term term) const noexcept;
    // Null where no document has the term.
    const Postings* postings(Term term) const noexcept;
    // A question's terms with their idf, also of those that no document has.
    std::vector<TermWeight> rarities(const std::vector<TermCount>& question) const;

    // out[i] = score of members[i] (ascending); `idf` of the query's terms.
    void score_members(const std::vector<TermCount>& query, const std::vector<TermWeight>& idf,
                       const std::vector<std::uint32_t>& members, float* out);

  private:
    void accumulate(const std::vector<Posting>& list, float weight, float slope) noexcept;
    void score_by_document(const std::vector<TermCount>& query, const std::vector<TermWeight>& idf,
                           const std::vector<std::uint32_t>& members, float* out) const;

    std::unordered_map<Term, Postings> postings_;
    std::vector<float> lengths_;  // by document, close together
    std::vector<float> scores_;   // by document; all zero between calls
};

}  // namespace engrain

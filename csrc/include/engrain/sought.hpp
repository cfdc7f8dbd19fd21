// The terms of a question, made ready to be counted in documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/pages.hpp"
#include "engrain/text.hpp"

namespace engrain {

// A term of a question and its part of BM25 before the document is known, see `Bm25::gain`.
struct TermWeight {
    Term term;
    float weight;
};

// A document is read once. A filter of one bit per 10 leading bits of a term lets nearly all terms
// pass that are not sought; what it holds back is compared with all that are, a register at a time.
// Readers take turns.
class Sought {
  public:
    // `terms` are distinct and ascend.
    void seek(std::vector<TermWeight> terms);

    const std::vector<TermWeight>& terms() const noexcept { return terms_; }
    std::size_t size() const noexcept { return terms_.size(); }
    // size() rounded up to 16.
    std::size_t room() const noexcept { return keys_.size(); }
    // Weights in the order of the terms, then 0 (room()).
    const float* weights() const noexcept { return weights_.data(); }

    // Row i of `counts`, (n, room()): how often each term occurs in documents[i], then anything
    // finite. Memory is asked for the words of later documents meanwhile.
    void count(const WordSpan* documents, std::size_t n, float* counts) const;

  private:
    static constexpr std::size_t filter_words = 32, buckets = 1024, slack = 16;
    // So many are compared with each word; of more only those in its bucket.
    static constexpr std::size_t few = 128;
    static std::uint32_t bucket(Term term) noexcept {
        return static_cast<std::uint32_t>(term) >> 22;
    }
    void count_in_buckets(std::size_t held, float* counts) const;

    std::vector<TermWeight> terms_;
    std::vector<Term> keys_;
    std::vector<float> weights_;
    std::uint32_t filter_[filter_words] = {};
    Term absent_ = 0;                   // is none of the terms
    std::vector<std::uint32_t> first_;  // by bucket: the first of its terms, where they are many
    mutable std::vector<Term> held_;    // what the filter holds back, and `slack`
};

}  // namespace engrain

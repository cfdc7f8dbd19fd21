// The terms of a question, made ready to be met in documents.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/text.hpp"

namespace engrain {

// A term of a question and its part of BM25 before the document is known, see `Bm25::gain`.
struct TermWeight {
    Term term;
    float weight;
};

// A document is read once, in order. A filter of one bit per 10 leading bits of a term lets nearly
// all terms pass that are not sought; what it holds back is compared.
class Sought {
  public:
    // `terms` are distinct and ascend.
    void seek(std::vector<TermWeight> terms);

    const std::vector<TermWeight>& terms() const noexcept { return terms_; }
    std::size_t size() const noexcept { return terms_.size(); }

    // Calls visit(i, count) for each sought term that occurs among `own` (n, ascending, as often as
    // it occurs), in ascending order.
    template <class Visit>
    void meet(const Term* own, std::size_t n, Visit visit) const {
        constexpr std::size_t most = 512;
        Term held[most + slack];
        std::size_t at = 0;
        float count = 0.0F;
        for (std::size_t start = 0; start < n; start += most) {
            const std::size_t kept = sift(own + start, std::min(most, n - start), held);
            for (std::size_t i = 0; i < kept; ++i) {
                if (count > 0.0F && terms_[at].term == held[i]) {
                    count += 1.0F;
                    continue;
                }
                if (count > 0.0F) visit(at, count);
                at = place(held[i]);
                count = terms_[at].term == held[i] ? 1.0F : 0.0F;
            }
        }
        if (count > 0.0F) visit(at, count);
    }

  private:
    static constexpr std::size_t words = 32, buckets = 1024, slack = 16;
    static std::uint32_t bucket(Term term) noexcept {
        return static_cast<std::uint32_t>(term) >> 22;
    }
    // Writes the terms that the filter holds back and returns how many; `held` has room for n and
    // `slack` more.
    std::size_t sift(const Term* own, std::size_t n, Term* held) const noexcept;
    // Where a term stands that the filter held back, if it is sought at all.
    std::size_t place(Term term) const noexcept {
        std::size_t at = first_[bucket(term)];
        while (at + 1 < terms_.size() && terms_[at].term < term) ++at;
        return at;
    }

    std::vector<TermWeight> terms_;
    std::uint32_t filter_[words] = {};
    std::vector<std::uint32_t> first_;  // by bucket: the first of its terms
};

}  // namespace engrain

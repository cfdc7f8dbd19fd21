// The documents that hold a term.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

// That a term occurs in a document, and how often.
struct Posting {
    std::uint32_t document;
    float count;
};

// A list by document, or one count per document where that is smaller: a scan then needs no jumps.
class Postings {
  public:
    // Documents arrive in ascending order.
    void add(std::uint32_t document, float count);
    void remove(std::uint32_t document);

    std::size_t size() const noexcept { return size_; }
    // By document, 0 for one that does not hold the term; empty where there is a list.
    const std::vector<float>& counts() const noexcept { return counts_; }
    // Ascending by document; empty where there are counts.
    const std::vector<Posting>& list() const noexcept { return list_; }
    // Calls visit(document, count) for each, ascending.
    template <class Visit>
    void each(Visit visit) const {
        for (const Posting& posting : list_) visit(posting.document, posting.count);
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if (counts_[i] > 0.0F) visit(static_cast<std::uint32_t>(i), counts_[i]);
    }

  private:
    void spread();
    void gather();

    std::vector<Posting> list_;
    std::vector<float> counts_;
    std::size_t size_ = 0;
};

}  // namespace engrain

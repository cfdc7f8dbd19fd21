#include "engrain/postings.hpp"

#include <algorithm>

namespace engrain {
namespace {

// Counts take less room from half of the documents on; a list is gone back to from a quarter.
constexpr std::size_t least = 64;
bool common(std::size_t size, std::size_t documents) {
    return size >= least && 2 * size > documents;
}
bool rare(std::size_t size, std::size_t documents) { return 4 * size < documents; }

}  // namespace

void Postings::add(std::uint32_t document, float count) {
    ++size_;
    if (counts_.empty()) {
        list_.push_back({document, count});
        if (common(size_, document + std::size_t{1})) spread();
        return;
    }
    counts_.resize(document, 0.0F);
    counts_.push_back(count);
    if (rare(size_, counts_.size())) gather();
}

void Postings::remove(std::uint32_t document) {
    --size_;
    if (counts_.empty()) {
        list_.erase(std::lower_bound(
            list_.begin(), list_.end(), document,
            [](const Posting& posting, std::uint32_t d) { return posting.document < d; }));
        return;
    }
    counts_[document] = 0.0F;
    if (rare(size_, counts_.size())) gather();
}

void Postings::spread() {
    counts_.resize(list_.back().document + std::size_t{1}, 0.0F);
    for (const Posting& posting : list_) counts_[posting.document] = posting.count;
    list_ = {};
}

void Postings::gather() {
    std::vector<Posting> list;
    each([&](std::uint32_t document, float count) { list.push_back({document, count}); });
    list_.swap(list);
    counts_ = {};
}

}  // namespace engrain

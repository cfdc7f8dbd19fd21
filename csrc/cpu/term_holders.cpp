#include "engrain/term_holders.hpp"

#include <algorithm>

#include "engrain/prefetch.hpp"

namespace engrain {

void TermHolders::clear() {
    slots_.assign(16, Slot{0, -1});
    lists_.clear();
    free_.clear();
}

std::size_t TermHolders::home(std::int32_t term) const noexcept {
    const std::uint64_t mixed = static_cast<std::uint32_t>(term) * 0x9e3779b97f4a7c15ULL;
    return static_cast<std::size_t>(mixed >> 32) & (slots_.size() - 1);
}

// The slot of a term, or the free one where its probing ends.
std::size_t TermHolders::find(std::int32_t term) const noexcept {
    std::size_t at = home(term);
    while (slots_[at].list >= 0 && slots_[at].term != term) at = (at + 1) & (slots_.size() - 1);
    return at;
}

void TermHolders::grow() {
    std::vector<Slot> old(2 * slots_.size(), Slot{0, -1});
    old.swap(slots_);
    for (const Slot& slot : old)
        if (slot.list >= 0) slots_[find(slot.term)] = slot;
}

std::int32_t TermHolders::list_for(std::int32_t term) {
    const std::size_t at = find(term);
    if (slots_[at].list >= 0) return slots_[at].list;
    if (free_.empty()) {
        if (free_.capacity() <= lists_.size()) free_.reserve(2 * lists_.size() + 1);
        lists_.emplace_back();
        free_.push_back(static_cast<std::int32_t>(lists_.size() - 1));
    }
    slots_[at] = {term, free_.back()};
    free_.pop_back();
    return slots_[at].list;
}

TermHolders::List& TermHolders::list_of(const QuestionTerm& term) noexcept {
    return lists_[static_cast<std::size_t>(term.list)];
}

void TermHolders::seek(Terms& terms) {
    while (2 * (lists_.size() - free_.size() + terms.size()) > slots_.size()) grow();
    for (QuestionTerm& term : terms) term.list = list_for(term.id);
    fetch(terms);
}

void TermHolders::reserve(const Terms& terms) {
    for (const QuestionTerm& term : terms) {
        List& list = list_of(term);
        std::vector<Entry>& entries = list.entries;
        engrain::prefetch(entries.data() + entries.size());
        if (entries.size() < entries.capacity()) continue;
        if (2 * list.first > entries.size()) {
            entries.erase(entries.begin(),
                          entries.begin() + static_cast<std::ptrdiff_t>(list.first));
            list.first = 0;
        } else {
            entries.reserve(2 * entries.size() + 1);
        }
    }
}

void TermHolders::add(std::size_t place, const Terms& terms) noexcept {
    for (const QuestionTerm& term : terms)
        list_of(term).entries.push_back({static_cast<std::uint32_t>(place), term.weight});
}

// Frees a slot and its list, and closes the gap in the probings that ran over it.
void TermHolders::release(std::size_t hole) noexcept {
    List& list = lists_[static_cast<std::size_t>(slots_[hole].list)];
    list.entries.clear();
    list.first = 0;
    free_.push_back(slots_[hole].list);  // within the capacity reserved when the list was made
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = (hole + 1) & mask; slots_[at].list >= 0; at = (at + 1) & mask) {
        if (((at - home(slots_[at].term)) & mask) < ((at - hole) & mask)) continue;
        slots_[hole] = slots_[at];
        hole = at;
    }
    slots_[hole].list = -1;
}

void TermHolders::remove(std::size_t place, const Terms& terms) noexcept {
    for (const QuestionTerm& term : terms) {
        List& list = list_of(term);
        std::vector<Entry>& entries = list.entries;
        const auto first = entries.begin() + static_cast<std::ptrdiff_t>(list.first);
        const auto at = std::find_if(first, entries.end(),
                                     [&](const Entry& entry) { return entry.place == place; });
        if (at == first)
            ++list.first;
        else
            entries.erase(at);
        if (list.first == entries.size()) release(find(term.id));
    }
}

void TermHolders::accumulate(std::int32_t term, float weight, float* cosines) const noexcept {
    const Slot& slot = slots_[find(term)];
    if (slot.list < 0) return;
    const List& list = lists_[static_cast<std::size_t>(slot.list)];
    for (std::size_t i = list.first; i < list.entries.size(); ++i)
        cosines[list.entries[i].place] += weight * list.entries[i].weight;
}

void TermHolders::approach(std::int32_t term) const noexcept {
    engrain::prefetch(&slots_[home(term)]);
}

void TermHolders::fetch(const Terms& terms) const noexcept {
    for (const QuestionTerm& term : terms)
        engrain::prefetch(&lists_[static_cast<std::size_t>(term.list)]);
}

void TermHolders::fetch_fronts(const Terms& terms) const noexcept {
    for (const QuestionTerm& term : terms) {
        const List& list = lists_[static_cast<std::size_t>(term.list)];
        engrain::prefetch(list.entries.data() + list.first);
    }
}

}  // namespace engrain

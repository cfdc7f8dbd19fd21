// How many documents hold a term: a hash table whose cache lines can be asked for ahead of time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/text.hpp"

namespace engrain {

// Open addressing with linear probing, at most half full; terms are hashes already. A term whose
// count falls to 0 keeps its slot until the table grows.
class TermTable {
  public:
    TermTable() : slots_(16) {}

    std::uint32_t count(Term term) const noexcept {
        const std::uint32_t held = slots_[find(term)].held;
        return held > 0 ? held - 1 : 0;
    }
    void prefetch(Term term) const noexcept { __builtin_prefetch(&slots_[start(term)]); }

    void increment(Term term) {
        if (2 * (taken_ + 1) > slots_.size()) grow();
        Slot& slot = slots_[find(term)];
        if (slot.held == 0) {
            slot = {term, 1};
            ++taken_;
        }
        ++slot.held;
    }
    void decrement(Term term) noexcept { --slots_[find(term)].held; }

  private:
    struct Slot {
        Term term = 0;
        std::uint32_t held = 0;  // 1 + documents, 0 where the slot is free
    };

    std::size_t start(Term term) const noexcept {
        return static_cast<std::uint32_t>(term) & (slots_.size() - 1);
    }
    // The term's slot, or the free one where it would stand.
    std::size_t find(Term term) const noexcept {
        std::size_t at = start(term);
        while (slots_[at].held > 0 && slots_[at].term != term) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    void grow() {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        taken_ = 0;
        for (const Slot& slot : old) {
            if (slot.held <= 1) continue;
            slots_[find(slot.term)] = slot;
            ++taken_;
        }
    }

    std::vector<Slot> slots_;
    std::size_t taken_ = 0;
};

}  // namespace engrain

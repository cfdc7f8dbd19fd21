// Which questions of a ring hold a term, by place, oldest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

struct QuestionTerm {
    std::int32_t id;
    float count, weight;     // weight: count * idf, all of a question at unit length
    std::int32_t list = -1;  // of its holders
};

// Open addressing from term to its list; a list gives up its front without moving the rest.
class TermHolders {
  public:
    using Terms = std::vector<QuestionTerm>;

    TermHolders() { clear(); }
    // Gives each term its list.
    void seek(Terms& terms);
    // Makes room for a question of these terms; `add` then needs no memory.
    void reserve(const Terms& terms);
    // Adds the question that room was made for.
    void add(std::size_t place, const Terms& terms) noexcept;
    // Drops the oldest entries of a place.
    void remove(std::size_t place, const Terms& terms) noexcept;
    void clear();
    // cosines[place] += weight * weight of the term there.
    void accumulate(std::int32_t term, float weight, float* cosines) const noexcept;
    // Asks memory for where `seek` finds a term; for lists; for where their next `remove` looks.
    void approach(std::int32_t term) const noexcept;
    void fetch(const Terms& terms) const noexcept;
    void fetch_fronts(const Terms& terms) const noexcept;

  private:
    struct Entry {
        std::uint32_t place;
        float weight;
    };
    struct List {
        std::vector<Entry> entries;
        std::size_t first = 0;  // those before it are gone
    };
    struct Slot {
        std::int32_t term, list;  // list -1: free
    };

    std::size_t home(std::int32_t term) const noexcept;
    std::size_t find(std::int32_t term) const noexcept;
    List& list_of(const QuestionTerm& term) noexcept;
    std::int32_t list_for(std::int32_t term);
    void grow();
    void release(std::size_t slot) noexcept;

    std::vector<Slot> slots_;  // a power of two of them, at most half of them taken
    std::vector<List> lists_;
    std::vector<std::int32_t> free_;  // lists without a term
};

}  // namespace engrain

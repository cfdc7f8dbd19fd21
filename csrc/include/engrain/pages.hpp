// The words of documents, all kinds of a document's words side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/arena.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/text.hpp"

namespace engrain {

// A document's words of one kind, ascending, each as often as it occurs.
struct WordSpan {
    const Term* first;
    std::size_t count;
    const Term* begin() const noexcept { return first; }
    const Term* end() const noexcept { return first + count; }
};

// One page per document, from the start of a cache line on: whoever reads one kind of its words
// finds the others beside it, and memory can be asked for all of them at once.
class Pages {
  public:
    // In the order in which they lie: stems are read of neighbours too, of which nothing else is.
    enum Kind : std::size_t { stems, grams, pairs, terms, kinds };
    using Words = std::array<std::vector<Term>, kinds>;

    // Documents arrive in ascending order; words of each kind ascend and may be none.
    void add(std::uint32_t document, const Words& words);
    void remove(std::uint32_t document);

    WordSpan words(std::uint32_t document, Kind kind) const noexcept {
        const Place& place = places_[document];
        const std::size_t begin = kind == 0 ? 0 : place.ends[kind - 1];
        return {lines_.row(place.line) + begin, place.ends[kind] - begin};
    }
    // Ask memory for where a document's words lie; for its stems; for all its words.
    ENGRAIN_INLINE void prefetch_place(std::uint32_t document) const noexcept {
        engrain::prefetch(&places_[document]);
    }
    ENGRAIN_INLINE void prefetch_stems(std::uint32_t document) const noexcept {
        ask_for(document, places_[document].ends[stems]);
    }
    ENGRAIN_INLINE void prefetch(std::uint32_t document) const noexcept {
        ask_for(document, places_[document].ends[kinds - 1]);
    }

  private:
    static constexpr std::size_t line = 64 / sizeof(Term);
    static std::size_t lines_of(std::size_t words) noexcept { return (words + line - 1) / line; }

    struct alignas(32) Place {
        std::size_t line = 0;
        std::array<std::uint32_t, kinds> ends{};  // of each kind's words, from the line on
        std::size_t lines() const noexcept { return lines_of(ends[kinds - 1]); }
    };
    ENGRAIN_INLINE void ask_for(std::uint32_t document, std::size_t words) const noexcept {
        prefetch_all(lines_.row(places_[document].line), words);
    }
    void compact();

    Arena<Term> lines_{line};
    std::vector<Place> places_;
    std::size_t dead_ = 0;  // lines
};

}  // namespace engrain

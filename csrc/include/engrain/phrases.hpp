// Phrases of feedback in an utterance, and what negation and questions make of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engrain/utterance.hpp"

namespace engrain {

// Classes of phrases. `softened` is a negative one that is negated, `asked` one in a question;
// `neutral` only looks like another.
enum class Cue : std::uint8_t {
    positive,
    negative,
    correction,
    confusion,
    softened,
    asked,
    hedge,
    neutral,
    negator,
    contrast,
    about,
    degree,
    judgement,
};
constexpr std::size_t kCues = 13;
extern const std::array<std::string_view, kCues> kCueNames;

struct Phrase {
    std::size_t start, length;  // in words
    Cue cue;
};

// The longest phrase wins; a `whole` one must be all that is said beside punctuation.
class PhraseTable {
  public:
    // What a word is by itself: a `filler` says nothing, as people do while they think, a `judging`
    // one how good something is, or how one likes it.
    enum Mark : std::uint8_t { none = 0, filler = 1, ends_clause = 2, asks = 4, judging = 8 };

    PhraseTable();
    void add(Cue cue, const std::vector<Word>& words, bool whole);
    std::vector<Phrase> find(const std::vector<Word>& words) const;
    void mark(const std::vector<Word>& words, Mark mark);
    bool is_filler(const Word& word) const;
    bool is_judging(const Word& word) const;

  private:
    struct Known {
        std::vector<std::uint64_t> words;
        Cue cue;
    };
    std::uint8_t marks(const Word& word) const;
    const Known* longest_at(const std::vector<Word>& words, std::size_t start) const;
    const Cue* whole(const std::vector<Word>& words) const;
    void put_in_context(const std::vector<Word>& words, std::vector<Phrase>& found) const;
    bool is_asked(const std::vector<Word>& words, std::size_t start) const;
    std::size_t clause_end(const std::vector<Word>& words, std::size_t start) const;

    std::unordered_map<std::uint64_t, std::vector<Known>> by_first_;  // longest first
    std::unordered_map<std::uint64_t, Cue> whole_;
    std::unordered_map<std::uint64_t, std::uint8_t> marks_;
    std::size_t longest_whole_ = 0;
};

}  // namespace engrain

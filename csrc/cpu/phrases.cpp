#include "engrain/phrases.hpp"

#include <algorithm>

namespace engrain {
namespace {

constexpr std::size_t kNegationReach = 4;  // words after a negator that it turns

std::uint64_t hash_all(const std::vector<std::uint64_t>& words) {
    std::uint64_t all = words.size();
    for (const std::uint64_t word : words) all = (all ^ word) * 0x9E3779B97F4A7C15ULL;
    return all;
}

bool is_turned(Cue cue) { return cue == Cue::positive || cue == Cue::negative; }

}  // namespace

const std::array<std::string_view, kCues> kCueNames = {
    "positive", "negative", "correction", "confusion", "softened", "asked",    "hedge",
    "neutral",  "negator",  "contrast",   "about",     "degree",   "judgement"};

PhraseTable::PhraseTable() {
    mark(Utterance(". , ; : ! ? ( ) 。 、 ， ！ ？ … - — \"").words(), ends_clause);
    mark(Utterance("? ？ ?? ???").words(), asks);
}

void PhraseTable::mark(const std::vector<Word>& words, Mark mark) {
    for (const Word& word : words) marks_[word.hash] |= mark;
}

std::uint8_t PhraseTable::marks(const Word& word) const {
    const auto found = marks_.find(word.hash);
    return found == marks_.end() ? std::uint8_t(none) : found->second;
}

bool PhraseTable::is_filler(const Word& word) const { return marks(word) & filler; }

bool PhraseTable::is_judging(const Word& word) const { return marks(word) & judging; }

void PhraseTable::add(Cue cue, const std::vector<Word>& words, bool whole) {
    Known known{{}, cue};
    for (const Word& word : words) known.words.push_back(word.hash);
    if (whole) {
        whole_.emplace(hash_all(known.words), cue);
        longest_whole_ = std::max(longest_whole_, words.size());
        return;
    }
    auto& held = by_first_[words[0].hash];
    for (const Known& other : held)
        if (other.words == known.words) return;
    const auto shorter = std::find_if(held.begin(), held.end(), [&](const Known& other) {
        return other.words.size() < known.words.size();
    });
    held.insert(shorter, std::move(known));
}

const Cue* PhraseTable::whole(const std::vector<Word>& words) const {
    if (words.size() > longest_whole_ + 2) return nullptr;
    std::vector<std::uint64_t> spoken;
    for (const Word& word : words)
        if (!(marks(word) & (ends_clause | asks))) spoken.push_back(word.hash);
    const auto found = whole_.find(hash_all(spoken));
    return found == whole_.end() ? nullptr : &found->second;
}

const PhraseTable::Known* PhraseTable::longest_at(const std::vector<Word>& words,
                                                  std::size_t start) const {
    const auto held = by_first_.find(words[start].hash);
    if (held == by_first_.end()) return nullptr;
    for (const Known& known : held->second) {
        const std::size_t n = known.words.size();
        if (n <= words.size() - start &&
            std::equal(known.words.begin(), known.words.end(), words.begin() + start,
                       [](std::uint64_t hash, const Word& word) { return hash == word.hash; }))
            return &known;
    }
    return nullptr;
}

std::vector<Phrase> PhraseTable::find(const std::vector<Word>& words) const {
    if (const Cue* cue = whole(words)) return {{0, words.size(), *cue}};
    std::vector<Phrase> found;
    for (std::size_t start = 0; start < words.size();) {
        const Known* known = longest_at(words, start);
        if (known != nullptr) found.push_back({start, known->words.size(), known->cue});
        start += known == nullptr ? 1 : known->words.size();
    }
    put_in_context(words, found);
    return found;
}

void PhraseTable::put_in_context(const std::vector<Word>& words, std::vector<Phrase>& found) const {
    std::size_t reach = 0;  // up to where the last negator turns
    for (Phrase& phrase : found) {
        if (phrase.cue == Cue::negator)
            reach = clause_end(words, phrase.start + phrase.length);
        else if (phrase.cue == Cue::contrast)
            reach = 0;
        else if (is_turned(phrase.cue) && is_asked(words, phrase.start))
            phrase.cue = Cue::asked;
        else if (is_turned(phrase.cue) && phrase.start < reach)
            phrase.cue = phrase.cue == Cue::positive ? Cue::negative : Cue::softened;
    }
}

std::size_t PhraseTable::clause_end(const std::vector<Word>& words, std::size_t start) const {
    const std::size_t stop = std::min(start + kNegationReach, words.size());
    while (start < stop && !(marks(words[start]) & ends_clause)) ++start;
    return std::min(start, stop);
}

bool PhraseTable::is_asked(const std::vector<Word>& words, std::size_t start) const {
    for (std::size_t i = start; i < words.size(); ++i) {
        const std::uint8_t found = marks(words[i]);
        if (found & asks) return true;
        if (found & ends_clause) return false;
    }
    return false;
}

}  // namespace engrain

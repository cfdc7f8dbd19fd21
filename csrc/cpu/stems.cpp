#include "engrain/stems.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "engrain/hash.hpp"

namespace engrain {
namespace {

constexpr std::size_t gram = 4, longest = 64;

struct Rule {
    std::string_view ending, instead;
};

constexpr Rule second[] = {
    {"ational", "ate"}, {"ization", "ize"}, {"iveness", "ive"}, {"fulness", "ful"},
    {"ousness", "ous"}, {"tional", "tion"}, {"biliti", "ble"},  {"entli", "ent"},
    {"ousli", "ous"},   {"ation", "ate"},   {"alism", "al"},    {"aliti", "al"},
    {"iviti", "ive"},   {"enci", "ence"},   {"anci", "ance"},   {"izer", "ize"},
    {"abli", "able"},   {"alli", "al"},     {"ator", "ate"},    {"eli", "e"}};
constexpr Rule third[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                          {"ical", "ic"},  {"ness", ""},  {"ful", ""}};
constexpr Rule fourth[] = {{"ement", ""}, {"ance", ""}, {"ence", ""}, {"able", ""}, {"ible", ""},
                           {"ment", ""},  {"ant", ""},  {"ent", ""},  {"ion", ""},  {"ism", ""},
                           {"ate", ""},   {"iti", ""},  {"ous", ""},  {"ive", ""},  {"ize", ""},
                           {"al", ""},    {"er", ""},   {"ic", ""},   {"ou", ""}};

// One word on its way through the five steps.
class Word {
  public:
    Word(char* letters, std::size_t n) : w_(letters), n_(n) {}

    std::size_t stem() {
        if (ends("sses") || ends("ies"))
            n_ -= 2;
        else if (ends("s") && !ends("ss"))
            n_ -= 1;
        past_and_participle();
        if (ends("y") && has_vowel(n_ - 1)) w_[n_ - 1] = 'i';
        replace(second, 0);
        replace(third, 0);
        replace(fourth, 1);
        const std::size_t bare = n_ - 1;
        if (ends("e") && (measure(bare) > 1 || (measure(bare) == 1 && !is_short(bare)))) n_ = bare;
        if (ends("ll") && measure(n_) > 1) n_ -= 1;
        return n_;
    }

  private:
    bool ends(std::string_view ending) const {
        return n_ >= ending.size() &&
               std::memcmp(w_ + n_ - ending.size(), ending.data(), ending.size()) == 0;
    }
    bool consonant(std::size_t i) const {
        switch (w_[i]) {
            case 'a':
            case 'e':
            case 'i':
            case 'o':
            case 'u':
                return false;
            case 'y':
                return i == 0 || !consonant(i - 1);
            default:
                return true;
        }
    }
    // How often a consonant follows a vowel in the first n letters.
    std::size_t measure(std::size_t n) const {
        std::size_t found = 0;
        for (std::size_t i = 1; i < n; ++i) found += consonant(i) && !consonant(i - 1) ? 1 : 0;
        return found;
    }
    bool has_vowel(std::size_t n) const {
        for (std::size_t i = 0; i < n; ++i)
            if (!consonant(i)) return true;
        return false;
    }
    bool is_doubled() const { return n_ > 1 && w_[n_ - 1] == w_[n_ - 2] && consonant(n_ - 1); }
    // Ends in consonant, vowel, consonant other than w, x, y.
    bool is_short(std::size_t n) const {
        return n > 2 && consonant(n - 1) && !consonant(n - 2) && consonant(n - 3) &&
               w_[n - 1] != 'w' && w_[n - 1] != 'x' && w_[n - 1] != 'y';
    }
    void past_and_participle() {
        if (ends("eed")) {
            if (measure(n_ - 3) > 0) n_ -= 1;
            return;
        }
        const std::size_t cut = ends("ed") ? 2 : ends("ing") ? 3 : 0;
        if (cut == 0 || !has_vowel(n_ - cut)) return;
        n_ -= cut;
        if (ends("at") || ends("bl") || ends("iz") || (!is_doubled() && is_e_missing()))
            w_[n_++] = 'e';
        else if (is_doubled() && !ends("l") && !ends("s") && !ends("z"))
            n_ -= 1;
    }
    bool is_e_missing() const { return measure(n_) == 1 && is_short(n_); }
    // The longest ending that fits decides, whether or not its condition holds.
    template <std::size_t count>
    void replace(const Rule (&rules)[count], std::size_t least) {
        for (const Rule& rule : rules) {
            if (!ends(rule.ending)) continue;
            const std::size_t left = n_ - rule.ending.size();
            const bool ion = rule.ending == "ion";
            if (ion && (left == 0 || (w_[left - 1] != 's' && w_[left - 1] != 't'))) return;
            if (measure(left) <= least) return;
            std::memcpy(w_ + left, rule.instead.data(), rule.instead.size());
            n_ = left + rule.instead.size();
            return;
        }
    }

    char* w_;
    std::size_t n_;
};

Term term_of(std::string_view bytes) {
    Hash hash;
    for (const char byte : bytes) hash.add(byte);
    return static_cast<Term>(static_cast<std::uint32_t>(hash.value()));
}

Term pair_of(Term first, Term second) {
    Hash hash;
    for (const Term term : {first, second})
        for (int shift = 0; shift < 32; shift += 8)
            hash.add(static_cast<char>(static_cast<std::uint32_t>(term) >> shift));
    return static_cast<Term>(static_cast<std::uint32_t>(hash.value()));
}

void append_grams(std::string_view marked, std::vector<Term>& grams) {
    std::size_t starts[gram] = {};  // of the last code points
    std::size_t letters = 0;
    for (std::size_t i = 0; i <= marked.size(); ++i) {
        if (i < marked.size() && (marked[i] & 0xC0) == 0x80) continue;
        if (letters >= gram) {
            const std::size_t start = starts[letters % gram];
            grams.push_back(term_of(marked.substr(start, i - start)));
        }
        starts[letters++ % gram] = i;
    }
    if (letters <= gram) grams.push_back(term_of(marked));
}

}  // namespace

std::size_t porter_stem(char* word, std::size_t n) noexcept {
    const bool ascii = std::all_of(word, word + n, [](char c) { return (c & 0x80) == 0; });
    return ascii && n > 2 && n <= longest ? Word(word, n).stem() : n;
}

Stems read_stems(const char* text, std::size_t size) {
    std::vector<Token> tokens;
    append_tokens(text, size, tokens);
    Stems read;
    std::string marked;
    for (const Token& token : tokens) {
        marked.assign("#").append(token.begin, token.size);
        const std::size_t length = porter_stem(marked.data() + 1, token.size);
        marked.resize(1 + length);
        read.stems.push_back(term_of(std::string_view(marked).substr(1)));
        append_grams(marked.append("#"), read.grams);
    }
    for (std::size_t apart = 1; apart <= 2; ++apart)
        for (std::size_t i = apart; i < read.stems.size(); ++i)
            read.pairs.push_back(pair_of(read.stems[i - apart], read.stems[i]));
    return read;
}

}  // namespace engrain

// The words of a short utterance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engrain {

struct Word {
    std::string_view text;
    std::uint64_t hash;  // by which a word is known
};

// An utterance in lower case and its words: runs of ASCII letters and digits and of all bytes
// beyond ASCII, with apostrophes inside; emoticons; two or more question marks; any other sign.
// Text beyond ASCII comes as words in lower case with spaces between them.
class Utterance {
  public:
    explicit Utterance(std::string_view text);
    Utterance(const Utterance&) = delete;
    Utterance& operator=(const Utterance&) = delete;
    const std::vector<Word>& words() const { return words_; }

  private:
    std::string text_;
    std::vector<Word> words_;
};

std::uint64_t hash_word(std::string_view word);

}  // namespace engrain

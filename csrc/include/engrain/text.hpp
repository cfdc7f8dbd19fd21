// Text to terms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

// A term is the 32-bit hash of its letters: no vocabulary is kept, so the number of a term depends
// on nothing but the term (feature hashing, Weinberger et al. 2009).
using Term = std::int32_t;

// A token of a text: `letters` code points in `size` bytes.
struct Token {
    const char* begin;
    std::size_t size, letters;
};

// Appends the tokens of lower-case UTF-8 text in order, less English stop words.
//
// A token is a run of ASCII letters and digits and of letters of other alphabets; ideographs, kana
// and Hangul syllables are one token each; all else separates, malformed bytes too.
void append_tokens(const char* text, std::size_t size, std::vector<Token>& tokens);

// Appends the terms of the tokens. The plural s is stripped from tokens of more than four letters
// (s-stemmer: ies -> y, es after s/x/z, s not after s; Harman 1991).
void append_terms(const char* text, std::size_t size, std::vector<Term>& terms);

}  // namespace engrain

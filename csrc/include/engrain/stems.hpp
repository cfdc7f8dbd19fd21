// What is counted of a text beyond its terms: Porter stems, their parts and their pairs.
#pragma once

#include <cstddef>
#include <vector>

#include "engrain/text.hpp"

namespace engrain {

// Cuts the endings off an English word in place and returns its new length (Porter, An algorithm
// for suffix stripping, Program 14, 1980). `word` is lower case, `n` its bytes; a word with bytes
// beyond ASCII, of at most two letters or of more than 64 stays as it is. The result is never
// longer.
std::size_t porter_stem(char* word, std::size_t n) noexcept;

// The stems of a text in order, and what is made of them.
struct Stems {
    std::vector<Term> stems;
    std::vector<Term> grams;  // 4-grams of the code points of #stem#, the whole where it is shorter
    std::vector<Term> pairs;  // adjacent stems, then stems with one between them
};

// Reads lower-case UTF-8 text; tokens and stop words as in `append_tokens`.
Stems read_stems(const char* text, std::size_t size);

}  // namespace engrain

// Hashed n-grams of short utterances, and a linear model over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace engrain {

// One utterance in three strings of words, which single spaces separate.
struct Utterance {
    std::string_view words;    // what was said
    std::string_view classes;  // the same with phrases replaced by a class, which begins with '\1'
    std::string_view context;  // features that stand for themselves
};

// The 64-bit hash of every different feature, ascending (feature hashing, Weinberger et al. 2009):
// runs of 1 to 3 words with their borders \2 and \3, pairs that skip one or two words, the first
// and last 4 letters of #word#, runs of 2 and 3 words and classes with a class among them, each
// word of the context.
std::vector<std::uint64_t> hash_grams(const Utterance& utterance);

// out[k] = sum over the hashes h of codes[h mod rows, k] / sqrt(number of hashes); codes is
// row-major (rows, kinds), rows a power of two.
void score_grams(const std::uint64_t* hashes, std::size_t n, const std::int8_t* codes,
                 std::size_t rows, std::size_t kinds, double* out) noexcept;

}  // namespace engrain

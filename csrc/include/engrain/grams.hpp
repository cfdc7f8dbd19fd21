// Hashed features of short utterances, and a linear model over them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engrain/phrases.hpp"

namespace engrain {

// What the model sees of an utterance; `features` holds the 64-bit hash of each once, ascending.
struct Reading {
    std::size_t words = 0;
    std::array<std::size_t, kCues> cues{};
    std::vector<std::uint64_t> features;
};

// Features are hashed (Weinberger et al. 2009): runs of 1 to 3 words with their borders \2 and \3,
// pairs that skip one or two words, the first and last 4 letters of #word#, runs of 2 and 3 words
// in which phrases are replaced by their class, runs of 2 to 4 words in which those that judge are
// alike, and those of its context: lengths, first and last
// words, what is left without fillers, and how it takes up the utterance before it.
Reading read_utterance(const PhraseTable& table, std::string_view text, std::string_view previous);

// A linear model: codes are row-major (rows, kinds), rows a power of two; step and bias hold one
// number per kind, cues is row-major (kCues, kinds).
struct GramWeights {
    const std::int8_t* codes;
    std::size_t rows, kinds;
    const double* step;
    const double* bias;
    const double* cues;
};

// out[k] = the logistic function of bias_k + sum_c cues_ck (2 - 2^(1 - n_c)) +
// step_k sum_f codes[f mod rows, k] / sqrt(|f|), where class c was found n_c > 0 times.
void score_reading(const Reading& reading, const GramWeights& weights, double* out);

}  // namespace engrain

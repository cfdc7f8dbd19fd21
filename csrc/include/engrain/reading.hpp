// What a question is compared by beyond its terms: stems, their parts and pairs, feedback words.
#pragma once

#include <cstddef>
#include <vector>

#include "engrain/latent.hpp"
#include "engrain/lexical.hpp"

namespace engrain {

// The columns made of words, in their order.
enum WordColumn : std::size_t {
    stem_bm25,
    gram_bm25,
    pair_bm25,
    feedback_bm25,
    feedback_cosine,
    latent_cosine,
    word_columns
};

// z = (score - mean) * inverse.
struct Standard {
    float mean = 0.0F, inverse = 0.0F;
    float z(float score) const noexcept { return (score - mean) * inverse; }
};

// What a document says to a question's words, before any of it is standardized.
struct Words {
    float stems, grams, pairs, feedback, latent;
};

struct Reading {
    bool gauged = false;
    std::vector<TermCount> stems;
    Sought asked, grams, pairs;
    Sought feedback;                   // what was asked among it
    std::vector<float> asked_weights;  // of its terms, 0 for those that were not asked (its room)
    Codes latent;                      // where the question lies, where there is a basis
    std::vector<Words> best;           // by static rank; they give the columns their scale
    Standard gram_scale, feedback_scale, latent_scale;
};

}  // namespace engrain

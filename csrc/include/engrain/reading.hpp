// What a question is compared by beyond its terms: stems, their parts and pairs, feedback words.
#pragma once

#include <cstddef>
#include <vector>

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

// What the best static documents score by a measure, which gives it its scale.
struct Gauge {
    std::vector<float> best;  // by static rank
    Standard standard;        // over `best`
};

struct Reading {
    bool gauged = false;
    std::vector<TermCount> stems;
    std::vector<TermWeight> weights, grams, pairs, feedback;
    std::vector<float> latent;  // where the question lies, empty without a basis
    Gauge gram_gauge, feedback_gauge, latent_gauge;
};

}  // namespace engrain

// A text as a vector without any model or corpus.
#pragma once

#include <cstddef>

namespace engrain {

// Adds the signed feature hashes of the text's tokens to out, dim floats (Weinberger et al. 2009).
// A token that occurs c times and has m letters weighs sqrt(c m), spread over the 4- and 5-grams of
// #token# as 1 / sqrt(their number); a shorter one is its own feature.
void hash_text(const char* text, std::size_t size, std::size_t dim, float* out);

}  // namespace engrain

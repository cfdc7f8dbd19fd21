// The k best of many scores, exact, with ties to the smaller index.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// A list of the best found so far: a heap of k entries with the worst at the front, in two arrays
// that the caller owns. Start with `size` 0; finish with sort_best.
struct Best {
    std::int64_t* index;
    float* score;
    std::size_t k, size;
};

// Offer scores[i] as index first + i, i < n, with indices above all offered before. NaN is never
// taken.
void offer_scores(Best& best, const float* scores, std::size_t n, std::int64_t first) noexcept;

// Order the list best first.
void sort_best(Best& best) noexcept;

// Offer every row by its inner product with the query, over 16 logical lanes. One pass over rows.
void scan_rows(Best& best, const float* rows, std::size_t n, std::size_t dim,
               const float* query) noexcept;

// The same by int8 codes: score = scale[i] * (codes_i . query), the integer product being exact.
// `width` is a multiple of 64, padded with zeros; codes and query lie in [-127, 127].
void scan_codes(Best& best, const std::int8_t* codes, const float* scale, std::size_t n,
                std::size_t width, const std::int8_t* query) noexcept;

// Replace each score by the inner product of its row with the query; the list is then no heap until
// sort_best has been called.
void rescore_best(Best& best, const float* rows, std::size_t dim, const float* query) noexcept;

}  // namespace engrain

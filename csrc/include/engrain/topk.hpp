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

// Offer scores[i] as index first + i, i < n. NaN is never taken.
void offer_scores(Best& best, const float* scores, std::size_t n, std::int64_t first) noexcept;

// Order the list best first.
void sort_best(Best& best) noexcept;

// Offer every row by its inner product with the query, over 16 logical lanes. One pass over rows.
void scan_rows(Best& best, const float* rows, std::size_t n, std::size_t dim,
               const float* query) noexcept;

// A query as int8 codes of `step` each. A row's inner product with it lies within scale * margin of
// scale * step * (codes of the row . codes), whatever was lost by coding either, and by summing.
struct CodedQuery {
    const std::int8_t* codes;
    float step, margin;
};

// `padded` holds a query of `dim` numbers and zeros up to `width`, a multiple of 64.
CodedQuery code_query(const float* padded, std::size_t dim, std::size_t width,
                      std::int8_t* codes) noexcept;

// Which of n rows may be among the k > 0 best, going by their codes (see quantize_row): writes
// their indices, ascending, and returns how many. `least` has room for k and starts empty,
// `ceilings` and `rows` have room for n.
std::size_t sift_codes(const std::int8_t* codes, const float* scale, std::size_t n,
                       std::size_t width, const CodedQuery& query, Best& least, float* ceilings,
                       std::int64_t* rows) noexcept;

// Offer the rows at `indices`, ascending, by their inner product with the query.
void offer_rows(Best& best, const float* rows, std::size_t dim, const float* query,
                const std::int64_t* indices, std::size_t n) noexcept;

}  // namespace engrain

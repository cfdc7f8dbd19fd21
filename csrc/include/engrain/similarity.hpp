// Inner products of one query or several with many rows, and cosines among rows.
#pragma once

#include <cstddef>

namespace engrain {

// out[i] = sum_j rows[i * dim + j] * query[j], i < n. Row-major, no aliasing; n and dim may be 0.
void score_rows(const float* rows, const float* query, std::size_t n, std::size_t dim,
                float* out) noexcept;

// out[i * k + q] = row i . query q, each as score_rows has it. queries: (k, dim).
void score_queries(const float* rows, const float* queries, std::size_t n, std::size_t k,
                   std::size_t dim, float* out) noexcept;

// out[i * n + j] = cos(row i, row j), a symmetric matrix; a row of zeros has cosine 0 with all.
// Returns whether all is finite: false where a row holds NaN or infinity, or is too long to square.
bool compare_rows(const float* rows, std::size_t n, std::size_t dim, float* out) noexcept;

}  // namespace engrain

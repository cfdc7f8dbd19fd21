// Inner products of one query with many rows.
#pragma once

#include <cstddef>

namespace engrain {

// out[i] = sum_j rows[i * dim + j] * query[j], i < n. Row-major, no aliasing; n and dim may be 0.
void score_rows(const float* rows, const float* query, std::size_t n, std::size_t dim,
                float* out) noexcept;

}  // namespace engrain

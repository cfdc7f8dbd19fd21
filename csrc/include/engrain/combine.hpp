// A weighted sum of rows that lie anywhere.
#pragma once

#include <cstddef>

namespace engrain {

// out = sum_i weights[i] rows[i], rows in order; those of weight 0 are not read.
void combine_rows(const float* const* rows, const float* weights, std::size_t n, std::size_t dim,
                  float* out) noexcept;

}  // namespace engrain

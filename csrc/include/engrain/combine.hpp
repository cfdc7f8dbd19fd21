// A weighted sum of rows that lie anywhere.
#pragma once

#include <cstddef>

namespace engrain {

// out = sum_i weights[i] rows[i], rows in order; those of weight 0 are not read.
void combine_rows(const float* const* rows, const float* weights, std::size_t n, std::size_t dim,
                  float* out) noexcept;

// Ask memory for an object, or for the start of a row of n floats, that will be written: once a row
// is being read in order, the machine asks for the rest by itself.
inline void prefetch(const void* object) noexcept { __builtin_prefetch(object, 1); }
inline void prefetch_row(const float* row, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n && i < 64; i += 16) __builtin_prefetch(row + i, 1);
}

}  // namespace engrain

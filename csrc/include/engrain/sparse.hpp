// Products of a sparse matrix in compressed rows with a dense one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// out[i, j] = sum_{starts[i] <= e < starts[i + 1]} values[e] dense[columns[e], j], in order of e.
// starts has n + 1 entries; dense and out are row-major with `width` columns.
void multiply_sparse(const std::int64_t* starts, const std::int32_t* columns, const float* values,
                     std::size_t n, const float* dense, std::size_t width, float* out) noexcept;

}  // namespace engrain

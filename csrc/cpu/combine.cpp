#include "engrain/combine.hpp"

#include <algorithm>

#include "engrain/simd.hpp"

namespace engrain {
namespace {

template <int W>
ENGRAIN_INLINE void add_row_body(const float* __restrict row, float weight, std::size_t dim,
                                 float* __restrict out) {
    for (std::size_t j = 0; j < dim; ++j) out[j] += weight * row[j];
}

ENGRAIN_DISPATCH(void, add_row, (const float* row, float weight, std::size_t dim, float* out),
                 (row, weight, dim, out))

}  // namespace

void combine_rows(const float* const* rows, const float* weights, std::size_t n, std::size_t dim,
                  float* out) noexcept {
    std::fill_n(out, dim, 0.0F);
    for (std::size_t i = 0; i < n; ++i)
        if (weights[i] != 0.0F) add_row(rows[i], weights[i], dim, out);
}

}  // namespace engrain

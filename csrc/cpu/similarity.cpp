#include "engrain/similarity.hpp"

#include "engrain/dot.hpp"
#include "engrain/simd.hpp"

namespace engrain {
namespace {

template <int W>
ENGRAIN_INLINE void score_rows_body(const float* rows, const float* query, std::size_t n,
                                    std::size_t dim, float* out) {
    for (std::size_t i = 0; i < n; ++i) out[i] = dot<W>(rows + i * dim, query, dim);
}

}  // namespace

ENGRAIN_DISPATCH(void, score_rows,
                 (const float* rows, const float* query, std::size_t n, std::size_t dim,
                  float* out),
                 (rows, query, n, dim, out))

}  // namespace engrain

#include "engrain/similarity.hpp"

#include "engrain/simd.hpp"

namespace engrain {
namespace {

using simd::Lanes;

template <int W>
ENGRAIN_INLINE float dot(const float* a, const float* b, std::size_t n) {
    Lanes<W> total = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) total = total + Lanes<W>::load(a + i) * Lanes<W>::load(b + i);
    if (i < n)
        total = total + Lanes<W>::load_partial(a + i, n - i) * Lanes<W>::load_partial(b + i, n - i);
    return total.sum();
}

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

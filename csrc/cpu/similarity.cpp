#include "engrain/similarity.hpp"

#include <cmath>

#include "engrain/dot.hpp"
#include "engrain/simd.hpp"

namespace engrain {
namespace {

using simd::Lanes;
using simd::Vec;

// Rows side by side, each as `dot` has it: their sums do not wait for each other.
template <int W>
ENGRAIN_INLINE void score_rows_body(const float* rows, const float* query, std::size_t n,
                                    std::size_t dim, float* out) {
    constexpr std::size_t abreast = W == 16 ? 4 : 2;
    const std::size_t whole = dim - dim % 16;
    std::size_t i = 0;
    for (; i + abreast <= n; i += abreast) {
        Lanes<W> total[abreast] = {};
        for (std::size_t j = 0; j < whole; j += 16) {
            const Lanes<W> q = Lanes<W>::load(query + j);
            for (std::size_t k = 0; k < abreast; ++k)
                total[k] = total[k] + Lanes<W>::load(rows + (i + k) * dim + j) * q;
        }
        for (std::size_t k = 0; k < abreast; ++k) {
            if (whole < dim)
                total[k] =
                    total[k] + Lanes<W>::load_partial(rows + (i + k) * dim + whole, dim - whole) *
                                   Lanes<W>::load_partial(query + whole, dim - whole);
            out[i + k] = total[k].sum();
        }
    }
    for (; i < n; ++i) out[i] = dot<W>(rows + i * dim, query, dim);
}

// Some rows by two queries, each as `dot` has it, so that a row is read once for both.
template <int W>
ENGRAIN_INLINE void score_pairs(const float* rows, const float* queries, std::size_t n,
                                std::size_t k, std::size_t dim, float* out) {
    using simd::Lanes;
    const std::size_t whole = dim - dim % 16;
    const float* second = queries + dim;
    Lanes<W> total[4][2];
    for (std::size_t r = 0; r < n; ++r) total[r][0] = total[r][1] = Lanes<W>::zero();
    for (std::size_t j = 0; j < whole; j += 16) {
        const Lanes<W> p = Lanes<W>::load(queries + j), q = Lanes<W>::load(second + j);
        for (std::size_t r = 0; r < n; ++r) {
            const Lanes<W> row = Lanes<W>::load(rows + r * dim + j);
            total[r][0] = total[r][0] + row * p;
            total[r][1] = total[r][1] + row * q;
        }
    }
    for (std::size_t r = 0; r < n; ++r) {
        const float* rest = rows + r * dim + whole;
        for (std::size_t q = 0; q < 2; ++q) {
            if (whole < dim)
                total[r][q] = total[r][q] +
                              Lanes<W>::load_partial(rest, dim - whole) *
                                  Lanes<W>::load_partial(queries + q * dim + whole, dim - whole);
            out[r * k + q] = total[r][q].sum();
        }
    }
}

template <int W>
ENGRAIN_INLINE void score_queries_body(const float* rows, const float* queries, std::size_t n,
                                       std::size_t k, std::size_t dim, float* out) {
    constexpr std::size_t abreast = W == 16 ? 4 : W == 8 ? 2 : 1;
    const std::size_t tiled = n - n % abreast, paired = k - k % 2;
    for (std::size_t i = 0; i < tiled; i += abreast)
        for (std::size_t q = 0; q < paired; q += 2)
            score_pairs<W>(rows + i * dim, queries + q * dim, abreast, k, dim, out + i * k + q);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t q = i < tiled ? paired : 0; q < k; ++q)
            out[i * k + q] = dot<W>(rows + i * dim, queries + q * dim, dim);
}

// Inner products of rows [i, i + T) with rows [j, j + T), equal to those of `dot` bit for bit. The
// 16 logical lanes are summed register by register, so that T x T sums stay in registers.
template <int W, int T>
ENGRAIN_INLINE void multiply_tile(const float* rows, std::size_t n, std::size_t dim, std::size_t i,
                                  std::size_t j, float* out) {
    using V = typename Vec<W>::f32;
    using At = typename Vec<W>::f32_at;
    const float *a = rows + i * dim, *b = rows + j * dim;
    const std::size_t whole = dim - dim % 16;
    Lanes<W> sums[T][T];
    for (int r = 0; r < Lanes<W>::registers; ++r) {
        V total[T][T] = {};
        for (std::size_t k = std::size_t(r) * W; k < whole; k += 16) {
            V left[T];
            for (int p = 0; p < T; ++p)
                left[p] = *reinterpret_cast<const At*>(a + std::size_t(p) * dim + k);
            for (int q = 0; q < T; ++q) {
                const V right = *reinterpret_cast<const At*>(b + std::size_t(q) * dim + k);
                for (int p = 0; p < T; ++p) total[p][q] += left[p] * right;
            }
        }
        for (int p = 0; p < T; ++p)
            for (int q = 0; q < T; ++q) sums[p][q].v[r] = total[p][q];
    }
    for (int p = 0; p < T; ++p)
        for (int q = 0; q < T; ++q) {
            Lanes<W> sum = sums[p][q];
            if (whole < dim)
                sum =
                    sum + Lanes<W>::load_partial(a + std::size_t(p) * dim + whole, dim - whole) *
                              Lanes<W>::load_partial(b + std::size_t(q) * dim + whole, dim - whole);
            out[(i + std::size_t(p)) * n + j + std::size_t(q)] = sum.sum();
        }
}

// The upper triangle of rows rows^T, whole tiles first.
template <int W>
ENGRAIN_INLINE void multiply_rows(const float* rows, std::size_t n, std::size_t dim, float* out) {
    constexpr std::size_t tile = W == 16 ? 4 : 3;  // as many sums as there are registers for
    const std::size_t tiled = n - n % tile;
    for (std::size_t i = 0; i < tiled; i += tile) {
        for (std::size_t j = i; j < tiled; j += tile)
            multiply_tile<W, int(tile)>(rows, n, dim, i, j, out);
    }
    for (std::size_t j = tiled; j < n; ++j)
        for (std::size_t i = 0; i <= j; ++i)
            out[i * n + j] = dot<W>(rows + i * dim, rows + j * dim, dim);
}

template <int W>
ENGRAIN_INLINE bool compare_rows_body(const float* rows, std::size_t n, std::size_t dim,
                                      float* out) {
    multiply_rows<W>(rows, n, dim, out);
    bool finite = true;
    // The diagonal holds 1 / norm until every entry beside it is scaled.
    for (std::size_t i = 0; i < n; ++i) {
        float& square = out[i * n + i];
        finite = finite && std::isfinite(square);
        square = square > 0.0F ? 1.0F / std::sqrt(square) : 0.0F;
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i + 1; j < n; ++j)
            out[i * n + j] = out[i * n + j] * out[i * n + i] * out[j * n + j];
    }
    for (std::size_t i = 0; i < n; ++i) {
        out[i * n + i] = out[i * n + i] > 0.0F ? 1.0F : 0.0F;
        for (std::size_t j = 0; j < i; ++j) out[i * n + j] = out[j * n + i];
    }
    return finite;
}

}  // namespace

ENGRAIN_DISPATCH(void, score_rows,
                 (const float* rows, const float* query, std::size_t n, std::size_t dim,
                  float* out),
                 (rows, query, n, dim, out))

ENGRAIN_DISPATCH(void, score_queries,
                 (const float* rows, const float* queries, std::size_t n, std::size_t k,
                  std::size_t dim, float* out),
                 (rows, queries, n, k, dim, out))

ENGRAIN_DISPATCH(bool, compare_rows,
                 (const float* rows, std::size_t n, std::size_t dim, float* out),
                 (rows, n, dim, out))

}  // namespace engrain

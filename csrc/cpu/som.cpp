#include "engrain/som.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Squared distances of x to `Rows` consecutive rows at once: their chains of additions overlap.
template <int W, int Rows>
ENGRAIN_INLINE void squared_distances(const float* x, const float* rows, std::size_t n,
                                      float* out) {
    Lanes<W> total[Rows];
    for (int r = 0; r < Rows; ++r) total[r] = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const Lanes<W> at = Lanes<W>::load(x + i);
        for (int r = 0; r < Rows; ++r) {
            const Lanes<W> d = at - Lanes<W>::load(rows + std::size_t(r) * n + i);
            total[r] = total[r] + d * d;
        }
    }
    for (int r = 0; i < n && r < Rows; ++r) {
        const Lanes<W> d = Lanes<W>::load_partial(x + i, n - i) -
                           Lanes<W>::load_partial(rows + std::size_t(r) * n + i, n - i);
        total[r] = total[r] + d * d;
    }
    for (int r = 0; r < Rows; ++r) out[r] = total[r].sum();
}

// The unit nearest to x, the lowest of equals, and its squared distance.
template <int W>
ENGRAIN_INLINE std::size_t nearest(const float* x, const float* weights, std::size_t units,
                                   std::size_t dim, float& least) {
    least = std::numeric_limits<float>::infinity();
    std::size_t best = 0, u = 0;
    float d[4];
    while (u < units) {
        const std::size_t count = units - u >= 4 ? 4 : 1;
        if (count == 4) {
            squared_distances<W, 4>(x, weights + u * dim, dim, d);
        } else {
            squared_distances<W, 1>(x, weights + u * dim, dim, d);
        }
        for (std::size_t r = 0; r < count; ++r, ++u) {
            if (!(d[r] < least)) continue;
            least = d[r];
            best = u;
        }
    }
    return best;
}

template <int W>
ENGRAIN_INLINE void pull(float* w, const float* x, float factor, std::size_t n) {
    const Lanes<W> f = Lanes<W>::splat(factor);
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const Lanes<W> at = Lanes<W>::load(w + i);
        (at + f * (Lanes<W>::load(x + i) - at)).store(w + i);
    }
    for (; i < n; ++i) w[i] += factor * (x[i] - w[i]);
}

// The Gaussian of the grid is a product over its axes; this is one of them.
inline void gaussian_along(std::size_t best, std::size_t extent, double inverse,
                           double* out) noexcept {
    for (std::size_t i = 0; i < extent; ++i) {
        const double d = double(i) - double(best);
        out[i] = exp(-d * d * inverse);
    }
}

template <int W>
ENGRAIN_INLINE void learn(const float* x, float* weights, Grid grid, std::size_t dim, float rate,
                          float sigma, float cutoff, std::size_t best) {
    const double inverse = 0.5 / (double(sigma) * double(sigma));
    double row[Grid::largest], column[Grid::largest], layer[Grid::largest];
    gaussian_along(best / grid.depth / grid.columns, grid.rows, inverse, row);
    gaussian_along(best / grid.depth % grid.columns, grid.columns, inverse, column);
    gaussian_along(best % grid.depth, grid.depth, inverse, layer);
    for (std::size_t i = 0; i < grid.rows; ++i) {
        if (rate * row[i] < cutoff) continue;
        for (std::size_t j = 0; j < grid.columns; ++j) {
            const double by_column = rate * row[i] * column[j];
            if (by_column < cutoff) continue;
            for (std::size_t k = 0; k < grid.depth; ++k) {
                const double factor = by_column * layer[k];
                if (factor < cutoff) continue;
                float* w = weights + ((i * grid.columns + j) * grid.depth + k) * dim;
                pull<W>(w, x, float(factor), dim);
            }
        }
    }
}

template <int W>
ENGRAIN_INLINE void train_som_online_body(const float* x, float* weights, Grid grid, std::size_t n,
                                          std::size_t dim, const float* rate, const float* sigma,
                                          float cutoff, std::int64_t* best, float* distance) {
    for (std::size_t s = 0; s < n; ++s) {
        const float* input = x + s * dim;
        float least;
        const std::size_t unit = nearest<W>(input, weights, grid.units(), dim, least);
        best[s] = std::int64_t(unit);
        distance[s] = std::sqrt(least);
        learn<W>(input, weights, grid, dim, rate[s], sigma[s], cutoff, unit);
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, train_som_online,
                 (const float* x, float* weights, Grid grid, std::size_t n, std::size_t dim,
                  const float* rate, const float* sigma, float cutoff, std::int64_t* best,
                  float* distance),
                 (x, weights, grid, n, dim, rate, sigma, cutoff, best, distance))

void best_som_units(const float* dots, const float* squared_norms, std::size_t n, std::size_t units,
                    std::int64_t* best, std::int64_t* second) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const float* row = dots + i * units;
        float least = std::numeric_limits<float>::infinity(), next = least;
        std::int64_t first = 0, other = 0;
        for (std::size_t u = 0; u < units; ++u) {
            const float d = squared_norms[u] - 2.0F * row[u];
            if (!(d < next)) continue;
            const bool wins = d < least;
            next = wins ? least : d;
            other = wins ? first : std::int64_t(u);
            least = wins ? d : least;
            first = wins ? std::int64_t(u) : first;
        }
        best[i] = first;
        second[i] = other;
    }
}

void accumulate_som(const float* x, const std::int64_t* best, std::size_t n, std::size_t dim,
                    float* sums, float* counts) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t u = std::size_t(best[i]);
        const float* __restrict from = x + i * dim;
        float* __restrict to = sums + u * dim;
        for (std::size_t j = 0; j < dim; ++j) to[j] += from[j];
        counts[u] += 1.0F;
    }
}

}  // namespace engrain

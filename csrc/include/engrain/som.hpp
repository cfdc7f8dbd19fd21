// Self-organising maps on grids of up to three dimensions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// Extents of the grid; a 2-D map has depth 1. Unit (i, j, k) is number (i * columns + j) * depth +
// k.
struct Grid {
    static constexpr std::size_t largest = 256;  // of each extent

    std::size_t rows, columns, depth;
    std::size_t units() const { return rows * columns * depth; }
};

// Kohonen's rule for n inputs in turn, in place:
//   w_u += rate[i] exp(-d(u, best)^2 / (2 sigma[i]^2)) (x_i - w_u)
// where the factor is at least `cutoff`; d is the distance on the grid. With 0 <= rate <= 1 every
// weight stays inside the convex hull of inputs and initial weights. best[i] is the best matching
// unit and distance[i] the distance to it, both before the update. Equal bit for bit at every SIMD
// level. No aliasing; n and dim may be 0.
void train_som_online(const float* x, float* weights, Grid grid, std::size_t n, std::size_t dim,
                      const float* rate, const float* sigma, float cutoff, std::int64_t* best,
                      float* distance) noexcept;

// From dots[i * units + u] = x_i . w_u: the unit of least |w_u|^2 - 2 x_i . w_u, and the next.
// Ties go to the lower number. units >= 2.
void best_som_units(const float* dots, const float* squared_norms, std::size_t n, std::size_t units,
                    std::int64_t* best, std::int64_t* second) noexcept;

// sums[best[i]] += x_i and counts[best[i]] += 1, in order.
void accumulate_som(const float* x, const std::int64_t* best, std::size_t n, std::size_t dim,
                    float* sums, float* counts) noexcept;

}  // namespace engrain

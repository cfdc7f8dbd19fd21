// The ranking model: a score per row, and one clipped Laplace step per judged list.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// out[i] = sum_k rows[i, k] * weights[k], columns in ascending order, summed in float64.
void weigh_rows(const float* rows, const double* weights, std::size_t n, std::size_t columns,
                float* out) noexcept;

struct Step {
    double loss;   // -sum_i t_i log p_i before the step
    double moved;  // largest difference between two score changes, after clipping
};

// One online Laplace step of the softmax log-loss, in place. With x = row / scale, v = w * scale,
// p = softmax(x v), t = outcomes / sum:
//   P += a X^T (diag p - p p^T) X,   d = P^-1 a X^T (p - t) on the free columns,
//   v -= d min(1, clip / range(X d)),   a = information.
// Columns with active = 0 keep their weight. A column with sign +1 (-1) stays >= 0 (<= 0): at its
// bound it is free only when the gradient leads inward (projected Newton, Bertsekas 1982).
// outcomes: at least 0, their sum above 0. scratch: laplace_scratch(n, columns) doubles.
Step laplace_step(const float* rows, const float* outcomes, std::size_t n, std::size_t columns,
                  double information, double clip, const std::uint8_t* active,
                  const std::int8_t* signs, const double* scales, double* weights,
                  double* precision, double* scratch) noexcept;

// Rows of `columns` doubles, filled up to whole registers.
constexpr std::size_t rank_width(std::size_t columns) { return (columns + 7) / 8 * 8; }

constexpr std::size_t laplace_scratch(std::size_t n, std::size_t columns) {
    const std::size_t width = rank_width(columns);
    return 2 * n * (width + 1) + width * width + 11 * width;
}

// Loss of all stored lists, sum_q weight_q (-sum_i t_i log softmax(x w)_i), and its derivatives.
// List q holds the rows offsets[q] .. offsets[q + 1], at least one; its targets, at least 0 with a
// sum above 0, are divided by their sum. gradient: (columns,) and curvature: (columns, columns) are
// overwritten; both may be null together. scratch: longest list + 2 * columns doubles.
double list_derivatives(const float* rows, const float* targets, const std::int64_t* offsets,
                        const double* weight, std::size_t lists, std::size_t columns,
                        const double* w, double* gradient, double* curvature,
                        double* scratch) noexcept;

}  // namespace engrain

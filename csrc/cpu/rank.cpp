#include "engrain/rank.hpp"

#include <algorithm>

#include "engrain/simd.hpp"
#include "engrain/softmax.hpp"

namespace engrain {
namespace {

// Solves A x = b in place (b becomes x) for symmetric positive definite A, upper triangle given,
// by L D L^T. Rows are updated as a whole: element-wise work, equal at every register width.
template <int W>
ENGRAIN_INLINE void solve(double* a, double* b, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j) {
        const double* pivot = a + j * n;
        for (std::size_t i = j + 1; i < n; ++i) {
            const double factor = pivot[i] / pivot[j];
            double* row = a + i * n;
            for (std::size_t k = i; k < n; ++k) row[k] -= factor * pivot[k];
            b[i] -= factor * b[j];
        }
    }
    for (std::size_t j = n; j-- > 0;) {
        double rest = b[j];
        for (std::size_t k = j + 1; k < n; ++k) rest -= a[j * n + k] * b[k];
        b[j] = rest / a[j * n + j];
    }
}

// precision += information X^T (diag p - p p^T) X; mean = X^T p.
template <int W>
ENGRAIN_INLINE void add_curvature(const double* x, const double* p, const double* mean,
                                  double information, std::size_t n, std::size_t columns,
                                  double* precision) {
    for (std::size_t i = 0; i < n; ++i) {
        const double* row = x + i * columns;
        for (std::size_t j = 0; j < columns; ++j) {
            const double factor = information * p[i] * (row[j] - mean[j]);
            double* to = precision + j * columns;
            for (std::size_t k = 0; k < columns; ++k) to[k] += factor * (row[k] - mean[k]);
        }
    }
}

double range_of(const double* x, const double* direction, std::size_t n, std::size_t columns) {
    double low = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double z = 0;
        for (std::size_t j = 0; j < columns; ++j) z += x[i * columns + j] * direction[j];
        low = i == 0 ? z : std::min(low, z);
        high = i == 0 ? z : std::max(high, z);
    }
    return high - low;
}

// P^-1 gradient on the free columns, 0 on the others.
template <int W>
ENGRAIN_INLINE void newton_direction(const double* precision, const double* gradient,
                                     const double* v, const std::uint8_t* active,
                                     const std::int8_t* signs, std::size_t columns, double* matrix,
                                     double* right, double* direction) {
    std::size_t free = 0;
    double* index = direction;  // holds the free columns until the solution is spread
    for (std::size_t j = 0; j < columns; ++j) {
        const bool stuck = (signs[j] > 0 && v[j] <= 0 && gradient[j] > 0) ||
                           (signs[j] < 0 && v[j] >= 0 && gradient[j] < 0);
        if (active[j] && !stuck) index[free++] = static_cast<double>(j);
    }
    for (std::size_t a = 0; a < free; ++a) {
        const std::size_t j = static_cast<std::size_t>(index[a]);
        right[a] = gradient[j];
        for (std::size_t b = 0; b < free; ++b)
            matrix[a * free + b] = precision[j * columns + static_cast<std::size_t>(index[b])];
    }
    solve<W>(matrix, right, free);
    for (std::size_t a = free, j = columns; j-- > 0;) {
        const bool is_free = a > 0 && index[a - 1] == static_cast<double>(j);
        direction[j] = is_free ? right[--a] : 0.0;
    }
}

template <int W>
ENGRAIN_INLINE void weigh_rows_body(const float* rows, const double* weights, std::size_t n,
                                    std::size_t columns, float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        double total = 0;
        for (std::size_t k = 0; k < columns; ++k)
            total += static_cast<double>(rows[i * columns + k]) * weights[k];
        out[i] = static_cast<float>(total);
    }
}

template <int W>
ENGRAIN_INLINE Step laplace_step_body(const float* rows, const float* outcomes, std::size_t n,
                                      std::size_t columns, double information, double clip,
                                      const std::uint8_t* active, const std::int8_t* signs,
                                      const double* scales, double* weights, double* precision,
                                      double* scratch) {
    double *x = scratch, *p = x + n * columns, *t = p + n, *matrix = t + n;
    double *v = matrix + columns * columns, *mean = v + columns, *gradient = mean + columns;
    double* direction = gradient + columns;
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += outcomes[i];
    for (std::size_t j = 0; j < columns; ++j) {
        v[j] = weights[j] * scales[j];
        mean[j] = gradient[j] = 0;
    }
    for (std::size_t i = 0; i < n; ++i) {
        double z = 0;
        for (std::size_t j = 0; j < columns; ++j) {
            const double scaled = static_cast<double>(rows[i * columns + j]) / scales[j];
            z += scaled * v[j];
            x[i * columns + j] = active[j] ? scaled : 0.0;
        }
        p[i] = z;
        t[i] = outcomes[i] / sum;
    }
    Step report{log_loss(p, t, n), 0};
    softmax(p, n, p);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < columns; ++j) {
            mean[j] += p[i] * x[i * columns + j];
            gradient[j] += information * (p[i] - t[i]) * x[i * columns + j];
        }
    add_curvature<W>(x, p, mean, information, n, columns, precision);
    newton_direction<W>(precision, gradient, v, active, signs, columns, matrix, mean, direction);
    const double range = range_of(x, direction, n, columns);
    const double step = range > clip ? clip / range : 1.0;
    report.moved = range * step;
    for (std::size_t j = 0; j < columns; ++j) {
        if (!active[j]) continue;
        v[j] -= step * direction[j];
        if ((signs[j] > 0 && v[j] < 0) || (signs[j] < 0 && v[j] > 0)) v[j] = 0;
        weights[j] = v[j] / scales[j];
    }
    return report;
}

// Adds one list's gradient and the upper triangle of its curvature; p: its softmax.
template <int W>
ENGRAIN_INLINE void add_list(const float* rows, const float* targets, const double* p,
                             double target_sum, double weight, std::size_t n, std::size_t columns,
                             double* gradient, double* curvature, double* mean, double* row) {
    std::fill(mean, mean + columns, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        const double error = weight * (p[i] - targets[i] / target_sum);
        for (std::size_t j = 0; j < columns; ++j) {
            const double x = rows[i * columns + j];
            mean[j] += p[i] * x;
            gradient[j] += error * x;
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < columns; ++j) row[j] = rows[i * columns + j] - mean[j];
        for (std::size_t j = 0; j < columns; ++j) {
            const double factor = weight * p[i] * row[j];
            double* to = curvature + j * columns;
            for (std::size_t k = j; k < columns; ++k) to[k] += factor * row[k];
        }
    }
}

template <int W>
ENGRAIN_INLINE double list_derivatives_body(const float* rows, const float* targets,
                                            const std::int64_t* offsets, const double* weight,
                                            std::size_t lists, std::size_t columns, const double* w,
                                            double* gradient, double* curvature, double* scratch) {
    double *mean = scratch, *row = mean + columns, *p = row + columns, loss = 0;
    if (gradient != nullptr) {
        std::fill(gradient, gradient + columns, 0.0);
        std::fill(curvature, curvature + columns * columns, 0.0);
    }
    for (std::size_t q = 0; q < lists; ++q) {
        const std::size_t first = static_cast<std::size_t>(offsets[q]);
        const std::size_t n = static_cast<std::size_t>(offsets[q + 1]) - first;
        const float *x = rows + first * columns, *t = targets + first;
        double sum = 0, hit = 0;
        for (std::size_t i = 0; i < n; ++i) {
            double z = 0;
            for (std::size_t j = 0; j < columns; ++j)
                z += static_cast<double>(x[i * columns + j]) * w[j];
            p[i] = z;
            sum += t[i];
            hit += t[i] * z;
        }
        loss += weight[q] * (softmax(p, n, p) - hit / sum);
        if (gradient != nullptr)
            add_list<W>(x, t, p, sum, weight[q], n, columns, gradient, curvature, mean, row);
    }
    if (gradient != nullptr)
        for (std::size_t j = 0; j < columns; ++j)
            for (std::size_t k = 0; k < j; ++k)
                curvature[j * columns + k] = curvature[k * columns + j];
    return loss;
}

}  // namespace

ENGRAIN_DISPATCH(double, list_derivatives,
                 (const float* rows, const float* targets, const std::int64_t* offsets,
                  const double* weight, std::size_t lists, std::size_t columns, const double* w,
                  double* gradient, double* curvature, double* scratch),
                 (rows, targets, offsets, weight, lists, columns, w, gradient, curvature, scratch))

ENGRAIN_DISPATCH(void, weigh_rows,
                 (const float* rows, const double* weights, std::size_t n, std::size_t columns,
                  float* out),
                 (rows, weights, n, columns, out))

ENGRAIN_DISPATCH(Step, laplace_step,
                 (const float* rows, const float* outcomes, std::size_t n, std::size_t columns,
                  double information, double clip, const std::uint8_t* active,
                  const std::int8_t* signs, const double* scales, double* weights,
                  double* precision, double* scratch),
                 (rows, outcomes, n, columns, information, clip, active, signs, scales, weights,
                  precision, scratch))

void add_moments(const float* rows, std::size_t n, std::size_t columns, double* count, double* sum,
                 double* squares) noexcept {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < columns; ++j) {
            const double value = rows[i * columns + j];
            count[j] += 1;
            sum[j] += value;
            squares[j] += value * value;
        }
}

}  // namespace engrain

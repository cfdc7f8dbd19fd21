#include "engrain/rank.hpp"

#include <algorithm>

#include "engrain/simd.hpp"
#include "engrain/softmax.hpp"
#include "engrain/transcendental64.hpp"

namespace engrain {
namespace {

// Matrices have rows of whole registers, `width` doubles apart; what fills them up is 0. All work
// is per lane or in one order, so that results are equal at every width of the registers.

constexpr std::size_t abreast = 4;  // sums that run side by side, each in its own order

// out[i] = sum_j rows[i * stride + j] * w[j].
template <class T>
ENGRAIN_INLINE void weigh(const T* rows, const double* w, std::size_t n, std::size_t columns,
                          std::size_t stride, double* out) {
    std::size_t i = 0;
    for (; i + abreast <= n; i += abreast) {
        const T* row = rows + i * stride;
        double sum[abreast] = {};
        for (std::size_t j = 0; j < columns; ++j)
            for (std::size_t r = 0; r < abreast; ++r)
                sum[r] += static_cast<double>(row[r * stride + j]) * w[j];
        for (std::size_t r = 0; r < abreast; ++r) out[i + r] = sum[r];
    }
    for (; i < n; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < columns; ++j)
            sum += static_cast<double>(rows[i * stride + j]) * w[j];
        out[i] = sum;
    }
}

// Takes what pivot j explains from the rows below it; factor: n doubles.
template <int W>
ENGRAIN_INLINE void eliminate(double* a, double* b, std::size_t j, double inverse, std::size_t n,
                              std::size_t width, double* factor) {
    constexpr int D = W / 2;
    using V = simd::Wide<D>;
    const double *pivot = a + j * width, explained = b[j];
    for (std::size_t i = j + 1; i < n; ++i) {
        factor[i] = pivot[i] * inverse;
        b[i] -= factor[i] * explained;
    }
    for (std::size_t k = (j + 1) / D * D; k < n; k += D) {
        const auto from = V::load(pivot + k);
        for (std::size_t i = j + 1; i < n && i < k + D; ++i) {
            double* to = a + i * width + k;
            V::store(V::load(to) - factor[i] * from, to);
        }
    }
}

// Solves A x = b in place (b becomes x) for symmetric positive definite A, upper triangle given,
// by L D L^T. What is below the diagonal is overwritten. inverse, factor: n doubles.
template <int W>
ENGRAIN_INLINE void solve(double* a, double* b, std::size_t n, std::size_t width, double* inverse,
                          double* factor) {
    for (std::size_t j = 0; j < n; ++j) {
        inverse[j] = 1.0 / a[j * width + j];
        eliminate<W>(a, b, j, inverse[j], n, width, factor);
    }
    for (std::size_t j = n; j-- > 0;) {
        double rest = b[j];
        for (std::size_t k = j + 1; k < n; ++k) rest -= a[j * width + k] * b[k];
        b[j] = rest * inverse[j];
    }
}

// matrix += sum_i weighted_i x_i^T for the rows of a list.
template <int W>
ENGRAIN_INLINE void add_curvature(const double* x, const double* weighted, std::size_t n,
                                  std::size_t width, double* matrix) {
    constexpr int D = W / 2;
    using V = simd::Wide<D>;
    for (std::size_t j = 0; j < width; j += abreast)
        for (std::size_t k = 0; k < width; k += D) {
            double* to = matrix + j * width + k;
            typename V::F sum[abreast];
            for (std::size_t r = 0; r < abreast; ++r) sum[r] = V::load(to + r * width);
            for (std::size_t i = 0; i < n; ++i) {
                const auto row = V::load(x + i * width + k);
                for (std::size_t r = 0; r < abreast; ++r)
                    sum[r] += weighted[i * width + j + r] * row;
            }
            for (std::size_t r = 0; r < abreast; ++r) V::store(sum[r], to + r * width);
        }
}

double range_of(const double* z, std::size_t n) {
    const auto ends = std::minmax_element(z, z + n);
    return *ends.second - *ends.first;
}

template <int W>
ENGRAIN_INLINE void weigh_rows_body(const float* rows, const double* weights, std::size_t n,
                                    std::size_t columns, float* out) {
    for (std::size_t i = 0; i < n; i += abreast) {
        double sums[abreast];
        const std::size_t count = std::min(abreast, n - i);
        weigh(rows + i * columns, weights, count, columns, columns, sums);
        for (std::size_t r = 0; r < count; ++r) out[i + r] = static_cast<float>(sums[r]);
    }
}

// The active columns of one step, side by side. What fills up a register is 0.
struct Active {
    std::size_t n = 0, width = 0;
    double *v, *scale, *inverse, *gradient, *direction, *right, *pivots, *factors;
    std::uint32_t *column, *free;
    std::int8_t* signs;

    // Lays the arrays out in `at` and returns what is behind them.
    double* lay_out(double* at, const std::uint8_t* active, std::size_t columns) {
        column = reinterpret_cast<std::uint32_t*>(at);
        for (std::size_t j = 0; j < columns; ++j)
            if (active[j]) column[n++] = static_cast<std::uint32_t>(j);
        width = rank_width(n);
        at += rank_width(columns);
        free = reinterpret_cast<std::uint32_t*>(at);
        signs = reinterpret_cast<std::int8_t*>(at + width);
        at += 2 * width;
        for (double** array :
             {&v, &scale, &inverse, &gradient, &direction, &right, &pivots, &factors})
            *array = at, at += width;
        return at;
    }
    bool in_a_row() const { return n > 0 && column[n - 1] - column[0] == n - 1; }

    void take(const double* weights, const double* scales, const std::int8_t* of_signs) {
        for (std::size_t j = 0; j < n; ++j) {
            scale[j] = scales[column[j]];
            v[j] = weights[column[j]] * scale[j];
            inverse[j] = 1.0 / scale[j];
            signs[j] = of_signs[column[j]];
        }
        std::fill(inverse + n, inverse + width, 0.0);
    }
    // to[j] = from[column j].
    template <class T>
    ENGRAIN_INLINE void pick(const T* from, double* to) const {
        if (in_a_row())
            std::copy_n(from + column[0], n, to);
        else
            for (std::size_t j = 0; j < n; ++j) to[j] = from[column[j]];
        std::fill(to + n, to + width, 0.0);
    }
    ENGRAIN_INLINE void put(const double* from, double* to) const {
        if (in_a_row())
            std::copy_n(from, n, to + column[0]);
        else
            for (std::size_t j = 0; j < n; ++j) to[column[j]] = from[j];
    }
    // Columns that may move: not at their bound, or with a gradient that leads away from it.
    std::size_t find_free() const {
        std::size_t found = 0;
        for (std::size_t j = 0; j < n; ++j) {
            const bool stuck = (signs[j] > 0 && v[j] <= 0 && gradient[j] > 0) ||
                               (signs[j] < 0 && v[j] >= 0 && gradient[j] < 0);
            free[found] = static_cast<std::uint32_t>(j);
            found += !stuck;
        }
        return found;
    }
};

// x becomes the rows over their scales, less their mean under p; weighted: times `information` p.
// gradient = sum_i information (p_i - t_i) x_i.
template <int W>
ENGRAIN_INLINE void centre(const Active& a, const double* p, const double* t, double information,
                           std::size_t n, double* x, double* weighted) {
    constexpr int D = W / 2;
    using V = simd::Wide<D>;
    for (std::size_t k = 0; k < a.width; k += D) {
        const auto inverse = V::load(a.inverse + k);
        auto mean = V::splat(0.0), gradient = mean;
        for (std::size_t i = 0; i < n; ++i) {
            const auto row = V::load(x + i * a.width + k) * inverse;
            V::store(row, x + i * a.width + k);
            mean += p[i] * row;
            gradient += (information * (p[i] - t[i])) * row;
        }
        V::store(gradient, a.gradient + k);
        for (std::size_t i = 0; i < n; ++i) {
            const auto row = V::load(x + i * a.width + k) - mean;
            V::store(row, x + i * a.width + k);
            V::store((p[i] * information) * row, weighted + i * a.width + k);
        }
    }
}

// direction = P^-1 gradient on the columns that may move, 0 on the others. The matrix is used up.
template <int W>
ENGRAIN_INLINE void newton_direction(const Active& a, double* matrix) {
    const std::size_t free = a.find_free();
    for (std::size_t i = 0; i < free; ++i) {
        a.right[i] = a.gradient[a.free[i]];
        if (free == a.n) continue;
        const double* from = matrix + a.free[i] * a.width;
        double* to = matrix + i * a.width;
        for (std::size_t k = i; k < free; ++k) to[k] = from[a.free[k]];
        std::fill(to + free, to + a.width, 0.0);
    }
    solve<W>(matrix, a.right, free, a.width, a.pivots, a.factors);
    std::fill(a.direction, a.direction + a.n, 0.0);
    for (std::size_t i = 0; i < free; ++i) a.direction[a.free[i]] = a.right[i];
}

// p = softmax of the rows' scores, t = targets; returns the log-loss.
ENGRAIN_INLINE double predict(const float* rows, const float* outcomes, std::size_t n,
                              std::size_t columns, const double* weights, double* p, double* t) {
    double sum = 0, hit = 0;
    weigh(rows, weights, n, columns, columns, p);
    for (std::size_t i = 0; i < n; ++i) sum += outcomes[i];
    for (std::size_t i = 0; i < n; ++i) {
        t[i] = outcomes[i] / sum;
        hit += t[i] * p[i];
    }
    return softmax(p, n, p) - hit;
}

template <int W>
ENGRAIN_INLINE Step laplace_step_body(const float* rows, const float* outcomes, std::size_t n,
                                      std::size_t columns, double information, double clip,
                                      const std::uint8_t* active, const std::int8_t* signs,
                                      const double* scales, double* weights, double* precision,
                                      double* scratch) {
    Active a;
    double *p = a.lay_out(scratch, active, columns), *t = p + n;
    a.take(weights, scales, signs);
    double *x = t + n, *weighted = x + n * a.width, *matrix = weighted + n * a.width;
    Step report{predict(rows, outcomes, n, columns, weights, p, t), 0};
    for (std::size_t i = 0; i < n; ++i) a.pick(rows + i * columns, x + i * a.width);
    centre<W>(a, p, t, information, n, x, weighted);
    for (std::size_t j = 0; j < a.n; ++j)
        a.pick(precision + a.column[j] * columns, matrix + j * a.width);
    std::fill(matrix + a.n * a.width, matrix + a.width * a.width, 0.0);
    add_curvature<W>(x, weighted, n, a.width, matrix);
    for (std::size_t j = 0; j < a.n; ++j)
        a.put(matrix + j * a.width, precision + a.column[j] * columns);
    newton_direction<W>(a, matrix);
    weigh(x, a.direction, n, a.n, a.width, p);
    const double range = range_of(p, n);
    const double step = range > clip ? clip / range : 1.0;
    report.moved = range * step;
    for (std::size_t j = 0; j < a.n; ++j) {
        double v = a.v[j] - step * a.direction[j];
        if ((a.signs[j] > 0 && v < 0) || (a.signs[j] < 0 && v > 0)) v = 0;
        weights[a.column[j]] = v / a.scale[j];
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

}  // namespace engrain

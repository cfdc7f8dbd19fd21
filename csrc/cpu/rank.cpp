#include "engrain/rank.hpp"

#include <algorithm>

#include "engrain/simd.hpp"
#include "engrain/softmax.hpp"
#include "engrain/transcendental64.hpp"

namespace engrain {
namespace {

// Matrices have rows of whole registers, `width` doubles apart; what fills them up is 0. All work
// is per lane or in one order, so that results are equal at every width of the registers.
template <int W>
struct Rows {
    static constexpr int D = W / 2;
    using V = simd::Wide<D>;

    // to[k] += factor from[k] for k in [first, width), from a whole register on.
    static ENGRAIN_INLINE void add(double factor, const double* from, std::size_t first,
                                   std::size_t width, double* to) {
        for (std::size_t k = first / D * D; k < width; k += D)
            V::store(V::load(to + k) + factor * V::load(from + k), to + k);
    }
};

// Solves A x = b in place (b becomes x) for symmetric positive definite A, upper triangle given,
// by L D L^T. What is below the diagonal is overwritten. inverse: n doubles.
template <int W>
ENGRAIN_INLINE void solve(double* a, double* b, std::size_t n, std::size_t width, double* inverse) {
    for (std::size_t j = 0; j < n; ++j) {
        const double* pivot = a + j * width;
        inverse[j] = 1.0 / pivot[j];
        for (std::size_t i = j + 1; i < n; ++i) {
            const double factor = pivot[i] * inverse[j];
            Rows<W>::add(-factor, pivot, i, width, a + i * width);
            b[i] -= factor * b[j];
        }
    }
    for (std::size_t j = n; j-- > 0;) {
        double rest = b[j];
        for (std::size_t k = j + 1; k < n; ++k) rest -= a[j * width + k] * b[k];
        b[j] = rest * inverse[j];
    }
}

// precision += sum_i weight_i x_i x_i^T for rows x of a list; weighted: (n, width).
template <int W>
ENGRAIN_INLINE void add_curvature(const double* x, const double* weight, std::size_t n,
                                  std::size_t columns, std::size_t width, double* weighted,
                                  double* precision) {
    using V = typename Rows<W>::V;
    constexpr int D = Rows<W>::D;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t k = 0; k < width; k += D)
            V::store(weight[i] * V::load(x + i * width + k), weighted + i * width + k);
    for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t k = 0; k < width; k += D) {
            double* to = precision + j * width + k;
            auto sum = V::load(to);
            for (std::size_t i = 0; i < n; ++i)
                sum += weighted[i * width + j] * V::load(x + i * width + k);
            V::store(sum, to);
        }
}

double range_of(const double* x, const double* direction, std::size_t n, std::size_t columns,
                std::size_t width) {
    double low = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double z = 0;
        for (std::size_t j = 0; j < columns; ++j) z += x[i * width + j] * direction[j];
        low = i == 0 ? z : std::min(low, z);
        high = i == 0 ? z : std::max(high, z);
    }
    return high - low;
}

// P^-1 gradient on the columns that may move, 0 on those at their bound.
template <int W>
ENGRAIN_INLINE void newton_direction(const double* precision, const double* gradient,
                                     const double* v, const std::int8_t* signs, std::size_t columns,
                                     std::size_t width, double* matrix, double* right,
                                     double* inverse, double* direction) {
    std::size_t free = 0;
    double* index = direction;  // holds the free columns until the solution is spread
    for (std::size_t j = 0; j < columns; ++j) {
        const bool stuck = (signs[j] > 0 && v[j] <= 0 && gradient[j] > 0) ||
                           (signs[j] < 0 && v[j] >= 0 && gradient[j] < 0);
        if (!stuck) index[free++] = static_cast<double>(j);
    }
    for (std::size_t a = 0; a < free; ++a) {
        const std::size_t j = static_cast<std::size_t>(index[a]);
        right[a] = gradient[j];
        double* to = matrix + a * width;
        for (std::size_t b = 0; b < free; ++b)
            to[b] = precision[j * width + static_cast<std::size_t>(index[b])];
        std::fill(to + free, to + width, 0.0);
    }
    solve<W>(matrix, right, free, width, inverse);
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

// The active columns of one step, side by side.
struct Active {
    std::size_t n = 0, width = 0;
    double *v, *scale, *inverse, *mean, *gradient, *direction, *right, *pivots;
    std::uint32_t* column;
    std::int8_t* signs;

    // Lays the arrays out in `at` and returns what is behind them.
    double* lay_out(double* at, std::size_t columns) {
        width = rank_width(columns);
        for (double** array : {&v, &scale, &inverse, &mean, &gradient, &direction, &right, &pivots})
            *array = at, at += width;
        column = reinterpret_cast<std::uint32_t*>(at);
        signs = reinterpret_cast<std::int8_t*>(at + width);
        return at + 2 * width;
    }

    void take(std::size_t from, double weight, double of_scale, std::int8_t sign) {
        column[n] = static_cast<std::uint32_t>(from);
        v[n] = weight * of_scale;
        scale[n] = of_scale;
        inverse[n] = 1.0 / of_scale;
        signs[n] = sign;
        mean[n] = gradient[n] = 0.0;
        ++n;
    }
};

// p = softmax of the rows' scores, t = targets; returns the log-loss.
ENGRAIN_INLINE double predict(const float* rows, const float* outcomes, std::size_t n,
                              std::size_t columns, const double* weights, double* p, double* t) {
    double sum = 0, hit = 0;
    for (std::size_t i = 0; i < n; ++i) sum += outcomes[i];
    for (std::size_t i = 0; i < n; ++i) {
        double z = 0;
        for (std::size_t j = 0; j < columns; ++j)
            z += static_cast<double>(rows[i * columns + j]) * weights[j];
        p[i] = z;
        t[i] = outcomes[i] / sum;
        hit += t[i] * z;
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
    double *p = a.lay_out(scratch, columns), *t = p + n;
    for (std::size_t j = 0; j < columns; ++j)
        if (active[j]) a.take(j, weights[j], scales[j], signs[j]);
    const std::size_t width = rank_width(a.n);
    double *x = t + n, *weighted = x + n * width, *part = weighted + n * width;
    double* matrix = part + width * width;
    Step report{predict(rows, outcomes, n, columns, weights, p, t), 0};
    for (std::size_t i = 0; i < n; ++i) {
        double* row = x + i * width;
        const double error = information * (p[i] - t[i]);
        for (std::size_t j = 0; j < a.n; ++j) {
            row[j] = static_cast<double>(rows[i * columns + a.column[j]]) * a.inverse[j];
            a.mean[j] += p[i] * row[j];
            a.gradient[j] += error * row[j];
        }
        std::fill(row + a.n, row + width, 0.0);
        p[i] *= information;
    }
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < a.n; ++j) x[i * width + j] -= a.mean[j];
    for (std::size_t j = 0; j < a.n; ++j) {
        for (std::size_t k = 0; k < a.n; ++k)
            part[j * width + k] = precision[a.column[j] * columns + a.column[k]];
        std::fill(part + j * width + a.n, part + (j + 1) * width, 0.0);
    }
    add_curvature<W>(x, p, n, a.n, width, weighted, part);
    for (std::size_t j = 0; j < a.n; ++j)
        for (std::size_t k = 0; k < a.n; ++k)
            precision[a.column[j] * columns + a.column[k]] = part[j * width + k];
    newton_direction<W>(part, a.gradient, a.v, a.signs, a.n, width, matrix, a.right, a.pivots,
                        a.direction);
    const double range = range_of(x, a.direction, n, a.n, width);
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

#include "engrain/bandit.hpp"

#include <cmath>

#include "engrain/dot.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr float reach = 4.5F;  // deviations within which a draw lies
constexpr int nodes = 16;
// Of the weight exp(-t^2 / 2), Abramowitz & Stegun 25.4.46; the weights sum to 1.
constexpr float node[nodes] = {-6.6308782F,  -5.47222571F, -4.4929553F, -3.60087362F,
                               -2.76024505F, -1.95198035F, -1.1638291F, -0.386760605F,
                               0.386760605F, 1.1638291F,   1.95198035F, 2.76024505F,
                               3.60087362F,  4.4929553F,   5.47222571F, 6.6308782F};
constexpr float node_weight[nodes] = {
    1.49781472e-10F, 1.30947322e-07F, 1.53000322e-05F, 0.000525984927F,
    0.0072669376F,   0.0472847524F,   0.158338373F,    0.286568521F,
    0.286568521F,    0.158338373F,    0.0472847524F,   0.0072669376F,
    0.000525984927F, 1.53000322e-05F, 1.30947322e-07F, 1.49781472e-10F};

// x^T L x of one packed matrix, four rows at a time: they lie in one block and are equally long.
template <int W>
ENGRAIN_INLINE float half_form(const float* rows, const float* x, std::size_t dim) {
    Lanes<W> even = Lanes<W>::zero(), odd = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 4 <= dim; i += 4) {
        const std::size_t width = 16 * (i / 16 + 1);
        const Lanes<W> x0 = Lanes<W>::splat(x[i]), x1 = Lanes<W>::splat(x[i + 1]);
        const Lanes<W> x2 = Lanes<W>::splat(x[i + 2]), x3 = Lanes<W>::splat(x[i + 3]);
        for (std::size_t j = 0; j < width; j += 16, rows += 16) {
            const Lanes<W> first = Lanes<W>::load(rows) * x0 + Lanes<W>::load(rows + width) * x1;
            const Lanes<W> second =
                Lanes<W>::load(rows + 2 * width) * x2 + Lanes<W>::load(rows + 3 * width) * x3;
            const Lanes<W> xj = Lanes<W>::load(x + j);
            even = even + first * xj;
            odd = odd + second * xj;
        }
        rows += 3 * width;
    }
    for (; i < dim; ++i) {
        const std::size_t width = 16 * (i / 16 + 1);
        const Lanes<W> xi = Lanes<W>::splat(x[i]);
        for (std::size_t j = 0; j < width; j += 16, rows += 16)
            even = even + Lanes<W>::load(rows) * xi * Lanes<W>::load(x + j);
    }
    return (even + odd).sum();
}

template <int W>
ENGRAIN_INLINE void score_arms_body(const Bandit& bandit, const float* x, float* mean,
                                    float* variance) {
    for (std::size_t arm = 0; arm < bandit.arms; ++arm) {
        mean[arm] = dot<W>(bandit.theta + arm * bandit.width, x, bandit.width);
        const float* rows = bandit.inverse + arm * packed_start(bandit.dim);
        const float form = 2.0F * half_form<W>(rows, x, bandit.dim);
        variance[arm] = form > 0.0F ? form : 0.0F;
    }
}

// z = (L + L^T) x
template <int W>
ENGRAIN_INLINE void multiply(const float* row, const float* x, std::size_t dim, std::size_t width,
                             float* z) {
    for (std::size_t j = 0; j < width; j += 16) Lanes<W>::zero().store(z + j);
    for (std::size_t i = 0; i < dim; ++i) {
        const std::size_t length = 16 * (i / 16 + 1);
        const Lanes<W> xi = Lanes<W>::splat(x[i]);
        Lanes<W> sum = Lanes<W>::zero();
        for (std::size_t j = 0; j < length; j += 16) {
            const Lanes<W> entry = Lanes<W>::load(row + j);
            sum = sum + entry * Lanes<W>::load(x + j);
            (Lanes<W>::load(z + j) + entry * xi).store(z + j);
        }
        z[i] += sum.sum();
        row += length;
    }
}

// L -= (the lower half of z z^T, its diagonal halved) / q
template <int W>
ENGRAIN_INLINE void subtract(float* row, const float* z, std::size_t dim, float inverse_q) {
    for (std::size_t i = 0; i < dim; ++i) {
        const std::size_t block = i / 16 * 16;
        const float factor = z[i] * inverse_q;
        const Lanes<W> by = Lanes<W>::splat(factor);
        for (std::size_t j = 0; j < block; j += 16)
            (Lanes<W>::load(row + j) - Lanes<W>::load(z + j) * by).store(row + j);
        for (std::size_t j = block; j < i; ++j) row[j] -= z[j] * factor;
        row[i] -= 0.5F * z[i] * factor;
        row += block + 16;
    }
}

template <int W>
ENGRAIN_INLINE bool learn_arm_body(Bandit& bandit, std::size_t arm, const float* x, float reward,
                                   float* z) {
    float* inverse = bandit.inverse + arm * packed_start(bandit.dim);
    float* theta = bandit.theta + arm * bandit.width;
    multiply<W>(inverse, x, bandit.dim, bandit.width, z);
    const float form = dot<W>(x, z, bandit.width);
    const float q = 1.0F + (form > 0.0F ? form : 0.0F);
    const float step = (reward - dot<W>(theta, x, bandit.width)) / q;
    if (!std::isfinite(form) || !std::isfinite(step)) return false;
    const Lanes<W> by = Lanes<W>::splat(step);
    for (std::size_t j = 0; j < bandit.width; j += 16)
        (Lanes<W>::load(theta + j) + Lanes<W>::load(z + j) * by).store(theta + j);
    subtract<W>(inverse, z, bandit.dim, 1.0F / q);
    return true;
}

// 1 / P(N(0, 1) < x) of 16 lanes.
template <int W>
ENGRAIN_INLINE Lanes<W> inverse_below(Lanes<W> x) {
    for (int r = 0; r < Lanes<W>::registers; ++r) {
        const auto slope = 1.5976F + 0.070565992F * x.v[r] * x.v[r];
        x.v[r] = 1.0F + simd::exp_register<W>(-(x.v[r] * slope));
    }
    return x;
}

template <int W>
ENGRAIN_INLINE void thompson_probabilities_body(const float* mean, const float* deviation,
                                                std::size_t arms, float* scale,
                                                float* probability) {
    const Lanes<W> at = Lanes<W>::load(node), weight = Lanes<W>::load(node_weight);
    float least = mean[0] - reach * deviation[0];
    for (std::size_t b = 1; b < arms; ++b) {
        const float low = mean[b] - reach * deviation[b];
        least = low > least ? low : least;
    }
    for (std::size_t b = 0; b < arms; ++b) {
        const bool hopeless = mean[b] + reach * deviation[b] < least;
        scale[b] = hopeless ? 0.0F : deviation[b] > 1e-12F ? 1.0F / deviation[b] : 1e12F;
    }
    float total = 0.0F;
    for (std::size_t a = 0; a < arms; ++a) {
        probability[a] = 0.0F;
        if (scale[a] == 0.0F) continue;
        Lanes<W> wins = Lanes<W>::splat(1.0F);
        const Lanes<W> draw = at * Lanes<W>::splat(deviation[a]) + Lanes<W>::splat(mean[a]);
        for (std::size_t b = 0; b < arms; ++b) {
            if (b == a || scale[b] == 0.0F) continue;
            const Lanes<W> gap = draw - Lanes<W>::splat(mean[b]);
            wins = wins * inverse_below(gap * Lanes<W>::splat(scale[b]));
        }
        for (int r = 0; r < Lanes<W>::registers; ++r) wins.v[r] = weight.v[r] / wins.v[r];
        probability[a] = wins.sum();
        total += probability[a];
    }
    for (std::size_t a = 0; a < arms; ++a) probability[a] /= total;
}

}  // namespace

void reset_arms(Bandit& bandit, float ridge) noexcept {
    const std::size_t size = packed_start(bandit.dim);
    for (std::size_t i = 0; i < bandit.arms * size; ++i) bandit.inverse[i] = 0.0F;
    for (std::size_t i = 0; i < bandit.arms * bandit.width; ++i) bandit.theta[i] = 0.0F;
    for (std::size_t arm = 0; arm < bandit.arms; ++arm)
        for (std::size_t i = 0; i < bandit.dim; ++i)
            bandit.inverse[arm * size + packed_start(i) + i] = 0.5F / ridge;
}

ENGRAIN_DISPATCH(void, score_arms,
                 (const Bandit& bandit, const float* x, float* mean, float* variance),
                 (bandit, x, mean, variance))
ENGRAIN_DISPATCH(bool, learn_arm,
                 (Bandit & bandit, std::size_t arm, const float* x, float reward, float* z),
                 (bandit, arm, x, reward, z))
ENGRAIN_DISPATCH(void, thompson_probabilities,
                 (const float* mean, const float* deviation, std::size_t arms, float* scale,
                  float* probability),
                 (mean, deviation, arms, scale, probability))

}  // namespace engrain

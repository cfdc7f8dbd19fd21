#include "engrain/inhibition.hpp"

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// weights = softmax(scores / temperature).
template <int W>
ENGRAIN_INLINE void softmax(const float* scores, std::size_t n, float temperature, float* weights) {
    float top = scores[0];
    for (std::size_t i = 1; i < n; ++i) top = scores[i] > top ? scores[i] : top;
    const Lanes<W> best = Lanes<W>::splat(top), inverse = Lanes<W>::splat(1.0F / temperature);
    Lanes<W> total = Lanes<W>::zero();
    for (std::size_t i = 0; i < n; i += 16) {
        const std::size_t count = n - i < 16 ? n - i : 16;
        const Lanes<W> x = (Lanes<W>::load_partial(scores + i, count) - best) * inverse;
        simd::exp(x).store_partial(weights + i, count);
        total = total + Lanes<W>::load_partial(weights + i, count);
    }
    const float share = 1.0F / total.sum();
    for (std::size_t i = 0; i < n; ++i) weights[i] *= share;
}

ENGRAIN_INLINE void press(float* __restrict pressure, const float* __restrict row,
                          std::size_t begin, std::size_t end, float weight) {
    for (std::size_t i = begin; i < end; ++i)
        pressure[i] += weight * (row[i] > 0.0F ? row[i] : 0.0F);
}

ENGRAIN_INLINE void pressures(const float* weights, const float* similarity, std::size_t n,
                              float* pressure) {
    if (similarity == nullptr) {
        for (std::size_t i = 0; i < n; ++i) pressure[i] = 1.0F - weights[i];
        return;
    }
    for (std::size_t i = 0; i < n; ++i) pressure[i] = 0.0F;
    for (std::size_t j = 0; j < n; ++j) {
        press(pressure, similarity + j * n, 0, j, weights[j]);
        press(pressure, similarity + j * n, j + 1, n, weights[j]);
    }
}

ENGRAIN_INLINE void silence_lowest(float* scores, std::size_t n, std::size_t silenced) {
    for (std::size_t k = 0; k < silenced; ++k) {
        std::size_t lowest = n;
        for (std::size_t i = 0; i < n; ++i)
            if (scores[i] >= 0.0F && (lowest == n || scores[i] <= scores[lowest])) lowest = i;
        scores[lowest] = -1.0F;
    }
    for (std::size_t i = 0; i < n; ++i)
        if (scores[i] < 0.0F) scores[i] = 0.0F;
}

template <int W>
ENGRAIN_INLINE std::size_t inhibit_body(float* scores, const float* similarity, std::size_t n,
                                        const InhibitionRule& rule, float* scratch) {
    float *weights = scratch, *pressure = scratch + n;
    const float step = rule.strength / float(rule.rounds);
    for (int round = 0; round < rule.rounds && n > 1; ++round) {
        softmax<W>(scores, n, rule.temperature, weights);
        pressures(weights, similarity, n, pressure);
        for (std::size_t i = 0; i < n; ++i) {
            const float left = scores[i] - step * pressure[i];
            scores[i] = left > 0.0F ? left : 0.0F;
        }
    }
    for (std::size_t i = 0; i < n; ++i) scores[i] = scores[i] > 0.0F ? scores[i] : 0.0F;
    silence_lowest(scores, n, std::size_t(rule.sparsity * float(n)));
    std::size_t winners = 0;
    for (std::size_t i = 0; i < n; ++i) winners += scores[i] > 0.0F;
    return winners;
}

}  // namespace

ENGRAIN_DISPATCH(std::size_t, inhibit,
                 (float* scores, const float* similarity, std::size_t n, const InhibitionRule& rule,
                  float* scratch),
                 (scores, similarity, n, rule, scratch))

}  // namespace engrain

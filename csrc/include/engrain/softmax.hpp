// Softmax and log-loss of one list, in float64 with our own exp and log.
#pragma once

#include <algorithm>
#include <cstddef>

#include "engrain/transcendental.hpp"

namespace engrain {

// out = exp(z - top) for numbers none of which is above top; a loop of whole registers, each
// element as `exp` has it.
ENGRAIN_INLINE void exp_below(const double* z, double top, std::size_t n, double* out) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const double x = z[i] - top > -745.2 ? z[i] - top : -745.2;
        const double k = (x * detail::log2_e + detail::to_integer) - detail::to_integer;
        const double high = x - k * detail::ln2_high, low = k * detail::ln2_low, r = high - low;
        double p = 0.0;
        for (double coefficient : detail::exp_tail) p = p * r + coefficient;
        const double y = 1.0 + (high - (low - r * r * p));
        const std::int64_t first = static_cast<std::int32_t>(k) / 2;
        const std::int64_t second = static_cast<std::int32_t>(k) - first;
        const double scaled = y * detail::power_of_two(first) * detail::power_of_two(second);
        out[i] = z[i] - top < -745.2 ? 0.0 : scaled;
    }
}

// p = softmax(z), n > 0; returns log(sum exp(z)). p and z may be the same array.
ENGRAIN_INLINE double softmax(const double* z, std::size_t n, double* p) noexcept {
    const double top = *std::max_element(z, z + n);
    double total = 0;
    exp_below(z, top, n, p);
    for (std::size_t i = 0; i < n; ++i) total += p[i];
    for (std::size_t i = 0; i < n; ++i) p[i] /= total;
    return top + log(total);
}

// -sum_i t_i log softmax(z)_i for targets that sum to 1.
inline double log_loss(const double* z, const double* targets, std::size_t n) noexcept {
    const double top = *std::max_element(z, z + n);
    double total = 0, hit = 0;
    for (std::size_t i = 0; i < n; ++i) {
        total += exp(z[i] - top);
        hit += targets[i] * (z[i] - top);
    }
    return log(total) - hit;
}

}  // namespace engrain

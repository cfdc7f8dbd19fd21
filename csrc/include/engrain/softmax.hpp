// Softmax and log-loss of one list, in float64 with our own exp and log.
#pragma once

#include <algorithm>
#include <cstddef>

#include "engrain/transcendental.hpp"

namespace engrain {

// p = softmax(z), n > 0; returns log(sum exp(z)). p and z may be the same array.
inline double softmax(const double* z, std::size_t n, double* p) noexcept {
    const double top = *std::max_element(z, z + n);
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) {
        p[i] = exp(z[i] - top);
        total += p[i];
    }
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

// Linear contextual bandits: one ridge regression per arm, kept up by Sherman-Morrison steps.
//
// The inverse of arm a's Gram matrix is stored packed: row i holds columns 0..i, the diagonal
// halved, padded with zeros to a multiple of 16. With L for what is stored, A^-1 = L + L^T, so that
// x^T A^-1 x = 2 x^T L x reads each entry once.
#pragma once

#include <cstddef>

namespace engrain {

// Where row i of a packed matrix starts; packed_start(dim) is its size.
constexpr std::size_t packed_start(std::size_t i) {
    const std::size_t block = i / 16;
    return 16 * (8 * block * (block + 1) + (i % 16) * (block + 1));
}

struct Bandit {
    float* inverse;                // arms x packed_start(dim)
    float* theta;                  // arms x width
    std::size_t arms, dim, width;  // width: dim rounded up to a multiple of 16
};

// Back to the prior: A = ridge I, theta = 0.
void reset_arms(Bandit& bandit, float ridge) noexcept;

// mean[a] = theta_a . x, variance[a] = x^T A_a^-1 x >= 0. x is `width` long, padded with zeros.
void score_arms(const Bandit& bandit, const float* x, float* mean, float* variance) noexcept;

// A_arm += x x^T and theta_arm the ridge solution with (x, reward) added:
//   z = A^-1 x,  q = 1 + x . z,  theta += z (reward - theta . x) / q,  A^-1 -= z z^T / q.
// z has room for `width`. False, and nothing written, when q or the step is not finite.
bool learn_arm(Bandit& bandit, std::size_t arm, const float* x, float reward, float* z) noexcept;

// Probability that arm a draws the largest of independent N(mean, deviation^2): Gauss-Hermite
// quadrature with 16 nodes over arm a's own draw, the product of the others' distribution functions
// under it (logistic approximation of Page 1977, error below 2e-4), scaled to sum 1. An arm that
// would have to draw 4.5 deviations above its mean, and another as far below, gets 0. `scale` has
// room for `arms`.
void thompson_probabilities(const float* mean, const float* deviation, std::size_t arms,
                            float* scale, float* probability) noexcept;

}  // namespace engrain

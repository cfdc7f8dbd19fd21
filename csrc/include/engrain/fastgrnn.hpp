// The FastGRNN cell of the router over one step from the state 0, and its training.
//
// With s = gain W x:  z = sigmoid(s + b_z),  c = tanh(s + b_h),  h = (zeta (1 - z) + nu) c,
// logits = V h + b, zeta and nu the sigmoids of their weights (Kusupati et al. 2018).
// Weights lie one after the other: W (hidden, dim), U (hidden, hidden), b_z, b_h (hidden), zeta,
// nu, V (models, hidden), b (models). U meets the state 0 only: its gradient is 0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

struct CellShape {
    static constexpr std::size_t abreast = 4;  // samples whose gradients are summed together

    std::size_t dim, hidden, models;
    float gain;

    std::size_t weights() const noexcept {
        return hidden * (dim + hidden + 2 + models) + 2 + models;
    }
    // Floats of scratch that the functions below need.
    std::size_t scratch() const noexcept { return weights() + (5 + abreast) * hidden; }
};

struct DescentRule {
    std::size_t batch;
    float rate;
    // After each step w = kept w + added, elementwise; null for no such pull.
    const float *kept, *added;
};

// logits: (n, models).
void forward_fastgrnn(const float* weights, const CellShape& shape, const float* x, std::size_t n,
                      float* logits, float* scratch) noexcept;

// One epoch of gradient steps on the mean log-loss of each batch, over the rows of x and targets
// that `order` names. targets: (rows, models) in [0, 1], NaN where unknown. Returns the mean of the
// batches' losses.
double descend_fastgrnn(float* weights, const CellShape& shape, const float* x,
                        const float* targets, const std::int64_t* order, std::size_t n,
                        const DescentRule& rule, float* scratch) noexcept;

// Exact diagonal Fisher information of the outcomes of x's rows under model actions[i] of each:
// fisher = mean_i p_i (1 - p_i) (d logit_i / d weights)^2.
void fisher_fastgrnn(const float* weights, const CellShape& shape, const float* x,
                     const std::int64_t* actions, std::size_t n, float* fisher,
                     float* scratch) noexcept;

}  // namespace engrain

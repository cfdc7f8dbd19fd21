// The inline scorer: a perceptron inputs - 32 - 32 - 1 with ReLU, forward and backward by hand.
//
// Parameters lie in one array of scorer_parameters(inputs) floats:
//   W1 (inputs, 32), b1 (32), W2 (32, 32), b2 (32), w3 (32), b3 (1); rows are inputs.
#pragma once

#include <cstddef>

namespace engrain {

constexpr std::size_t scorer_hidden = 32;

constexpr std::size_t scorer_parameters(std::size_t inputs) {
    return inputs * scorer_hidden + scorer_hidden + scorer_hidden * scorer_hidden +
           2 * scorer_hidden + 1;
}

// logits[i] = w3 . relu(W2^T relu(W1^T x_i + b1) + b2) + b3 for n rows of features.
void score_features(const float* parameters, const float* features, std::size_t n,
                    std::size_t inputs, float* logits) noexcept;

// gradient += d(sum_i upstream[i] logits[i]) / d parameters.
void backpropagate(const float* parameters, const float* features, const float* upstream,
                   std::size_t n, std::size_t inputs, float* gradient) noexcept;

struct AdamStep {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
};

// Decoupled weight decay, Loshchilov & Hutter (2019); `step` counts from 1.
void adam_step(float* parameters, const float* gradient, float* mean, float* square, std::size_t n,
               const AdamStep& rule, long long step) noexcept;

// parameters -= learning_rate * gradient.
void sgd_step(float* parameters, const float* gradient, std::size_t n,
              float learning_rate) noexcept;

}  // namespace engrain

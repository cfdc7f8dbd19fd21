// Online diagonal Fisher information and the elastic pull towards what was learned before.
#pragma once

#include <cstddef>

namespace engrain {

// fisher[i] = decay * fisher[i] + gain * gradient[i]^2
void update_fisher(float* fisher, const float* gradient, std::size_t n, float decay,
                   float gain) noexcept;

// Returns strength / 2 * sum_i fisher[i] (weights[i] - anchor[i])^2, and adds its gradient
// strength * fisher[i] (weights[i] - anchor[i]) to `gradient` where that is not null.
double elastic_penalty(const float* weights, const float* anchor, const float* fisher,
                       std::size_t n, float strength, float* gradient) noexcept;

}  // namespace engrain

// Lateral inhibition: competing memories suppress the weaker and the similar ones.
#pragma once

#include <cstddef>

namespace engrain {

struct InhibitionRule {
    float strength;     // total inhibition one memory can receive
    float sparsity;     // share of the memories that is silenced at the end
    float temperature;  // of the competition; lower is closer to winner takes all
    int rounds;
};

// Each round: w = softmax(a / temperature);
// a_i <- max(0, a_i - strength / rounds * sum_{j != i} w_j max(0, similarity_ij)).
// Then the floor(sparsity n) lowest are set to 0 (ties: the later one first). In place on scores.
// similarity is symmetric (n, n), or nullptr for 1 everywhere. scratch: 2 n floats.
// Subtractive form of Földiák (1990), Biol. Cybern. 64, 165-170. Returns how many stay above 0.
std::size_t inhibit(float* scores, const float* similarity, std::size_t n,
                    const InhibitionRule& rule, float* scratch) noexcept;

}  // namespace engrain

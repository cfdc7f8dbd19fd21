// Prioritised sampling on a sum tree: Schaul et al. (2016), Prioritized Experience Replay.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// A heap-ordered binary tree over `leaves` (a power of two) masses: node 1 is the root, node
// leaves + i the mass of item i. `sum` is 2 * leaves long and owned by the caller.
struct SumTreeView {
    double* sum;
    std::size_t leaves;
};

// Mass of item indices[i] = priorities[i]^alpha (0 for priority 0). Sums are rebuilt from children,
// so they never drift.
void update_priorities(SumTreeView& view, const std::int64_t* indices, const float* priorities,
                       std::size_t n, double alpha) noexcept;

// Stratified: one draw from each n-th of the total mass. `random` is the state of the generator.
// weights[i] = (size * P(i))^-beta / max over the batch. The total must be above 0.
void sample_priorities(const SumTreeView& view, std::uint64_t& random, std::size_t size,
                       double beta, std::size_t n, std::int64_t* indices, float* weights) noexcept;

}  // namespace engrain

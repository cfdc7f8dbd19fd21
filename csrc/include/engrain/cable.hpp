// Linear systems on trees: one time step, or the steady state, of branched cables.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// Solves, for each of `cells` cells of one shape, the symmetric system
//   diagonal[i] v[i] - axial[i] v[parent[i]] - sum_{j: parent[j] = i} axial[j] v[j] = rhs[i]
// in O(nodes). Node 0 is the root (axial[0] is not read), parent[i] < i. diagonal and rhs hold
// (nodes, cells) row by row; diagonal is overwritten and rhs becomes the solution. Needs no pivots
// where diagonal[i] exceeds the sum of the axial terms of its row. No aliasing.
//
// Hines, Int. J. Biomed. Comput. 15 (1984) 69-76.
void solve_cable(const std::int32_t* parent, const double* axial, double* diagonal, double* rhs,
                 std::size_t nodes, std::size_t cells) noexcept;

}  // namespace engrain

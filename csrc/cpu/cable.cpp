#include "engrain/cable.hpp"

namespace engrain {

void solve_cable(const std::int32_t* parent, const double* axial, double* diagonal, double* rhs,
                 std::size_t nodes, std::size_t cells) noexcept {
    for (std::size_t i = nodes; i-- > 1;) {
        const std::size_t own = i * cells, up = static_cast<std::size_t>(parent[i]) * cells;
        for (std::size_t c = 0; c < cells; ++c) {
            const double factor = axial[i] / diagonal[own + c];
            diagonal[up + c] -= factor * axial[i];
            rhs[up + c] += factor * rhs[own + c];
        }
    }
    for (std::size_t c = 0; nodes > 0 && c < cells; ++c) rhs[c] /= diagonal[c];
    for (std::size_t i = 1; i < nodes; ++i) {
        const std::size_t own = i * cells, up = static_cast<std::size_t>(parent[i]) * cells;
        for (std::size_t c = 0; c < cells; ++c)
            rhs[own + c] = (rhs[own + c] + axial[i] * rhs[up + c]) / diagonal[own + c];
    }
}

}  // namespace engrain

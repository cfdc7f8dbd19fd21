// Refusal of NaN and infinities at the boundary, before any state is touched.
#pragma once

#include <cstddef>

namespace engrain {

// Whether every one of n values is finite; true for n == 0.
bool all_finite(const float* values, std::size_t n) noexcept;

}  // namespace engrain

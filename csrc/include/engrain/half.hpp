// Floats of 16 bits (IEEE 754 binary16), as the log keeps vectors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// out[i] = the float of 16 bits nearest to x[i], ties to even, as a float; x is finite.
void round_to_half(const float* x, std::size_t n, float* out) noexcept;

// The bits of the same.
void to_half_bits(const float* x, std::size_t n, std::uint16_t* out) noexcept;

}  // namespace engrain

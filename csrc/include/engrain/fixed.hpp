// Fixed point with 24 fraction bits in 64-bit integers: adding and then subtracting is exact.
#pragma once

#include <cstdint>
#include <cstring>

#include "engrain/simd.hpp"

namespace engrain {

constexpr double fixed_one = 0x1p24;

// The nearest multiple of 2^-24, ties to even, for |x| < 2^26.
ENGRAIN_INLINE std::int64_t to_fixed(double x) noexcept {
    constexpr double shift = 0x1.8p+52;  // pushes the fraction of x * 2^24 out of the mantissa
    const double shifted = x * fixed_one + shift;
    std::int64_t bits, origin;
    std::memcpy(&bits, &shifted, sizeof(bits));
    std::memcpy(&origin, &shift, sizeof(origin));
    return bits - origin;
}

ENGRAIN_INLINE double from_fixed(std::int64_t x) noexcept {
    return static_cast<double>(x) / fixed_one;
}

}  // namespace engrain

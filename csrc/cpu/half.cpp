#include "engrain/half.hpp"

#include <cstring>
#include <limits>

#include "engrain/simd.hpp"

namespace engrain {
namespace {

constexpr std::uint32_t sign = 0x80000000U, least_normal = 113U << 23;  // 2^-14
constexpr float largest = 65504.0F;

ENGRAIN_INLINE std::uint32_t bits_of(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

ENGRAIN_INLINE float float_of(std::uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// 10 bits of fraction; below 2^-14 whole multiples of 2^-24, the distance of floats above .5.
ENGRAIN_INLINE float nearest(float x) {
    const std::uint32_t bits = bits_of(x), size = bits & ~sign;
    const float normal = float_of((size + 0xFFFU + (size >> 13 & 1U)) & ~0x1FFFU);
    const float small = (float_of(size) + 0.5F) - 0.5F;
    const float bounded = normal > largest ? std::numeric_limits<float>::infinity() : normal;
    return float_of(bits_of(size < least_normal ? small : bounded) | (bits & sign));
}

template <int W>
ENGRAIN_INLINE void round_to_half_body(const float* x, std::size_t n, float* out) {
    for (std::size_t i = 0; i < n; ++i) out[i] = nearest(x[i]);
}

template <int W>
ENGRAIN_INLINE void to_half_bits_body(const float* x, std::size_t n, std::uint16_t* out) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t bits = bits_of(nearest(x[i])), size = bits & ~sign;
        const std::uint32_t normal = (size >> 13) - (112U << 10);
        const auto small = static_cast<std::uint32_t>(
            static_cast<std::int32_t>((size < least_normal ? float_of(size) : 0.0F) * 0x1p24F));
        const std::uint32_t bounded = normal > 0x7C00U ? 0x7C00U : normal;
        out[i] =
            static_cast<std::uint16_t>((size < least_normal ? small : bounded) | bits >> 31 << 15);
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, round_to_half, (const float* x, std::size_t n, float* out), (x, n, out))

ENGRAIN_DISPATCH(void, to_half_bits, (const float* x, std::size_t n, std::uint16_t* out),
                 (x, n, out))

}  // namespace engrain

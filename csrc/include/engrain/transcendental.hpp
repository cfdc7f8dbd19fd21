// exp, log and log1p that are the same on every machine: no libm, no FMA, no tables.
//
// float64 scalars: at most 2 ulp from the exact value. float32 over 16 lanes: relative error at
// most 1e-7; the results of exp below 2^-126 are flushed to 0. NaN stays NaN.
// Argument reduction after Cody & Waite, Software Manual for the Elementary Functions (1980);
// log(1 + f) = 2 artanh(f / (2 + f)) after Tang, ACM TOMS 16 (1990) 378-400.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "engrain/simd.hpp"

namespace engrain {

namespace detail {

constexpr double ln2_high = 0x1.62e42fee00000p-1;  // 33 bits: exact times any exponent
constexpr double ln2_low = 0x1.a39ef35793c76p-33;
constexpr double log2_e = 0x1.71547652b82fep+0;
constexpr double to_integer = 0x1.8p+52;  // adding and subtracting it rounds to an integer
constexpr double exp_tail[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                               1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                               1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
constexpr double log_tail[] = {2.0 / 25, 2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15,
                               2.0 / 13, 2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

inline double from_bits(std::uint64_t bits) noexcept {
    double x;
    std::memcpy(&x, &bits, sizeof(x));
    return x;
}

inline std::uint64_t to_bits(double x) noexcept {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return bits;
}

inline double power_of_two(std::int64_t n) noexcept {
    return from_bits(static_cast<std::uint64_t>(n + 1023) << 52);
}

// 2 artanh(s) / s - 2 as a polynomial in z = s^2 <= 0.0295.
inline double artanh_tail(double z) noexcept {
    double p = 0.0;
    for (double coefficient : log_tail) p = p * z + coefficient;
    return p * z;
}

// k ln 2 + log(1 + f) + correction, for 1 + f in [sqrt(1/2), sqrt(2)).
inline double log_reduced(double f, int k, double correction) noexcept {
    const double s = f / (2.0 + f), half = 0.5 * f * f;
    const double small = s * (half + artanh_tail(s * s)) + (k * ln2_low + correction);
    return k * ln2_high - ((half - small) - f);
}

// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for finite x > 0; returns f.
inline double split(double x, int& k) noexcept {
    k = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    const std::uint64_t sqrt_half = 0x3fe6a09e667f3bcdULL, one = 0x3ff0000000000000ULL;
    const std::uint64_t bits = to_bits(x);
    const int shift = static_cast<int>((bits + (one - sqrt_half)) >> 52) - 1023;
    k += shift;
    return from_bits(bits - (static_cast<std::uint64_t>(shift) << 52)) - 1.0;
}

}  // namespace detail

// e^x.
inline double exp(double x) noexcept {
    if (x != x) return x;
    if (x > 709.782712893384) return detail::infinity;
    if (x < -745.2) return 0.0;
    const double n = (x * detail::log2_e + detail::to_integer) - detail::to_integer;
    const double high = x - n * detail::ln2_high, low = n * detail::ln2_low, r = high - low;
    double p = 0.0;
    for (double coefficient : detail::exp_tail) p = p * r + coefficient;
    // What rounding r lost comes back beside the quadratic term.
    const double y = 1.0 + (high - (low - r * r * p));
    const int k = static_cast<int>(n);
    return y * detail::power_of_two(k / 2) * detail::power_of_two(k - k / 2);
}

// Natural logarithm; -infinity at 0, NaN below.
inline double log(double x) noexcept {
    if (!(x > 0.0)) return x == 0.0 ? -detail::infinity : detail::not_a_number;
    if (x == detail::infinity) return x;
    int k;
    const double f = detail::split(x, k);
    return detail::log_reduced(f, k, 0.0);
}

// log(1 + x) without loss near 0; -infinity at -1, NaN below.
inline double log1p(double x) noexcept {
    if (!(x > -1.0)) return x == -1.0 ? -detail::infinity : detail::not_a_number;
    if (x == detail::infinity || (x < 0x1p-54 && x > -0x1p-54)) return x;
    const double u = 1.0 + x;
    const double lost = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
    int k;
    const double f = detail::split(u, k);
    return detail::log_reduced(f, k, lost / u);
}

namespace simd {

// Bit patterns of 16 lanes, for masks and exponents.
template <int W>
struct Bits {
    using F = typename Vec<W>::f32;
    using I = typename Vec<W>::i32;
    static ENGRAIN_INLINE I of(F x) {
        I bits;
        std::memcpy(&bits, &x, sizeof(bits));
        return bits;
    }
    static ENGRAIN_INLINE F as_float(I bits) {
        F x;
        std::memcpy(&x, &bits, sizeof(x));
        return x;
    }
    // Modulo 2^32: the bits of NaN may overflow, and are thrown away afterwards.
    typedef std::uint32_t U __attribute__((vector_size(W * 4)));
    static ENGRAIN_INLINE I wrapping_add(I a, I b) { return (I)((U)a + (U)b); }
    static ENGRAIN_INLINE I without_exponent(I bits, I k) { return (I)((U)bits - ((U)k << 23)); }
    // Masks by arithmetic on the bits: GCC takes comparisons of 512 bits apart lane by lane.
    static ENGRAIN_INLINE I less(F a, F b) { return of(a - b) >> 31; }  // not for NaN
    static ENGRAIN_INLINE I zero(I bits) { return ~((bits | (I)(-(U)bits)) >> 31); }
    static ENGRAIN_INLINE I nan(F x) { return (0x7f800000 - (of(x) & 0x7fffffff)) >> 31; }
    // mask ? a : b, for masks of all ones or all zeros.
    static ENGRAIN_INLINE F select(I mask, F a, F b) {
        return as_float((of(a) & mask) | (of(b) & ~mask));
    }
};

template <int W>
ENGRAIN_INLINE typename Vec<W>::f32 exp_register(typename Vec<W>::f32 x) {
    using B = Bits<W>;
    using F = typename Vec<W>::f32;
    using I = typename Vec<W>::i32;
    const F zero = F{}, wide = zero + 0x1.8p+23F;
    // Out of range first, so that the exponent arithmetic below stays defined; NaN passes as 0.
    const I above = B::less(zero + 0x1.62e42ep+6F, x), below = B::less(x, zero - 0x1.5d589ep+6F);
    const I nan = B::nan(x);
    const F t = B::select(nan | above | below, zero, x);
    const F n = (t * 0x1.715476p+0F + wide) - wide;
    const F high = t - n * 0x1.62ep-1F, low = n * 0x1.0bfbe8p-15F, r = high - low;
    F p = zero + 1.0F / 5040.0F;
    p = p * r + 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    const F y = 1.0F + (high - (low - r * r * p));
    const I k = B::of(n + wide) - B::of(wide), first = k >> 1, second = k - first;
    F out = y * B::as_float((first + 127) << 23) * B::as_float((second + 127) << 23);
    out = B::select(above, zero + std::numeric_limits<float>::infinity(), out);
    out = B::select(below, zero, out);
    return B::select(nan, x, out);
}

template <int W>
ENGRAIN_INLINE typename Vec<W>::f32 log_register(typename Vec<W>::f32 x) {
    using B = Bits<W>;
    using F = typename Vec<W>::f32;
    using I = typename Vec<W>::i32;
    const float inf = std::numeric_limits<float>::infinity();
    const F zero = F{};
    const I tiny = B::less(x, zero + 0x1p-126F), null = B::zero(B::of(x) & 0x7fffffff);
    const I bits = B::of(B::select(tiny, x * 0x1p24F, x));
    const I k = (B::wrapping_add(bits, I{} + (0x3f800000 - 0x3f3504f3)) >> 23) - 127;
    const F f = B::as_float(B::without_exponent(bits, k)) - 1.0F;
    const F s = f / (2.0F + f), z = s * s, half = 0.5F * f * f;
    F p = zero + 2.0F / 13;
    p = p * z + 2.0F / 11;
    p = p * z + 2.0F / 9;
    p = p * z + 2.0F / 7;
    p = p * z + 2.0F / 5;
    p = p * z + 2.0F / 3;
    const F n = __builtin_convertvector(k + (tiny & -24), F);
    F out = n * 0x1.62ep-1F - ((half - (s * (half + p * z) + n * 0x1.0bfbe8p-15F)) - f);
    out = B::select(B::zero(B::of(x) ^ 0x7f800000), x, out);
    out = B::select(null, zero - inf, out);
    const I undefined = ((B::of(x) >> 31) & ~null) | B::nan(x);
    return B::select(undefined, zero + std::numeric_limits<float>::quiet_NaN(), out);
}

// e^x of each lane.
template <int W>
ENGRAIN_INLINE Lanes<W> exp(Lanes<W> x) {
    for (int r = 0; r < Lanes<W>::registers; ++r) x.v[r] = exp_register<W>(x.v[r]);
    return x;
}

// Natural logarithm of each lane; -infinity at 0, NaN below.
template <int W>
ENGRAIN_INLINE Lanes<W> log(Lanes<W> x) {
    for (int r = 0; r < Lanes<W>::registers; ++r) x.v[r] = log_register<W>(x.v[r]);
    return x;
}

}  // namespace simd
}  // namespace engrain

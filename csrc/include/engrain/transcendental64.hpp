// exp and log of whole registers of float64: the polynomials of transcendental.hpp without its
// branches, for arguments in the range the caller knows. Equal at every SIMD level.
#pragma once

#include "engrain/transcendental.hpp"

namespace engrain::simd {

// D doubles: half as many as a register of that width holds floats.
template <int D>
struct Wide {
    typedef double F __attribute__((vector_size(D * 8)));
    typedef std::int64_t I __attribute__((vector_size(D * 8)));
    typedef std::uint64_t U __attribute__((vector_size(D * 8)));
    typedef double F_at __attribute__((vector_size(D * 8), aligned(8), may_alias));

    static ENGRAIN_INLINE F splat(double x) { return F{} + x; }
    static ENGRAIN_INLINE F load(const double* p) { return *reinterpret_cast<const F_at*>(p); }
    static ENGRAIN_INLINE void store(F x, double* p) { *reinterpret_cast<F_at*>(p) = x; }
    static ENGRAIN_INLINE U bits(F x) { return reinterpret_cast<U>(x); }
    static ENGRAIN_INLINE F number(U x) { return reinterpret_cast<F>(x); }
    // mask ? a : b, for masks of all ones or all zeros.
    static ENGRAIN_INLINE F select(I mask, F a, F b) {
        const U m = reinterpret_cast<U>(mask);
        return number((bits(a) & m) | (bits(b) & ~m));
    }
    static ENGRAIN_INLINE F smaller(F a, F b) { return select(a < b, a, b); }
    static ENGRAIN_INLINE F larger(F a, F b) { return select(a > b, a, b); }
};

// A polynomial, highest coefficient first, as three chains in x^3: a third of the latency of one.
template <int D>
ENGRAIN_INLINE typename Wide<D>::F polynomial(const double (&c)[12], typename Wide<D>::F x) {
    using F = typename Wide<D>::F;
    const F square = x * x, cube = square * x;
    const F high = ((c[0] * cube + c[3]) * cube + c[6]) * cube + c[9];
    const F middle = ((c[1] * cube + c[4]) * cube + c[7]) * cube + c[10];
    const F low = ((c[2] * cube + c[5]) * cube + c[8]) * cube + c[11];
    return high * square + (middle * x + low);
}

// e^x for |x| <= 700; beyond, the value at that bound.
template <int D>
ENGRAIN_INLINE typename Wide<D>::F exp_wide(typename Wide<D>::F x) {
    using V = Wide<D>;
    using F = typename V::F;
    x = V::smaller(V::larger(x, V::splat(-700.0)), V::splat(700.0));
    const F shifted = x * detail::log2_e + detail::to_integer, n = shifted - detail::to_integer;
    const F high = x - n * detail::ln2_high, low = n * detail::ln2_low, r = high - low;
    const F y = 1.0 + (high - (low - r * r * polynomial<D>(detail::exp_tail, r)));
    return y * V::number((V::bits(shifted) - V::bits(V::splat(detail::to_integer)) + 1023) << 52);
}

// Natural logarithm of normal x > 0.
template <int D>
ENGRAIN_INLINE typename Wide<D>::F log_wide(typename Wide<D>::F x) {
    using V = Wide<D>;
    using F = typename V::F;
    using U = typename V::U;
    constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcdULL, one = 0x3ff0000000000000ULL;
    const U shift = ((V::bits(x) + (one - sqrt_half)) >> 52) - 1023;
    const F f = V::number(V::bits(x) - (shift << 52)) - 1.0;
    const F k = V::number(shift + V::bits(V::splat(detail::to_integer))) - detail::to_integer;
    const F s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    const F tail = polynomial<D>(detail::log_tail, z) * z;
    const F small = s * (half + tail) + k * detail::ln2_low;
    return k * detail::ln2_high - ((half - small) - f);
}

}  // namespace engrain::simd

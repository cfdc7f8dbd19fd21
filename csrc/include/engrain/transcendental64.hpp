// exp2 and log2 of whole registers of float64, without branches, for arguments in the range that
// the caller knows: no libm, no FMA, no tables, equal at every SIMD level. The coefficients are
// minimax polynomials (Remez) of relative error 1.6e-14 and 2.7e-14.
#pragma once

#include <cstdint>

#include "engrain/simd.hpp"

namespace engrain::simd {

// D doubles: half as many as a register of that width holds floats.
template <int D>
struct Wide {
    typedef double F __attribute__((vector_size(D * 8)));
    typedef std::uint64_t U __attribute__((vector_size(D * 8)));
    typedef double F_at __attribute__((vector_size(D * 8), aligned(8), may_alias));

    static ENGRAIN_INLINE F splat(double x) { return F{} + x; }
    static ENGRAIN_INLINE F load(const double* p) { return *reinterpret_cast<const F_at*>(p); }
    static ENGRAIN_INLINE void store(F x, double* p) { *reinterpret_cast<F_at*>(p) = x; }
    static ENGRAIN_INLINE U bits(F x) { return reinterpret_cast<U>(x); }
    static ENGRAIN_INLINE F number(U x) { return reinterpret_cast<F>(x); }
    static ENGRAIN_INLINE F smaller(F a, F b) { return a < b ? a : b; }
    static ENGRAIN_INLINE F larger(F a, F b) { return a > b ? a : b; }
};

// 2^x for |x| <= 1000: 2^n (1 + r P(r)) with r = x - n in [-1/2, 1/2].
template <int D>
ENGRAIN_INLINE typename Wide<D>::F exp2_wide(typename Wide<D>::F x) {
    using V = Wide<D>;
    using F = typename V::F;
    constexpr double to_integer = 0x1.8p+52;  // adding and subtracting it rounds to an integer
    const F shifted = x + to_integer, r = x - (shifted - to_integer), square = r * r;
    // Three chains in r^3: a third of the latency of one.
    const F cube = square * r;
    const F high =
        (0x1.b3de313c912c6p-24 * cube + 0x1.430897f34dadfp-13) * cube + 0x1.c6b08d70c880cp-5;
    const F middle =
        (0x1.63e69646799f3p-20 * cube + 0x1.5d87fd9388a84p-10) * cube + 0x1.ebfbdff81be06p-3;
    const F low =
        (0x1.ffce2fc0a3205p-17 * cube + 0x1.3b2ab72412140p-7) * cube + 0x1.62e42fefa37d1p-1;
    const F y = 1.0 + r * (high * square + (middle * r + low));
    return V::number(V::bits(y) + (V::bits(shifted) << 52));
}

// Binary logarithm of normal x > 0: with x = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)) and
// s = f / (2 + f) it is k + s Q(s^2), the series of 2 artanh(s) / ln 2.
template <int D>
ENGRAIN_INLINE typename Wide<D>::F log2_wide(typename Wide<D>::F x) {
    using V = Wide<D>;
    using F = typename V::F;
    using U = typename V::U;
    constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcdULL, one = 0x3ff0000000000000ULL;
    constexpr double to_integer = 0x1.8p+52;
    const U shift = ((V::bits(x) + (one - sqrt_half)) >> 52) - 1023;
    const F f = V::number(V::bits(x) - (shift << 52)) - 1.0;
    const F k = V::number(shift + V::bits(V::splat(to_integer))) - to_integer;
    const F s = f / (2.0 + f), z = s * s, square = z * z;
    const F odd =
        (0x1.21b0598a6e61ep-2 * square + 0x1.a61a2e919441ep-2) * square + 0x1.ec709dc53c31dp-1;
    const F even =
        (0x1.47955fcdb8203p-2 * square + 0x1.2776c29380a3dp-1) * square + 0x1.71547652b8251p+1;
    return k + s * (odd * z + even);
}

}  // namespace engrain::simd

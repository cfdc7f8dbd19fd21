// Inner products, to be inlined into kernels at each SIMD width.
#pragma once

#include "engrain/simd.hpp"

namespace engrain {

// sum_i a[i] * b[i] over 16 logical lanes: equal bit for bit at every width.
template <int W>
ENGRAIN_INLINE float dot(const float* a, const float* b, std::size_t n) {
    using simd::Lanes;
    Lanes<W> total = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) total = total + Lanes<W>::load(a + i) * Lanes<W>::load(b + i);
    if (i < n)
        total = total + Lanes<W>::load_partial(a + i, n - i) * Lanes<W>::load_partial(b + i, n - i);
    return total.sum();
}

// sum_i a[i] * b[i] in int32, exact for n <= 131071. Integer sums do not depend on their order, so
// this one is left to the compiler, which finds the multiply-add instructions by itself.
ENGRAIN_INLINE std::int32_t dot_i8(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
    std::int32_t total = 0;
    for (std::size_t i = 0; i < n; ++i) total += std::int32_t(a[i]) * std::int32_t(b[i]);
    return total;
}

}  // namespace engrain

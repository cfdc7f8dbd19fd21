#include "engrain/finite.hpp"

#include "engrain/simd.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// x - x is 0 for finite x and NaN for all others.
template <int W>
ENGRAIN_INLINE bool all_finite_body(const float* values, std::size_t n) {
    Lanes<W> total = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const Lanes<W> x = Lanes<W>::load(values + i);
        total = total + (x - x);
    }
    if (i < n) {
        const Lanes<W> x = Lanes<W>::load_partial(values + i, n - i);
        total = total + (x - x);
    }
    return total.sum() == 0.0F;
}

}  // namespace

ENGRAIN_DISPATCH(bool, all_finite, (const float* values, std::size_t n), (values, n))

}  // namespace engrain

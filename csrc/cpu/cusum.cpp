#include "engrain/cusum.hpp"

#include <algorithm>

#include "engrain/simd.hpp"

namespace engrain {
namespace {

ENGRAIN_INLINE double followed(double sum, double z, const CusumRule& rule) {
    const double clipped = std::min(std::max(z, -rule.clip), rule.clip);
    return std::max(sum + (clipped - rule.allowance), 0.0);
}

template <int W>
ENGRAIN_INLINE std::size_t follow_cusum_body(const double* rows, std::size_t n, std::size_t streams,
                                             const double* mean, const double* deviation,
                                             const CusumRule& rule, double* sums) {
    double *up = sums, *down = sums + streams;
    for (std::size_t i = 0; i < n; ++i, rows += streams) {
        double most = 0.0;
        for (std::size_t j = 0; j < streams; ++j) {
            const double z = (rows[j] - mean[j]) / deviation[j];
            up[j] = followed(up[j], z, rule);
            down[j] = followed(down[j], -z, rule);
            most = std::max(most, std::max(up[j], down[j]));
        }
        if (most > rule.threshold) return i;
    }
    return n;
}

}  // namespace

ENGRAIN_DISPATCH(std::size_t, follow_cusum,
                 (const double* rows, std::size_t n, std::size_t streams, const double* mean,
                  const double* deviation, const CusumRule& rule, double* sums),
                 (rows, n, streams, mean, deviation, rule, sums))

}  // namespace engrain

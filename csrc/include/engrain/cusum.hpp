// Page's two-sided cumulative sums on several streams of figures (Page 1954).
#pragma once

#include <cstddef>

namespace engrain {

struct CusumRule {
    double allowance;  // what each deviation may be for nothing to add up
    double clip;       // of deviations, so that one alone is no alarm
    double threshold;
};

// Row after row, of every stream: z = (x - mean) / deviation, and of z and -z on either side
// sum = max(0, sum + clip(z) - allowance). Returns the first row after which a sum exceeds the
// threshold, where it stops, or n. rows: (n, streams); sums: (2, streams), of z and then of -z.
std::size_t follow_cusum(const double* rows, std::size_t n, std::size_t streams, const double* mean,
                         const double* deviation, const CusumRule& rule, double* sums) noexcept;

}  // namespace engrain

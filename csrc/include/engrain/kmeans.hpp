// k-means: D^2 seeding and Lloyd's steps, on points or on directions.
//
// By the triangle inequality a row is as far from a centre as their int8 codes are, less the errors
// of coding: most rows are passed over for that bound, a quarter of the bytes, and no result
// changes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t seed_block = 256;  // rows whose bounds and distances are taken together

// Working memory that the caller owns. `width` is dim padded to a multiple of 64.
struct ClusterScratch {
    float* distance;                // n: squared distance to the nearest centre; also an output
    std::int64_t* nearest;          // n: position among the chosen of that centre; also an output
    std::int8_t* codes;             // (n + k) x width: of the rows and, in lloyd, of the centres
    float *scale, *length, *error;  // n + k each: of both as coded
    float* reach;                   // n: distance, a little enlarged
    float* padded;                  // width
    double* sums;                   // one per seed_block rows, or part of them: of the distances
};

// What lloyd finds, beside the labels and distances in the scratch.
struct ClustersFound {
    float* centres;        // k x dim
    double* sums;          // k x dim: of the rows of each label
    std::int64_t* counts;  // k
    std::uint32_t* order;  // n, scratch
};

struct LloydSteps {
    std::size_t taken;
    bool settled;  // no label changed in the last one
};

// D^2 sampling (Arthur & Vassilvitskii 2007): chosen[0] = floor(uniforms[0] n), and chosen[c] is
// the first row at which the running sum of squared distances exceeds uniforms[c] times their
// total, or floor(uniforms[c] n) where that is 0. Uniforms lie in [0, 1), 1 <= k, 1 <= n.
void seed_centres(const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                  const double* uniforms, const ClusterScratch& scratch,
                  std::int64_t* chosen) noexcept;

// At most `steps` of Lloyd's steps from where seed_centres left the scratch: centres become the
// means of their rows (of length 1 if `spherical`), rows go to the nearest centre, of equal ones to
// the first. The e-th centre without rows restarts at the row that is e-th farthest from its own.
LloydSteps lloyd(const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                 std::size_t steps, bool spherical, const ClusterScratch& scratch,
                 const ClustersFound& found) noexcept;

// out = rows at length 1; a row of length 0 stays 0. May be in place.
void unit_rows(const float* rows, std::size_t n, std::size_t dim, float* out) noexcept;

}  // namespace engrain

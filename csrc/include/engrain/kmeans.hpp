// k-means++ seeding, and the parts of Lloyd's step that are not a matrix product.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

constexpr std::size_t seed_block = 256;  // rows whose bounds and distances are taken together

// Working memory of seed_centres that the caller owns. `width` is dim padded to a multiple of 64.
struct SeedScratch {
    float* distance;                // n: squared distance to the nearest centre; also an output
    std::int64_t* nearest;          // n: position among the chosen of that centre; also an output
    std::int8_t* codes;             // n x width
    float *scale, *length, *error;  // n each: of the rows as coded
    float* reach;                   // n: distance, a little enlarged
    float* padded;                  // width
    double* sums;                   // one per seed_block rows, or part of them: of the distances
};

// D^2 sampling (Arthur & Vassilvitskii 2007): chosen[0] = floor(uniforms[0] n), and chosen[c] is
// the first row at which the running sum of squared distances exceeds uniforms[c] times their
// total, or floor(uniforms[c] n) where that is 0. Uniforms lie in [0, 1), 1 <= k, 1 <= n. By the
// triangle inequality a row is as far from a centre as their int8 codes are, less the errors of
// coding: most rows are passed over for that bound, a quarter of the bytes, and no result changes.
void seed_centres(const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                  const double* uniforms, const SeedScratch& scratch,
                  std::int64_t* chosen) noexcept;

// label[i] = argmin_c bias[c] - 2 scores[i k + c], ties to the smaller c; least[i] = that minimum.
void assign_rows(const float* scores, const float* bias, std::size_t n, std::size_t k,
                 std::int64_t* label, float* least) noexcept;

// sums[label[i]] += rows[i] and counts[label[i]] += 1, in order, in float64.
void sum_rows(const float* rows, const std::int64_t* label, std::size_t n, std::size_t dim,
              double* sums, std::int64_t* counts) noexcept;

}  // namespace engrain

// Scans of a flat index: exact f32 rows, int8 codes of them, and what ranks their scores.
//
// Rows are padded with zeros to `width`, a multiple of 64. Integers are exact and floats are summed
// over 16 logical lanes in one order, so every result is equal bit for bit at every SIMD level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace engrain {

struct Moments {
    double mean, deviation;
};

// codes[j] = row[j] / scale to the nearest integer, scale = max |row| / 127. Returns scale; 0 for a
// row of zeros.
float quantize_row(const float* row, std::size_t width, std::int8_t* codes) noexcept;

// out[i] = sum_j codes[members[i] * width + j] query[j]. Codes lie in [-127, 127].
void dot_codes(const std::int8_t* codes, std::size_t width, const std::uint32_t* members,
               std::size_t n, const std::int8_t* query, std::int32_t* out) noexcept;

// Cosines (row - mean) . query / |row - mean| of rows members[i] and 1 / |row - mean|; both 0 for a
// row that equals the mean.
void centred_cosines(const float* rows, std::size_t width, const std::uint32_t* members,
                     std::size_t n, const float* mean, const float* query, float* cosine,
                     float* inverse) noexcept;

// The centred rows themselves: out[i * dim + j] = (row - mean)_j * inverse[i].
void centre_rows(const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                 const float* mean, const float* inverse, std::size_t dim, float* out) noexcept;

// |a - b|^2 over `width` floats.
float squared_distance(const float* a, const float* b, std::size_t width) noexcept;

// out[i] = dots[i] * factor * gain[i] - offset * inverse[i]
void cosines_of_codes(const std::int32_t* dots, const float* gain, const float* inverse,
                      std::size_t n, float factor, float offset, float* out) noexcept;

// Mean and population deviation of x, counted as `count` values: the values left out must be 0.
Moments moments(const float* x, std::size_t n, std::size_t count) noexcept;

// total[i] += (x[i] - mean) * inverse
void add_standardized(const float* x, std::size_t n, float mean, float inverse,
                      float* total) noexcept;

// counts[j] = how many of x lie above bounds[j], j < m, on a grid of 65,532 steps from the least to
// the largest bound.
void count_above(const float* x, std::size_t n, const float* bounds, std::size_t m,
                 std::size_t* counts) noexcept;

// What a memory's neighbours one and two places away count, and what all of it does.
struct Neighbourhood {
    float near, far, all;
};

// out[i] = x[i] + all * (y[i] + near * (one before + one after) + far * (two before + two after)),
// y = `floored`, near[0..3][i] = where y[i - 2], y[i - 1], y[i + 1], y[i + 2] of a sequence stand.
void add_neighbours(const float* x, const float* floored, const std::uint32_t* const* near,
                    std::size_t n, const Neighbourhood& weights, float* out) noexcept;

// The same where they stand at i - 2, i - 1, i + 1 and i + 2 if beside[0..3][i] is 1, nowhere if it
// is 0; two more of y must be readable on either side.
void add_adjacent(const float* x, const float* floored, const float* const* beside, std::size_t n,
                  const Neighbourhood& weights, float* out) noexcept;

// Positions of the min(k, n) largest of x, best first, ties by position. NaN must not occur.
void select_best(const float* x, std::size_t n, std::size_t k, std::vector<std::uint32_t>& best);

}  // namespace engrain

#include "engrain/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engrain/blocks.hpp"
#include "engrain/flat.hpp"
#include "engrain/prefetch.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t block = seed_block;
constexpr std::size_t rows_ahead = 3;

template <int W>
struct Distance {
    const float *a, *b;
    Lanes<W> total;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> d = block.load(a) - block.load(b);
        total = total + d * d;
    }
};

template <int W>
ENGRAIN_INLINE float squared_distance_of(const float* a, const float* b, std::size_t dim) {
    Distance<W> body{a, b, {}};
    for_blocks<W>(dim, body);
    return body.total.sum();
}

std::size_t width_of(std::size_t dim) noexcept { return (dim + 63) / 64 * 64; }

template <int W>
ENGRAIN_INLINE Lanes<W> as_floats(const std::int8_t* codes) {
    typedef std::int8_t At __attribute__((vector_size(W), aligned(1), may_alias));
    Lanes<W> out;
    for (int r = 0; r < Lanes<W>::registers; ++r)
        out.v[r] = __builtin_convertvector(*reinterpret_cast<const At*>(codes + r * W),
                                           typename simd::Vec<W>::f32);
    return out;
}

// Code rows from `start` on; length is that of the coded row, squared, and error bounds
// |row - coded|.
template <int W>
ENGRAIN_INLINE void encode(const float* rows, std::size_t start, std::size_t count, std::size_t dim,
                           const SeedScratch& s) {
    const std::size_t width = width_of(dim);
    for (std::size_t i = start; i < start + count; ++i) {
        const float* row = rows + i * dim;
        if (dim < width) {
            std::copy(row, row + dim, s.padded);
            row = s.padded;
        }
        std::int8_t* codes = s.codes + i * width;
        s.scale[i] = quantize_row(row, width, codes);
        const Lanes<W> scale = Lanes<W>::splat(s.scale[i]);
        Lanes<W> square = Lanes<W>::zero(), lost = square;
        for (std::size_t j = 0; j < width; j += 16) {
            const Lanes<W> coded = scale * as_floats<W>(codes + j);
            const Lanes<W> error = Lanes<W>::load(row + j) - coded;
            square = square + coded * coded;
            lost = lost + error * error;
        }
        s.length[i] = square.sum();
        s.error[i] = 1.001F * std::sqrt(lost.sum());
    }
}

double sum_of(const float* distance, std::size_t n) noexcept {
    double sums[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += distance[i + lane];
    for (; i < n; ++i) sums[0] += distance[i];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

// The first block, and in it the first row, at which the running sum exceeds the target; where that
// is lost to rounding, the last one at any distance.
std::int64_t pick(const SeedScratch& s, std::size_t n, double uniform) noexcept {
    const std::size_t blocks = (n + block - 1) / block;
    double total = 0.0, sum = 0.0;
    for (std::size_t b = 0; b < blocks; ++b) total += s.sums[b];
    if (!(total > 0.0)) return std::int64_t(uniform * double(n));
    const double target = uniform * total;
    std::size_t start = 0, last = 0;
    for (std::size_t b = 0; b < blocks; ++b) {
        if (s.sums[b] > 0.0) start = b * block;
        if (sum + s.sums[b] > target) break;
        sum += s.sums[b];
    }
    for (std::size_t i = start; i < std::min(n, start + block); ++i) {
        sum += s.distance[i];
        if (s.distance[i] > 0.0F) last = i;
        if (sum > target) return std::int64_t(i);
    }
    return std::int64_t(last);
}

// gap[i] > 0 where the bound shows row i to be no nearer to centre c than it already is to another
// one. The margin covers the rounding of the squares.
ENGRAIN_INLINE void bound_rows(const SeedScratch& s, std::size_t start, std::size_t count,
                               std::size_t c, const std::int32_t* dots, float* gap) {
    const float twice = 2.0F * s.scale[c], length = s.length[c], error = s.error[c];
    const float *scales = s.scale + start, *lengths = s.length + start, *errors = s.error + start;
    const float* reaches = s.reach + start;
    for (std::size_t i = 0; i < count; ++i) {
        const float both = lengths[i] + length, reach = reaches[i] + errors[i] + error;
        gap[i] = 0.9999F * both - twice * scales[i] * float(dots[i]) - reach * reach;
    }
}

// Measure the rows at `places` and keep what is nearer.
template <int W>
ENGRAIN_INLINE void measure(const float* rows, std::size_t dim, const float* centre, std::size_t c,
                            const std::uint32_t* places, std::size_t count, const SeedScratch& s) {
    for (std::size_t at = 0; at < count; ++at) {
        if (at + rows_ahead < count) {
            const float* next = rows + places[at + rows_ahead] * dim;
            for (std::size_t j = 0; j < dim; j += 16) prefetch(next + j);
        }
        const std::size_t i = places[at];
        const float d = squared_distance_of<W>(rows + i * dim, centre, dim);
        if (d >= s.distance[i]) continue;
        s.distance[i] = d;
        s.reach[i] = 1.0001F * std::sqrt(d);
        s.nearest[i] = std::int64_t(c);
    }
}

// Code all rows, and measure them while they are at hand.
template <int W>
ENGRAIN_INLINE void begin(const float* rows, std::size_t n, std::size_t dim, std::int64_t first,
                          const SeedScratch& s) {
    std::uint32_t places[block];
    std::fill(s.padded, s.padded + width_of(dim), 0.0F);
    std::fill(s.distance, s.distance + n, std::numeric_limits<float>::infinity());
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = std::min(block, n - start);
        for (std::size_t i = 0; i < count; ++i) places[i] = std::uint32_t(start + i);
        encode<W>(rows, start, count, dim, s);
        measure<W>(rows, dim, rows + std::size_t(first) * dim, 0, places, count, s);
        s.sums[start / block] = sum_of(s.distance + start, count);
    }
}

template <int W>
ENGRAIN_INLINE void approach(const float* rows, std::size_t n, std::size_t dim, std::int64_t chosen,
                             std::size_t c, const SeedScratch& s) {
    std::uint32_t members[block], places[block];
    std::int32_t dots[block];
    float gap[block];
    for (std::size_t i = 0; i < block; ++i) members[i] = std::uint32_t(i);
    const std::size_t width = width_of(dim), row = std::size_t(chosen);
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = std::min(block, n - start);
        dot_codes(s.codes + start * width, width, members, count, s.codes + row * width, dots);
        bound_rows(s, start, count, row, dots, gap);
        std::size_t near = 0;
        for (std::size_t i = 0; i < count; ++i) {
            places[near] = std::uint32_t(start + i);
            near += gap[i] > 0.0F ? 0 : 1;
        }
        if (near == 0) continue;
        measure<W>(rows, dim, rows + row * dim, c, places, near, s);
        s.sums[start / block] = sum_of(s.distance + start, count);
    }
}

template <int W>
ENGRAIN_INLINE void seed_centres_body(const float* rows, std::size_t n, std::size_t dim,
                                      std::size_t k, const double* uniforms,
                                      const SeedScratch& scratch, std::int64_t* chosen) {
    chosen[0] = std::int64_t(uniforms[0] * double(n));
    begin<W>(rows, n, dim, chosen[0], scratch);
    for (std::size_t c = 1; c < k; ++c) {
        chosen[c] = pick(scratch, n, uniforms[c]);
        approach<W>(rows, n, dim, chosen[c], c, scratch);
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, seed_centres,
                 (const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                  const double* uniforms, const SeedScratch& scratch, std::int64_t* chosen),
                 (rows, n, dim, k, uniforms, scratch, chosen))

void assign_rows(const float* scores, const float* bias, std::size_t n, std::size_t k,
                 std::int64_t* label, float* least) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const float* score = scores + i * k;
        std::size_t best = 0;
        float lowest = std::numeric_limits<float>::infinity();
        for (std::size_t c = 0; c < k; ++c) {
            const float value = bias[c] - 2.0F * score[c];
            if (value < lowest) {
                lowest = value;
                best = c;
            }
        }
        label[i] = std::int64_t(best);
        least[i] = lowest;
    }
}

void sum_rows(const float* rows, const std::int64_t* label, std::size_t n, std::size_t dim,
              double* sums, std::int64_t* counts) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const float* row = rows + i * dim;
        double* sum = sums + std::size_t(label[i]) * dim;
        for (std::size_t j = 0; j < dim; ++j) sum[j] += double(row[j]);
        ++counts[label[i]];
    }
}

}  // namespace engrain

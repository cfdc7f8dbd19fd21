#include "engrain/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engrain/blocks.hpp"
#include "engrain/flat.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t block = 256;  // rows whose bounds are taken together

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

// Code every row; length is that of the coded row, squared, and error bounds |row - coded|.
template <int W>
ENGRAIN_INLINE void encode(const float* rows, std::size_t n, std::size_t dim,
                           const SeedScratch& s) {
    constexpr std::size_t lanes = 16;
    const std::size_t width = width_of(dim);
    std::fill(s.padded, s.padded + width, 0.0F);
    for (std::size_t i = 0; i < n; ++i) {
        std::int8_t* codes = s.codes + i * width;
        std::copy(rows + i * dim, rows + (i + 1) * dim, s.padded);
        const float scale = s.scale[i] = quantize_row(s.padded, width, codes);
        float square[lanes] = {}, lost[lanes] = {}, coded[lanes];
        for (std::size_t j = 0; j < width; j += lanes)
            for (std::size_t l = 0; l < lanes; ++l) {
                coded[l] = scale * float(codes[j + l]);
                square[l] += coded[l] * coded[l];
                lost[l] += (s.padded[j + l] - coded[l]) * (s.padded[j + l] - coded[l]);
            }
        s.length[i] = Lanes<W>::load(square).sum();
        s.error[i] = 1.001F * std::sqrt(Lanes<W>::load(lost).sum());
    }
}

std::int64_t pick(const float* distance, std::size_t n, double uniform) noexcept {
    double total = 0.0;
    for (std::size_t i = 0; i < n; ++i) total += distance[i];
    if (!(total > 0.0)) return std::int64_t(uniform * double(n));
    const double target = uniform * total;
    double sum = 0.0;
    std::size_t last = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += distance[i];
        if (distance[i] > 0.0F) last = i;
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

template <int W>
ENGRAIN_INLINE void approach(const float* rows, std::size_t n, std::size_t dim, std::int64_t chosen,
                             std::size_t c, const SeedScratch& scratch) {
    std::uint32_t members[block];
    std::int32_t dots[block];
    float gap[block];
    for (std::size_t i = 0; i < block; ++i) members[i] = std::uint32_t(i);
    const std::size_t width = width_of(dim), row = std::size_t(chosen);
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = std::min(block, n - start);
        dot_codes(scratch.codes + start * width, width, members, count, scratch.codes + row * width,
                  dots);
        bound_rows(scratch, start, count, row, dots, gap);
        for (std::size_t i = start; i < start + count; ++i) {
            if (gap[i - start] > 0.0F) continue;
            const float d = squared_distance_of<W>(rows + i * dim, rows + row * dim, dim);
            if (d >= scratch.distance[i]) continue;
            scratch.distance[i] = d;
            scratch.reach[i] = 1.0001F * std::sqrt(d);
            scratch.nearest[i] = std::int64_t(c);
        }
    }
}

template <int W>
ENGRAIN_INLINE void seed_centres_body(const float* rows, std::size_t n, std::size_t dim,
                                      std::size_t k, const double* uniforms,
                                      const SeedScratch& scratch, std::int64_t* chosen) {
    encode<W>(rows, n, dim, scratch);
    std::fill(scratch.distance, scratch.distance + n, std::numeric_limits<float>::infinity());
    std::fill(scratch.reach, scratch.reach + n, std::numeric_limits<float>::infinity());
    for (std::size_t c = 0; c < k; ++c) {
        chosen[c] =
            c == 0 ? std::int64_t(uniforms[0] * double(n)) : pick(scratch.distance, n, uniforms[c]);
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

#include "engrain/kmeans.hpp"

#include <algorithm>
#include <limits>

#include "engrain/blocks.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t stretch = 64;  // floats between two looks at the bound

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

// |a - b|^2, or any number of at least `bound` once that is certain: a sum of squares only grows,
// lane by lane and rounded or not.
template <int W>
ENGRAIN_INLINE float distance_below(const float* a, const float* b, std::size_t dim, float bound) {
    Distance<W> body{a, b, {}};
    std::size_t i = 0;
    for (; i + stretch < dim; i += stretch) {
        for (std::size_t j = 0; j < stretch; j += 16) body.at(Whole<W>{i + j});
        if (body.total.sum() >= bound) return bound;
    }
    for (; i + 16 <= dim; i += 16) body.at(Whole<W>{i});
    if (i < dim) body.at(Tail<W>{i, dim - i});
    return body.total.sum();
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

template <int W>
ENGRAIN_INLINE void approach(const float* rows, std::size_t n, std::size_t dim,
                             const std::int64_t* chosen, std::size_t c,
                             const SeedScratch& scratch) {
    const float infinity = std::numeric_limits<float>::infinity();
    const float* centre = rows + std::size_t(chosen[c]) * dim;
    for (std::size_t o = 0; o < c; ++o)
        scratch.between[o] =
            distance_below<W>(centre, rows + std::size_t(chosen[o]) * dim, dim, infinity);
    for (std::size_t i = 0; i < n; ++i) {
        const float bound = scratch.distance[i];
        // A margin for rounding: 4 would do in exact arithmetic.
        if (c > 0 && scratch.between[scratch.nearest[i]] >= 4.001F * bound) continue;
        const float d = distance_below<W>(rows + i * dim, centre, dim, bound);
        if (d < bound) {
            scratch.distance[i] = d;
            scratch.nearest[i] = std::int64_t(c);
        }
    }
}

template <int W>
ENGRAIN_INLINE void seed_centres_body(const float* rows, std::size_t n, std::size_t dim,
                                      std::size_t k, const double* uniforms,
                                      const SeedScratch& scratch, std::int64_t* chosen) {
    std::fill(scratch.distance, scratch.distance + n, std::numeric_limits<float>::infinity());
    std::fill(scratch.nearest, scratch.nearest + n, 0);
    chosen[0] = std::int64_t(uniforms[0] * double(n));
    approach<W>(rows, n, dim, chosen, 0, scratch);
    for (std::size_t c = 1; c < k; ++c) {
        chosen[c] = pick(scratch.distance, n, uniforms[c]);
        approach<W>(rows, n, dim, chosen, c, scratch);
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

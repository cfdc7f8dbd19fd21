#include "engrain/flat.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "engrain/dot.hpp"
#include "engrain/prefetch.hpp"

#if ENGRAIN_X86
#include <immintrin.h>
#endif

namespace engrain {
namespace {

using simd::Lanes;

// Below this squared length a centred row is rounding noise of the mean.
constexpr float negligible = 1e-8F;

template <int W>
ENGRAIN_INLINE float squared_distance_body(const float* a, const float* b, std::size_t width) {
    Lanes<W> total = Lanes<W>::zero();
    for (std::size_t j = 0; j < width; j += 16) {
        const Lanes<W> d = Lanes<W>::load(a + j) - Lanes<W>::load(b + j);
        total = total + d * d;
    }
    return total.sum();
}

// Members may lie anywhere: ask for rows while those before them are worked on.
constexpr std::size_t rows_ahead = 12;

// So many rows side by side: their sums do not wait for each other, and there are registers for
// all.
template <int W>
constexpr std::size_t abreast = W == 16  ? 4
                                : W == 8 ? 2
                                         : 1;

// |row - mean|^2 and row . query of some rows, each as `squared_distance` and `dot` have it.
template <int W>
struct Measured {
    const float* row[abreast<W>];
    float squared[abreast<W>], along[abreast<W>];

    // Rows members[i] and on; beyond n the last one stands in.
    ENGRAIN_INLINE void take(const float* rows, std::size_t width, const std::uint32_t* members,
                             std::size_t n, std::size_t i, const float* mean, const float* query) {
        constexpr std::size_t count = abreast<W>;
        for (std::size_t k = 0; k < count; ++k) {
            if (i + k + rows_ahead < n)
                prefetch_all(rows + members[i + k + rows_ahead] * width, width);
            row[k] = rows + members[std::min(i + k, n - 1)] * width;
        }
        Lanes<W> distance[count] = {}, product[count] = {};
        for (std::size_t j = 0; j < width; j += 16) {
            const Lanes<W> m = Lanes<W>::load(mean + j), q = Lanes<W>::load(query + j);
            for (std::size_t k = 0; k < count; ++k) {
                const Lanes<W> x = Lanes<W>::load(row[k] + j), d = x - m;
                distance[k] = distance[k] + d * d;
                product[k] = product[k] + x * q;
            }
        }
        for (std::size_t k = 0; k < count; ++k) {
            squared[k] = distance[k].sum();
            along[k] = product[k].sum();
        }
    }
};

template <int W>
ENGRAIN_INLINE void centred_cosines_body(const float* rows, std::size_t width,
                                         const std::uint32_t* members, std::size_t n,
                                         const float* mean, const float* query, float* cosine,
                                         float* inverse) {
    const float offset = dot<W>(mean, query, width);
    for (std::size_t i = 0; i < n; i += abreast<W>) {
        Measured<W> own;
        own.take(rows, width, members, n, i, mean, query);
        for (std::size_t k = 0; k < abreast<W> && i + k < n; ++k) {
            const bool empty = own.squared[k] <= negligible;
            const float length = std::sqrt(own.squared[k]);
            cosine[i + k] = empty ? 0.0F : (own.along[k] - offset) / length;
            inverse[i + k] = empty ? 0.0F : 1.0F / length;
        }
    }
}

// out = (row - mean) * scale
template <int W>
ENGRAIN_INLINE void centre_row(const float* row, const float* mean, float scale, std::size_t dim,
                               float* out) {
    const Lanes<W> by = Lanes<W>::splat(scale);
    std::size_t j = 0;
    for (; j + 16 <= dim; j += 16)
        ((Lanes<W>::load(row + j) - Lanes<W>::load(mean + j)) * by).store(out + j);
    if (j < dim)
        ((Lanes<W>::load(row + j) - Lanes<W>::load(mean + j)) * by).store_partial(out + j, dim - j);
}

template <int W>
ENGRAIN_INLINE void centre_rows_body(const float* rows, std::size_t width,
                                     const std::uint32_t* members, std::size_t n, const float* mean,
                                     const float* inverse, std::size_t dim, float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        if (i + rows_ahead < n) prefetch_all(rows + members[i + rows_ahead] * width, width);
        centre_row<W>(rows + members[i] * width, mean, inverse[i], dim, out + i * dim);
    }
}

template <int W>
ENGRAIN_INLINE void cosines_of_codes_body(const std::int32_t* dots, const float* gain,
                                          const float* inverse, std::size_t n, float factor,
                                          float offset, float* out) {
    for (std::size_t i = 0; i < n; ++i)
        out[i] = static_cast<float>(dots[i]) * factor * gain[i] - offset * inverse[i];
}

template <int W>
ENGRAIN_INLINE Moments moments_body(const float* x, std::size_t n, std::size_t count) {
    double sum[16] = {}, square[16] = {};
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int lane = 0; lane < 16; ++lane) {
            const double value = x[i + lane];
            sum[lane] += value;
            square[lane] += value * value;
        }
    for (int lane = 0; i < n; ++i, ++lane) {
        sum[lane] += x[i];
        square[lane] += double(x[i]) * x[i];
    }
    for (int half = 8; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane) {
            sum[lane] += sum[lane + half];
            square[lane] += square[lane + half];
        }
    if (count == 0) return {0.0, 0.0};
    const double mean = sum[0] / double(count);
    return {mean, std::sqrt(std::max(0.0, square[0] / double(count) - mean * mean))};
}

template <int W>
ENGRAIN_INLINE void add_standardized_body(const float* x, std::size_t n, float mean, float inverse,
                                          float* total) {
    for (std::size_t i = 0; i < n; ++i) total[i] += (x[i] - mean) * inverse;
}

// From -32767 for what is below all bounds to 32767 for what is above them.
struct Grid {
    float low, scale;
    std::int16_t place(float x) const noexcept {
        const float at = (x - low) * scale - 32766.0F;
        return static_cast<std::int16_t>(std::max(-32767.0F, std::min(at, 32767.0F)));
    }
};

Grid grid_of(const float* bounds, std::size_t m) {
    const auto [low, high] = std::minmax_element(bounds, bounds + m);
    return {*low, std::min(65532.0F / (*high - *low), 1e30F)};
}

template <int W>
struct Shorts {
    typedef std::int16_t type __attribute__((vector_size(W * 4)));
};

// counts[k] += how many of the places, of which there are whole registers, lie above bounds[k].
template <int W>
ENGRAIN_INLINE void count_places(const std::int16_t* places, std::size_t n,
                                 const std::int16_t (&bounds)[8], std::size_t (&counts)[8]) {
    using V = typename Shorts<W>::type;
    V above[8] = {};
    for (std::size_t i = 0; i < n; i += 2 * W) {
        V own;
        std::memcpy(&own, places + i, sizeof own);
        for (int k = 0; k < 8; ++k) above[k] += own > bounds[k];
    }
    for (int k = 0; k < 8; ++k)
        for (int lane = 0; lane < 2 * W; ++lane)
            counts[k] += static_cast<std::size_t>(-above[k][lane]);
}

// Several bounds at a time: what was placed is read once for all of them.
template <int W>
ENGRAIN_INLINE void count_above_body(const float* x, std::size_t n, const float* bounds,
                                     std::size_t m, std::size_t* counts) {
    constexpr std::size_t most = 8192, together = 8;
    std::fill(counts, counts + m, std::size_t{0});
    if (m == 0) return;
    const Grid grid = grid_of(bounds, m);
    std::int16_t places[most];
    for (std::size_t start = 0; start < n; start += most) {
        const std::size_t size = std::min(most, n - start), whole = (size + 31) / 32 * 32;
        for (std::size_t i = 0; i < size; ++i) places[i] = grid.place(x[start + i]);
        std::fill(places + size, places + whole, std::int16_t{-32768});
        for (std::size_t j = 0; j < m; j += together) {
            std::int16_t bound[together];
            std::size_t above[together] = {};
            for (std::size_t k = 0; k < together; ++k)
                bound[k] = grid.place(bounds[std::min(j + k, m - 1)]);
            // A comparison of 512 bits gives a mask, of which a register would have to be made.
            count_places<(W < 8 ? W : 8)>(places, whole, bound, above);
            for (std::size_t k = 0; k < together && j + k < m; ++k) counts[j + k] += above[k];
        }
    }
}

template <int W>
ENGRAIN_INLINE void add_neighbours_body(const float* x, const float* floored,
                                        const std::uint32_t* const* near, std::size_t n,
                                        const Neighbourhood& weights, float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        const float around = floored[i] +
                             weights.near * (floored[near[1][i]] + floored[near[2][i]]) +
                             weights.far * (floored[near[0][i]] + floored[near[3][i]]);
        out[i] = x[i] + weights.all * around;
    }
}

template <int W>
ENGRAIN_INLINE void add_adjacent_body(const float* x, const float* floored,
                                      const float* const* beside, std::size_t n,
                                      const Neighbourhood& weights, float* out) {
    const float *two = beside[0], *one = beside[1], *next = beside[2], *far = beside[3];
    for (std::size_t i = 0; i < n; ++i) {
        const float *at = floored + i, close = one[i] * at[-1] + next[i] * at[1];
        const float wide = two[i] * at[-2] + far[i] * at[2];
        const float around = at[0] + weights.near * close + weights.far * wide;
        out[i] = x[i] + weights.all * around;
    }
}

// Written for the vectoriser: lengths compared as integers, and rounding by the number that pushes
// the fraction out of a float.
template <int W>
ENGRAIN_INLINE float quantize_row_body(const float* row, std::size_t width, std::int8_t* codes) {
    constexpr float to_integer = 0x1.8p+23F;
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < width; ++j) {
        std::uint32_t magnitude;
        std::memcpy(&magnitude, row + j, sizeof(magnitude));
        bits = std::max(bits, magnitude & 0x7FFFFFFFU);
    }
    float largest;
    std::memcpy(&largest, &bits, sizeof(largest));
    const float inverse = largest > 0.0F ? 127.0F / largest : 0.0F;
    for (std::size_t j = 0; j < width; ++j)
        codes[j] = static_cast<std::int8_t>(
            static_cast<std::int32_t>((row[j] * inverse + to_integer) - to_integer));
    return largest / 127.0F;
}

// Sorts as the floats do, best first, then by position.
ENGRAIN_INLINE std::uint64_t key_of(float score, std::size_t position) {
    const float value = score + 0.0F;  // one zero
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    bits = bits >> 31 ? bits : ~(bits | 0x80000000U);
    return std::uint64_t{bits} << 32 | position;
}

std::size_t reach_each(const float* x, std::size_t n, float bound, std::uint32_t* places) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < n; ++i) {
        places[found] = static_cast<std::uint32_t>(i);
        found += x[i] >= bound ? 1 : 0;
    }
    return found;
}

#if ENGRAIN_X86

ENGRAIN_AVX512 std::size_t reach_avx512(const float* x, std::size_t n, float bound,
                                        std::uint32_t* places) {
    const __m512 bounds = _mm512_set1_ps(bound);
    __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    std::size_t found = 0;
    for (std::size_t i = 0; i < n; i += 16) {
        const auto lanes = static_cast<__mmask16>(n - i < 16 ? (1U << (n - i)) - 1U : 0xFFFFU);
        const __mmask16 hits =
            _mm512_mask_cmp_ps_mask(lanes, _mm512_maskz_loadu_ps(lanes, x + i), bounds, _CMP_GE_OQ);
        _mm512_storeu_si512(places + found, _mm512_maskz_compress_epi32(hits, at));
        at = _mm512_add_epi32(at, _mm512_set1_epi32(16));
        found += static_cast<std::size_t>(__builtin_popcount(hits));
    }
    return found;
}

#endif

// Positions of what is no less than the bound, ascending; `places` has room for n and 16 more.
std::size_t reach(const float* x, std::size_t n, float bound, std::uint32_t* places) {
#if ENGRAIN_X86
    if (simd::level() == simd::Level::avx512) return reach_avx512(x, n, bound, places);
#endif
    return reach_each(x, n, bound, places);
}

// Keys of what is above the bound, and of the first k that equal it.
void collect(const float* x, std::size_t n, float bound, std::size_t k, std::uint32_t* places,
             std::vector<std::uint64_t>& keys) {
    const std::size_t found = reach(x, n, bound, places);
    std::size_t equal = 0;
    for (std::size_t i = 0; i < found; ++i) {
        const float score = x[places[i]];
        if (score > bound || equal++ < k) keys.push_back(key_of(score, places[i]));
    }
}

// A bound that about 2 k of x reach, judged by an even sample.
float likely_bound(const float* x, std::size_t n, std::size_t k) {
    constexpr std::size_t most = 256;
    const std::size_t stride = n / most + 1, sampled = n / stride, rank = 2 * k / stride + 4;
    if (rank >= sampled) return -std::numeric_limits<float>::infinity();
    float sample[most];
    for (std::size_t i = 0; i < sampled; ++i) sample[i] = x[i * stride];
    std::nth_element(sample, sample + rank, sample + sampled, std::greater<float>());
    return sample[rank];
}

}  // namespace

ENGRAIN_DISPATCH(float, quantize_row, (const float* row, std::size_t width, std::int8_t* codes),
                 (row, width, codes))

ENGRAIN_DISPATCH(float, squared_distance, (const float* a, const float* b, std::size_t width),
                 (a, b, width))

ENGRAIN_DISPATCH(void, centred_cosines,
                 (const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                  const float* mean, const float* query, float* cosine, float* inverse),
                 (rows, width, members, n, mean, query, cosine, inverse))

ENGRAIN_DISPATCH(void, centre_rows,
                 (const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                  const float* mean, const float* inverse, std::size_t dim, float* out),
                 (rows, width, members, n, mean, inverse, dim, out))

ENGRAIN_DISPATCH(void, cosines_of_codes,
                 (const std::int32_t* dots, const float* gain, const float* inverse, std::size_t n,
                  float factor, float offset, float* out),
                 (dots, gain, inverse, n, factor, offset, out))

ENGRAIN_DISPATCH(Moments, moments, (const float* x, std::size_t n, std::size_t count),
                 (x, n, count))

ENGRAIN_DISPATCH(void, add_standardized,
                 (const float* x, std::size_t n, float mean, float inverse, float* total),
                 (x, n, mean, inverse, total))

ENGRAIN_DISPATCH(void, count_above,
                 (const float* x, std::size_t n, const float* bounds, std::size_t m,
                  std::size_t* counts),
                 (x, n, bounds, m, counts))

ENGRAIN_DISPATCH(void, add_neighbours,
                 (const float* x, const float* floored, const std::uint32_t* const* near,
                  std::size_t n, const Neighbourhood& weights, float* out),
                 (x, floored, near, n, weights, out))

ENGRAIN_DISPATCH(void, add_adjacent,
                 (const float* x, const float* floored, const float* const* beside, std::size_t n,
                  const Neighbourhood& weights, float* out),
                 (x, floored, beside, n, weights, out))

void select_best(const float* x, std::size_t n, std::size_t k, std::vector<std::uint32_t>& best) {
    k = std::min(k, n);
    static thread_local std::vector<std::uint32_t> places;
    static thread_local std::vector<std::uint64_t> keys;
    if (places.size() < n + 16) places.resize(n + 16);
    keys.clear();
    collect(x, n, likely_bound(x, n, k), k, places.data(), keys);
    if (keys.size() < k) {
        keys.clear();
        collect(x, n, -std::numeric_limits<float>::infinity(), k, places.data(), keys);
    }
    std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(k), keys.end());
    std::sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(k));
    best.resize(k);
    for (std::size_t i = 0; i < k; ++i) best[i] = static_cast<std::uint32_t>(keys[i]);
}

}  // namespace engrain

#include "engrain/flat.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "engrain/dot.hpp"

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

// Members may lie anywhere: ask for a row while the one before it is worked on.
ENGRAIN_INLINE void prefetch_row(const float* row, std::size_t width) {
    for (std::size_t j = 0; j < width; j += 16) __builtin_prefetch(row + j);
}

template <int W>
ENGRAIN_INLINE void centred_cosines_body(const float* rows, std::size_t width,
                                         const std::uint32_t* members, std::size_t n,
                                         const float* mean, const float* query, float* cosine) {
    const float offset = dot<W>(mean, query, width);
    for (std::size_t i = 0; i < n; ++i) {
        if (i + 1 < n) prefetch_row(rows + members[i + 1] * width, width);
        const float* row = rows + members[i] * width;
        const float length = squared_distance_body<W>(row, mean, width);
        cosine[i] =
            length > negligible ? (dot<W>(row, query, width) - offset) / std::sqrt(length) : 0.0F;
    }
}

template <int W>
ENGRAIN_INLINE void centre_rows_body(const float* rows, std::size_t width,
                                     const std::uint32_t* members, std::size_t n, const float* mean,
                                     const float* query, std::size_t dim, float* out,
                                     float* cosine) {
    const float offset = dot<W>(mean, query, width);
    for (std::size_t i = 0; i < n; ++i, out += dim) {
        if (i + 1 < n) prefetch_row(rows + members[i + 1] * width, width);
        const float* row = rows + members[i] * width;
        const float squared = squared_distance_body<W>(row, mean, width);
        const bool empty = squared <= negligible;
        const float length = std::sqrt(squared);
        cosine[i] = empty ? 0.0F : (dot<W>(row, query, width) - offset) / length;
        const Lanes<W> scale = Lanes<W>::splat(empty ? 0.0F : 1.0F / length);
        std::size_t j = 0;
        for (; j + 16 <= dim; j += 16)
            ((Lanes<W>::load(row + j) - Lanes<W>::load(mean + j)) * scale).store(out + j);
        if (j < dim)
            ((Lanes<W>::load(row + j) - Lanes<W>::load(mean + j)) * scale)
                .store_partial(out + j, dim - j);
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

template <int W>
ENGRAIN_INLINE std::size_t count_above_body(const float* x, std::size_t n, float bound) {
    std::size_t count = 0;
    while (n > 0) {
        const std::size_t block = std::min<std::size_t>(n, std::size_t{1} << 20);
        std::int32_t above = 0;
        for (std::size_t i = 0; i < block; ++i) above += x[i] > bound ? 1 : 0;
        count += static_cast<std::size_t>(above);
        x += block;
        n -= block;
    }
    return count;
}

// Sorts as the floats do, best first, then by position.
ENGRAIN_INLINE std::uint64_t key_of(float score, std::size_t position) {
    const float value = score + 0.0F;  // one zero
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    bits = bits >> 31 ? bits : ~(bits | 0x80000000U);
    return std::uint64_t{bits} << 32 | position;
}

// Keys of what is above the bound, and of the first k that equal it.
template <int W>
ENGRAIN_INLINE void collect_body(const float* x, std::size_t n, float bound, std::size_t k,
                                 std::vector<std::uint64_t>& keys) {
    std::size_t equal = 0, i = 0;
    const auto offer = [&](std::size_t at) {
        if (x[at] > bound || (x[at] == bound && equal++ < k)) keys.push_back(key_of(x[at], at));
    };
    for (; i + 16 <= n; i += 16) {
        int any = 0;
        for (int lane = 0; lane < 16; ++lane) any |= x[i + lane] >= bound ? 1 : 0;
        if (any != 0)
            for (std::size_t j = i; j < i + 16; ++j) offer(j);
    }
    for (; i < n; ++i) offer(i);
}

// A bound that about 2 k of x reach, judged by an even sample.
float likely_bound(const float* x, std::size_t n, std::size_t k) {
    constexpr std::size_t most = 512;
    const std::size_t stride = n / most + 1, sampled = n / stride, rank = 2 * k / stride + 4;
    if (rank >= sampled) return -std::numeric_limits<float>::infinity();
    float sample[most];
    for (std::size_t i = 0; i < sampled; ++i) sample[i] = x[i * stride];
    std::nth_element(sample, sample + rank, sample + sampled, std::greater<float>());
    return sample[rank];
}

}  // namespace

// Written for the vectoriser: lengths compared as integers, and rounding by the number that pushes
// the fraction out of a float.
float quantize_row(const float* row, std::size_t width, std::int8_t* codes) noexcept {
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

ENGRAIN_DISPATCH(float, squared_distance, (const float* a, const float* b, std::size_t width),
                 (a, b, width))

ENGRAIN_DISPATCH(void, centred_cosines,
                 (const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                  const float* mean, const float* query, float* cosine),
                 (rows, width, members, n, mean, query, cosine))

ENGRAIN_DISPATCH(void, centre_rows,
                 (const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                  const float* mean, const float* query, std::size_t dim, float* out,
                  float* cosine),
                 (rows, width, members, n, mean, query, dim, out, cosine))

ENGRAIN_DISPATCH(void, cosines_of_codes,
                 (const std::int32_t* dots, const float* gain, const float* inverse, std::size_t n,
                  float factor, float offset, float* out),
                 (dots, gain, inverse, n, factor, offset, out))

ENGRAIN_DISPATCH(Moments, moments, (const float* x, std::size_t n, std::size_t count),
                 (x, n, count))

ENGRAIN_DISPATCH(void, add_standardized,
                 (const float* x, std::size_t n, float mean, float inverse, float* total),
                 (x, n, mean, inverse, total))

ENGRAIN_DISPATCH(std::size_t, count_above, (const float* x, std::size_t n, float bound),
                 (x, n, bound))

namespace {

ENGRAIN_DISPATCH(void, collect,
                 (const float* x, std::size_t n, float bound, std::size_t k,
                  std::vector<std::uint64_t>& keys),
                 (x, n, bound, k, keys))

}  // namespace

void select_best(const float* x, std::size_t n, std::size_t k, std::vector<std::uint32_t>& best) {
    k = std::min(k, n);
    std::vector<std::uint64_t> keys;
    keys.reserve(4 * k);
    collect(x, n, likely_bound(x, n, k), k, keys);
    if (keys.size() < k) {
        keys.clear();
        collect(x, n, -std::numeric_limits<float>::infinity(), k, keys);
    }
    std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(k), keys.end());
    std::sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(k));
    best.resize(k);
    for (std::size_t i = 0; i < k; ++i) best[i] = static_cast<std::uint32_t>(keys[i]);
}

}  // namespace engrain

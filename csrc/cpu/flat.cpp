#include "engrain/flat.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/dot.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Below this squared length a centred row is rounding noise of the mean.
constexpr float negligible = 1e-8F;

template <int W>
ENGRAIN_INLINE float squared_distance(const float* a, const float* b, std::size_t width) {
    Lanes<W> total = Lanes<W>::zero();
    for (std::size_t j = 0; j < width; j += 16) {
        const Lanes<W> d = Lanes<W>::load(a + j) - Lanes<W>::load(b + j);
        total = total + d * d;
    }
    return total.sum();
}

template <int W>
ENGRAIN_INLINE void centred_cosines_body(const float* rows, std::size_t width,
                                         const std::uint32_t* members, std::size_t n,
                                         const float* mean, const float* query, float* squared,
                                         float* cosine) {
    const float offset = query == nullptr ? 0.0F : dot<W>(mean, query, width);
    for (std::size_t i = 0; i < n; ++i) {
        const float* row = rows + members[i] * width;
        const float length = squared_distance<W>(row, mean, width);
        squared[i] = length;
        if (query != nullptr)
            cosine[i] = length > negligible
                            ? (dot<W>(row, query, width) - offset) / std::sqrt(length)
                            : 0.0F;
    }
}

template <int W>
ENGRAIN_INLINE void centre_rows_body(const float* rows, std::size_t width,
                                     const std::uint32_t* members, std::size_t n, const float* mean,
                                     std::size_t dim, float* out) {
    for (std::size_t i = 0; i < n; ++i, out += dim) {
        const float* row = rows + members[i] * width;
        const float length = squared_distance<W>(row, mean, width);
        const bool empty = length <= negligible || dot<W>(row, row, width) == 0.0F;
        const Lanes<W> scale = Lanes<W>::splat(empty ? 0.0F : 1.0F / std::sqrt(length));
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

template <int W>
ENGRAIN_INLINE bool any_above(const float* x, float bound) {
    int above = 0;
    for (int lane = 0; lane < 16; ++lane) above |= x[lane] > bound ? 1 : 0;
    return above != 0;
}

template <int W>
ENGRAIN_INLINE std::size_t select_best_body(const float* x, std::size_t n, std::size_t k,
                                            std::uint32_t* out) {
    const auto better = [x](std::uint32_t a, std::uint32_t b) {
        return x[a] > x[b] || (x[a] == x[b] && a < b);
    };
    const std::size_t kept = std::min(k, n);
    if (kept == 0) return 0;
    for (std::size_t i = 0; i < kept; ++i) out[i] = static_cast<std::uint32_t>(i);
    std::make_heap(out, out + kept, better);  // the worst kept comes first
    const auto offer = [&](std::size_t i) {
        if (!(x[i] > x[out[0]])) return;
        std::pop_heap(out, out + kept, better);
        out[kept - 1] = static_cast<std::uint32_t>(i);
        std::push_heap(out, out + kept, better);
    };
    std::size_t i = kept;
    for (; i + 16 <= n; i += 16)
        if (any_above<W>(x + i, x[out[0]]))
            for (std::size_t j = i; j < i + 16; ++j) offer(j);
    for (; i < n; ++i) offer(i);
    std::sort_heap(out, out + kept, better);
    return kept;
}

}  // namespace

float quantize_row(const float* row, std::size_t width, std::int8_t* codes) noexcept {
    float largest = 0.0F;
    for (std::size_t j = 0; j < width; ++j) largest = std::max(largest, std::fabs(row[j]));
    const float inverse = largest > 0.0F ? 127.0F / largest : 0.0F;
    for (std::size_t j = 0; j < width; ++j)
        codes[j] = static_cast<std::int8_t>(std::lrint(row[j] * inverse));
    return largest / 127.0F;
}

ENGRAIN_DISPATCH(void, centred_cosines,
                 (const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                  const float* mean, const float* query, float* squared, float* cosine),
                 (rows, width, members, n, mean, query, squared, cosine))

ENGRAIN_DISPATCH(void, centre_rows,
                 (const float* rows, std::size_t width, const std::uint32_t* members, std::size_t n,
                  const float* mean, std::size_t dim, float* out),
                 (rows, width, members, n, mean, dim, out))

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

ENGRAIN_DISPATCH(std::size_t, select_best,
                 (const float* x, std::size_t n, std::size_t k, std::uint32_t* out), (x, n, k, out))

}  // namespace engrain

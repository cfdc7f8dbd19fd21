#include "engrain/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engrain/blocks.hpp"
#include "engrain/flat.hpp"
#include "engrain/prefetch.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t block = seed_block;

// So many rows side by side: their sums do not wait for each other.
template <int W>
constexpr std::size_t abreast = W == 16 ? 4 : 2;

template <int W, std::size_t R>
struct Distance {
    const float *row[R], *centre;
    Lanes<W> total[R];

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> c = block.load(centre);
        for (std::size_t k = 0; k < R; ++k) {
            const Lanes<W> d = block.load(row[k]) - c;
            total[k] = total[k] + d * d;
        }
    }
};

template <int W>
ENGRAIN_INLINE float squared_distance_of(const float* row, const float* centre, std::size_t dim) {
    Distance<W, 1> body{{row}, centre, {}};
    for_blocks<W>(dim, body);
    return body.total[0].sum();
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

// Code a row at `place`; length is that of the coded row, squared, and error bounds |row - coded|.
template <int W>
ENGRAIN_INLINE void encode(const float* row, std::size_t place, std::size_t dim,
                           const ClusterScratch& s) {
    const std::size_t width = width_of(dim);
    if (dim < width) {
        std::copy(row, row + dim, s.padded);
        row = s.padded;
    }
    std::int8_t* codes = s.codes + place * width;
    s.scale[place] = quantize_row(row, width, codes);
    const Lanes<W> scale = Lanes<W>::splat(s.scale[place]);
    Lanes<W> square = Lanes<W>::zero(), lost = square;
    for (std::size_t j = 0; j < width; j += 16) {
        const Lanes<W> coded = scale * as_floats<W>(codes + j);
        const Lanes<W> error = Lanes<W>::load(row + j) - coded;
        square = square + coded * coded;
        lost = lost + error * error;
    }
    s.length[place] = square.sum();
    s.error[place] = 1.001F * std::sqrt(lost.sum());
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
std::int64_t pick(const ClusterScratch& s, std::size_t n, double uniform) noexcept {
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

// gap[i] > 0 where the bound shows row i to be farther from the centre coded at c than it is from
// its own. The margin covers the rounding of the squares.
ENGRAIN_INLINE void bound_rows(const ClusterScratch& s, std::size_t start, std::size_t count,
                               std::size_t c, const std::int32_t* dots, float* gap) {
    const float twice = 2.0F * s.scale[c], length = s.length[c], error = s.error[c];
    const float *scales = s.scale + start, *lengths = s.length + start, *errors = s.error + start;
    const float* reaches = s.reach + start;
    for (std::size_t i = 0; i < count; ++i) {
        const float both = lengths[i] + length, reach = reaches[i] + errors[i] + error;
        gap[i] = 0.9999F * both - twice * scales[i] * float(dots[i]) - reach * reach;
    }
}

// Row i goes to centre c if that is nearer, or as near and before its own.
ENGRAIN_INLINE void offer(const ClusterScratch& s, std::size_t i, std::size_t c, float distance) {
    const bool first = distance == s.distance[i] && std::int64_t(c) < s.nearest[i];
    if (!(distance < s.distance[i] || first)) return;
    s.distance[i] = distance;
    s.reach[i] = 1.0001F * std::sqrt(distance);
    s.nearest[i] = std::int64_t(c);
}

// Measure the rows at `places` and keep what is nearer.
template <int W>
ENGRAIN_INLINE void measure(const float* rows, std::size_t dim, const float* centre, std::size_t c,
                            const std::uint32_t* places, std::size_t count,
                            const ClusterScratch& s) {
    constexpr std::size_t many = abreast<W>;
    std::size_t at = 0;
    for (; at + many <= count; at += many) {
        Distance<W, many> body{{}, centre, {}};
        for (std::size_t r = 0; r < many; ++r) {
            body.row[r] = rows + places[at + r] * dim;
            if (at + many + r >= count) continue;
            const float* next = rows + places[at + many + r] * dim;
            for (std::size_t j = 0; j < dim; j += 16) prefetch(next + j);
        }
        for_blocks<W>(dim, body);
        for (std::size_t r = 0; r < many; ++r) offer(s, places[at + r], c, body.total[r].sum());
    }
    for (; at < count; ++at)
        offer(s, places[at], c, squared_distance_of<W>(rows + places[at] * dim, centre, dim));
}

// The rows of a block that may be nearer to centre c, coded at `place`, than to their own: how many
// were measured.
template <int W>
ENGRAIN_INLINE std::size_t approach(const float* rows, std::size_t start, std::size_t count,
                                    std::size_t dim, const float* centre, std::size_t place,
                                    std::size_t c, const std::uint32_t* members,
                                    const ClusterScratch& s) {
    std::uint32_t places[block];
    std::int32_t dots[block];
    float gap[block];
    const std::size_t width = width_of(dim);
    dot_codes(s.codes + start * width, width, members, count, s.codes + place * width, dots);
    bound_rows(s, start, count, place, dots, gap);
    std::size_t near = 0;
    for (std::size_t i = 0; i < count; ++i) {
        places[near] = std::uint32_t(start + i);
        near += gap[i] > 0.0F || s.nearest[start + i] == std::int64_t(c) ? 0 : 1;
    }
    if (near > 0) measure<W>(rows, dim, centre, c, places, near, s);
    return near;
}

struct Members {  // of any block
    std::uint32_t at[block];
    Members() noexcept {
        for (std::size_t i = 0; i < block; ++i) at[i] = std::uint32_t(i);
    }
};

// Code all rows, and measure them while they are at hand.
template <int W>
ENGRAIN_INLINE void begin(const float* rows, std::size_t n, std::size_t dim, std::int64_t first,
                          const ClusterScratch& s) {
    std::uint32_t places[block];
    std::fill(s.padded, s.padded + width_of(dim), 0.0F);
    std::fill(s.distance, s.distance + n, std::numeric_limits<float>::infinity());
    std::fill(s.nearest, s.nearest + n, 0);
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = std::min(block, n - start);
        for (std::size_t i = 0; i < count; ++i) {
            places[i] = std::uint32_t(start + i);
            encode<W>(rows + (start + i) * dim, start + i, dim, s);
        }
        measure<W>(rows, dim, rows + std::size_t(first) * dim, 0, places, count, s);
        s.sums[start / block] = sum_of(s.distance + start, count);
    }
}

template <int W>
ENGRAIN_INLINE void seed_centres_body(const float* rows, std::size_t n, std::size_t dim,
                                      std::size_t k, const double* uniforms,
                                      const ClusterScratch& s, std::int64_t* chosen) {
    const Members members;
    chosen[0] = std::int64_t(uniforms[0] * double(n));
    begin<W>(rows, n, dim, chosen[0], s);
    for (std::size_t c = 1; c < k; ++c) {
        chosen[c] = pick(s, n, uniforms[c]);
        const std::size_t row = std::size_t(chosen[c]);
        for (std::size_t start = 0; start < n; start += block) {
            const std::size_t count = std::min(block, n - start);
            if (approach<W>(rows, start, count, dim, rows + row * dim, row, c, members.at, s) > 0)
                s.sums[start / block] = sum_of(s.distance + start, count);
        }
    }
}

ENGRAIN_INLINE double length_of(const float* row, std::size_t dim) {
    double sums[8] = {};
    std::size_t j = 0;
    for (; j + 8 <= dim; j += 8)
        for (std::size_t lane = 0; lane < 8; ++lane)
            sums[lane] += double(row[j + lane]) * double(row[j + lane]);
    for (; j < dim; ++j) sums[0] += double(row[j]) * double(row[j]);
    return std::sqrt(((sums[0] + sums[4]) + (sums[2] + sums[6])) +
                     ((sums[1] + sums[5]) + (sums[3] + sums[7])));
}

template <int W>
ENGRAIN_INLINE void unit_rows_body(const float* rows, std::size_t n, std::size_t dim, float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        const double length = length_of(rows + i * dim, dim), by = length > 0.0 ? length : 1.0;
        for (std::size_t j = i * dim; j < (i + 1) * dim; ++j) out[j] = float(double(rows[j]) / by);
    }
}

ENGRAIN_INLINE void sum_rows(const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                             const ClusterScratch& s, const ClustersFound& found) {
    std::fill(found.sums, found.sums + k * dim, 0.0);
    std::fill(found.counts, found.counts + k, 0);
    for (std::size_t i = 0; i < n; ++i) {
        const float* row = rows + i * dim;
        double* sum = found.sums + std::size_t(s.nearest[i]) * dim;
        for (std::size_t j = 0; j < dim; ++j) sum[j] += double(row[j]);
        ++found.counts[s.nearest[i]];
    }
}

// Centres without rows take those that are farthest from theirs.
void restart(const float* rows, std::size_t n, std::size_t dim, std::size_t k,
             const ClusterScratch& s, const ClustersFound& found) noexcept {
    const std::ptrdiff_t empty = std::count(found.counts, found.counts + k, 0);
    if (empty == 0) return;
    std::iota(found.order, found.order + n, 0U);
    std::partial_sort(
        found.order, found.order + empty, found.order + n, [&](std::uint32_t i, std::uint32_t j) {
            return s.distance[i] > s.distance[j] || (s.distance[i] == s.distance[j] && i < j);
        });
    const std::uint32_t* next = found.order;
    for (std::size_t c = 0; c < k; ++c) {
        if (found.counts[c] > 0) continue;
        const float* row = rows + *next++ * dim;
        std::copy(row, row + dim, found.sums + c * dim);
        found.counts[c] = 1;
    }
}

// Every row to the nearest centre; returns whether all stayed where they were.
template <int W>
ENGRAIN_INLINE bool assign(const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                           const ClusterScratch& s, const float* centres) {
    const Members members;
    std::int64_t before[block];
    bool stayed = true;
    for (std::size_t c = 0; c < k; ++c) encode<W>(centres + c * dim, n + c, dim, s);
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = std::min(block, n - start);
        std::copy(s.nearest + start, s.nearest + start + count, before);
        for (std::size_t i = start; i < start + count; ++i) {
            const float* own = centres + std::size_t(s.nearest[i]) * dim;
            s.distance[i] = squared_distance_of<W>(rows + i * dim, own, dim);
            s.reach[i] = 1.0001F * std::sqrt(s.distance[i]);
        }
        for (std::size_t c = 0; c < k; ++c)
            approach<W>(rows, start, count, dim, centres + c * dim, n + c, c, members.at, s);
        stayed = stayed && std::equal(before, before + count, s.nearest + start);
    }
    return stayed;
}

template <int W>
ENGRAIN_INLINE LloydSteps lloyd_body(const float* rows, std::size_t n, std::size_t dim,
                                     std::size_t k, std::size_t steps, bool spherical,
                                     const ClusterScratch& s, const ClustersFound& found) {
    LloydSteps done{0, false};
    for (; done.taken < steps && !done.settled; ++done.taken) {
        sum_rows(rows, n, dim, k, s, found);
        restart(rows, n, dim, k, s, found);
        for (std::size_t c = 0; c < k; ++c) {
            const double count = double(found.counts[c]);
            for (std::size_t j = c * dim; j < (c + 1) * dim; ++j)
                found.centres[j] = float(found.sums[j] / count);
        }
        if (spherical) unit_rows(found.centres, k, dim, found.centres);
        done.settled = assign<W>(rows, n, dim, k, s, found.centres);
    }
    sum_rows(rows, n, dim, k, s, found);
    return done;
}

}  // namespace

ENGRAIN_DISPATCH(void, seed_centres,
                 (const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                  const double* uniforms, const ClusterScratch& scratch, std::int64_t* chosen),
                 (rows, n, dim, k, uniforms, scratch, chosen))
ENGRAIN_DISPATCH(LloydSteps, lloyd,
                 (const float* rows, std::size_t n, std::size_t dim, std::size_t k,
                  std::size_t steps, bool spherical, const ClusterScratch& scratch,
                  const ClustersFound& found),
                 (rows, n, dim, k, steps, spherical, scratch, found))

ENGRAIN_DISPATCH(void, unit_rows, (const float* rows, std::size_t n, std::size_t dim, float* out),
                 (rows, n, dim, out))

}  // namespace engrain

#include "engrain/patterns.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engrain/simd.hpp"

namespace engrain {
namespace {

constexpr std::size_t lanes = 16;

// Sums over 16 lanes, then by halves, whatever the registers are.
template <class A, class B>
ENGRAIN_INLINE double dot(const A* a, const B* b, std::size_t n) {
    double total[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        for (std::size_t lane = 0; lane < lanes; ++lane)
            total[lane] += double(a[i + lane]) * double(b[i + lane]);
    for (std::size_t lane = 0; i + lane < n; ++lane)
        total[lane] += double(a[i + lane]) * double(b[i + lane]);
    for (std::size_t half = lanes / 2; half > 0; half /= 2)
        for (std::size_t lane = 0; lane < half; ++lane) total[lane] += total[lane + half];
    return total[0];
}

ENGRAIN_INLINE void set_unit(const PatternTable& t, std::size_t row) {
    const double *sum = t.sums + row * t.dim, length = std::sqrt(dot(sum, sum, t.dim));
    double* unit = t.units + row * t.dim;
    for (std::size_t j = 0; j < t.dim; ++j) unit[j] = length > 0.0 ? sum[j] / length : 0.0;
}

ENGRAIN_INLINE std::size_t append(PatternTable& t, const PatternsAdded& added, std::size_t i) {
    const std::size_t row = t.held++;
    const float* centroid = added.centroids + i * t.dim;
    const double length = std::sqrt(dot(centroid, centroid, t.dim));
    const double total = added.sizes[i] * added.confidences[i];
    double* sum = t.sums + row * t.dim;
    for (std::size_t j = 0; j < t.dim; ++j) sum[j] = total * (double(centroid[j]) / length);
    t.ids[row] = t.next++;
    t.levels[row] = added.level;
    t.counts[row] = added.sizes[i];
    set_unit(t, row);
    return row;
}

// The nearest other row of this one's level, and its cosine; -infinity where there is none.
ENGRAIN_INLINE std::pair<std::size_t, double> nearest_of(const PatternTable& t, std::size_t row) {
    std::pair<std::size_t, double> best{row, -INFINITY};
    for (std::size_t i = 0; i < t.held; ++i) {
        if (i == row || t.levels[i] != t.levels[row]) continue;
        const double cosine = dot(t.units + i * t.dim, t.units + row * t.dim, t.dim);
        if (cosine > best.second) best = {i, cosine};
    }
    return best;
}

template <class T>
void close_gap(T* column, std::size_t row, std::size_t held, std::size_t width) noexcept {
    std::copy(column + (row + 1) * width, column + held * width, column + row * width);
}

void drop(PatternTable& t, std::size_t row) noexcept {
    close_gap(t.ids, row, t.held, 1);
    close_gap(t.levels, row, t.held, 1);
    close_gap(t.counts, row, t.held, 1);
    close_gap(t.sums, row, t.held, t.dim);
    close_gap(t.units, row, t.held, t.dim);
    --t.held;
}

ENGRAIN_INLINE void absorb(PatternTable& t, std::size_t older, std::size_t newer) {
    double* sum = t.sums + older * t.dim;
    for (std::size_t j = 0; j < t.dim; ++j) sum[j] += t.sums[newer * t.dim + j];
    t.counts[older] += t.counts[newer];
    set_unit(t, older);
    drop(t, newer);
}

template <int W>
ENGRAIN_INLINE std::size_t merge_patterns_body(PatternTable& t, const PatternsAdded& added,
                                               const MergeRule& rule, std::int64_t* kept,
                                               std::int64_t* gone) {
    std::size_t went = 0;
    const auto note = [&](std::int64_t stays, std::int64_t goes) {
        gone[2 * went] = stays;
        gone[2 * went + 1] = goes;
        ++went;
    };
    for (std::size_t i = 0; i < added.n; ++i) {
        std::size_t row = append(t, added, i);
        for (auto near = nearest_of(t, row); near.second >= rule.cosine;
             near = nearest_of(t, row)) {
            const std::size_t older = std::min(row, near.first), newer = std::max(row, near.first);
            note(t.ids[older], t.ids[newer]);
            absorb(t, older, newer);
            row = older;
        }
        kept[i] = t.ids[row];
        if (t.held <= rule.capacity) continue;
        const auto fewest = std::min_element(t.counts, t.counts + t.held) - t.counts;
        note(-1, t.ids[fewest]);
        drop(t, std::size_t(fewest));
    }
    return went;
}

}  // namespace

ENGRAIN_DISPATCH(std::size_t, merge_patterns,
                 (PatternTable & table, const PatternsAdded& added, const MergeRule& rule,
                  std::int64_t* kept, std::int64_t* gone),
                 (table, added, rule, kept, gone))

}  // namespace engrain

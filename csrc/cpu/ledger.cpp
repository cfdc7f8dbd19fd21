#include "engrain/ledger.hpp"

#include <algorithm>

#include "engrain/transcendental.hpp"
#include "engrain/transcendental64.hpp"

namespace engrain {
namespace {

using simd::Wide;

constexpr std::size_t depth = 10;
constexpr double largest_bet = 0.5;
constexpr double log2_e = 0x1.71547652b82fep+0, ln_2 = 0x1.62e42fefa39efp-1;

double discount(std::size_t place, std::size_t cut) noexcept {
    static const struct Table {
        double at[depth];
        Table() {
            for (std::size_t i = 0; i < depth; ++i)
                at[i] = log(2.0) / log(2.0 + static_cast<double>(i));
        }
    } table;
    return place < cut ? table.at[place] : 0.0;
}

double ideal_gain(const double* t, std::size_t n, std::size_t cut) noexcept {
    double gain = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (!(t[i] > 0)) continue;
        std::size_t above = 0;
        for (std::size_t j = 0; j < n; ++j) above += t[j] > t[i] || (t[j] == t[i] && j < i);
        gain += t[i] * discount(above, cut);
    }
    return gain;
}

// One observation of D lines: what the sequences of all their measures share. Every operation is
// per lane, so that the result is the same at every width.
template <int D>
struct Observation {
    using V = Wide<D>;
    using F = typename V::F;
    F count, before, now, wealth;

    // seen: observations so far.
    ENGRAIN_INLINE Observation(F seen, double budget, double clock)
        : count(seen + 1.0),
          before(1.0 / count),
          now(1.0 / (count + 1.0)),
          wealth(2 * budget / (count * clock)) {}

    static ENGRAIN_INLINE F root(F x) {
        double lane[D];
        V::store(x, lane);
        for (int i = 0; i < D; ++i) lane[i] = __builtin_sqrt(lane[i]);
        return V::load(lane);
    }

    // Adds x to the sequences whose fields lie `lines` apart.
    ENGRAIN_INLINE void add_to(double* at, std::size_t lines, F x) const {
        double *sums = at + lines, *squares = sums + lines, *weighted = squares + lines;
        double *weights = weighted + lines, *penalties = weights + lines;
        const F sum = V::load(sums), square = V::load(squares);
        const F old_mean = (0.5 + sum) * before, variance = (0.25 + square) * before;
        const F mean = (0.5 + sum + x) * now;
        const F bet = V::smaller(root(wealth / variance), V::splat(largest_bet));
        V::store(count, at);
        V::store(sum + x, sums);
        V::store(square + (x - mean) * (x - mean), squares);
        V::store(V::load(weighted) + bet * x, weighted);
        V::store(V::load(weights) + bet, weights);
        const F cost = -ln_2 * simd::log2_wide<D>(1.0 - bet) - bet;
        V::store(V::load(penalties) + (x - old_mean) * (x - old_mean) * cost, penalties);
    }
};

// Scores of every list item under every counterfactual, item by item; the line after the last
// counterfactual, and all that fill up, hold the full model's own.
template <int W>
ENGRAIN_INLINE void weigh_lists(const float* rows, std::size_t n, std::size_t columns,
                                const double* weights, const double* static_weights,
                                const std::uint8_t* evidence, std::size_t lines, double* scores) {
    for (std::size_t i = 0; i < n; ++i) {
        const float* row = rows + i * columns;
        double* out = scores + i * lines;
        double full = 0, learned = 0, fixed = 0;
        for (std::size_t k = 0; k < columns; ++k) {
            out[k] = static_cast<double>(row[k]) * weights[k];
            full += out[k];
            if (evidence[k] != 0) learned += out[k];
            fixed += static_cast<double>(row[k]) * static_weights[k];
        }
        for (std::size_t k = 0; k < columns; ++k) out[k] = full - out[k];
        out[columns] = full - learned;
        out[columns + 1] = fixed;
        std::fill(out + columns + 2, out + lines, full);
    }
}

// Targets of the m runners-up: what the lower half of the n shown earned goes on below them, in
// proportion to the softmax of `full`, up to `most` each.
void foretell(const double* full, std::size_t lines, std::size_t n, std::size_t m, double most,
              double* t) noexcept {
    double top = full[0], earned = 0, mass = 0;
    for (std::size_t i = 1; i < n + m; ++i) top = std::max(top, full[i * lines]);
    for (std::size_t i = n / 2; i < n; ++i) {
        earned += t[i];
        mass += exp(full[i * lines] - top);
    }
    for (std::size_t i = n; i < n + m; ++i)
        t[i] = mass > 0 ? std::min(most, earned / mass * exp(full[i * lines] - top)) : 0.0;
}

// How many of the rows first .. last - 1 stand above row i, which has scores `own`, line by line.
// Comparisons by the sign of a difference: GCC takes those of 512 bits apart lane by lane.
template <int D>
ENGRAIN_INLINE typename Wide<D>::U count_above(const double* scores, typename Wide<D>::F own,
                                               std::size_t i, std::size_t first, std::size_t last,
                                               std::size_t lines) {
    using V = Wide<D>;
    typename V::U above{};
    for (std::size_t j = first; j < std::min(i, last); ++j)
        above += 1 - (V::bits(V::load(scores + j * lines) - own) >> 63);
    for (std::size_t j = std::max(i + 1, first); j < last; ++j)
        above += V::bits(own - V::load(scores + j * lines)) >> 63;
    return above;
}

// Log-loss, nDCG and reciprocal rank of D lines; `out` has them `lines` apart. Loss and rank are
// of the n shown, nDCG of the `cut` best of these and the m runners-up.
template <int D>
ENGRAIN_INLINE void grade(const double* scores, const double* targets, std::size_t n, std::size_t m,
                          std::size_t cut, std::size_t lines, double ideal, double* out) {
    using V = Wide<D>;
    using F = typename V::F;
    F top = V::load(scores);
    for (std::size_t i = 1; i < n; ++i) top = V::larger(top, V::load(scores + i * lines));
    F total = V::splat(0.0), hit = total, gain = total, best = V::splat(double(n));
    for (std::size_t i = 0; i < n + m; ++i) {
        const F own = V::load(scores + i * lines), z = own - top;
        if (i < n) {
            total += simd::exp2_wide<D>(V::larger(log2_e * z, V::splat(-1000.0)));
            hit += targets[i] * z;
        }
        if (!(targets[i] > 0)) continue;
        typename V::U above = count_above<D>(scores, own, i, 0, n, lines);
        double place[D], worth[D];
        for (int k = 0; k < D; ++k) place[k] = static_cast<double>(above[k]);
        if (i < n) best = V::smaller(best, V::load(place));
        above += count_above<D>(scores, own, i, n, n + m, lines);
        for (int k = 0; k < D; ++k) worth[k] = discount(above[k], cut);
        gain += targets[i] * V::load(worth) / ideal;
    }
    V::store(ln_2 * simd::log2_wide<D>(total) - hit, out);
    V::store(gain, out + lines);
    V::store(1.0 / (best + 1.0), out + 2 * lines);
}

template <int W>
ENGRAIN_INLINE void ledger_update_body(const float* rows, const float* outcomes, std::size_t n,
                                       const float* runners, std::size_t m, std::size_t columns,
                                       const double* weights, const double* static_weights,
                                       const std::uint8_t* evidence, int part, double alpha,
                                       double* sequences, double* scratch) {
    constexpr int D = W / 2;
    using V = Wide<D>;
    using F = typename V::F;
    const std::size_t lines = ledger_lines(columns);
    const std::size_t cut = std::min(n, depth);
    double *t = scratch, *scores = t + n + m, *grades = scores + (n + m) * lines, sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += outcomes[i];
    for (std::size_t i = 0; i < n; ++i) t[i] = outcomes[i] / sum;
    weigh_lists<W>(rows, n, columns, weights, static_weights, evidence, lines, scores);
    weigh_lists<W>(runners, m, columns, weights, static_weights, evidence, lines,
                   scores + n * lines);
    foretell(scores + columns + 2, lines, n, m, 1 / sum, t);
    const double ideal = ideal_gain(t, n + m, cut);
    for (std::size_t b = 0; b < lines; b += D)
        grade<D>(scores + b, t, n, m, cut, lines, ideal, grades + b);
    const double* full = grades + columns + 2;
    const std::size_t per_measure = sequence_fields * lines;
    const double budget = log(2 / alpha);
    for (const std::size_t p : {std::size_t{0}, static_cast<std::size_t>(part)}) {
        double* at = sequences + p * ledger_measures * per_measure;
        const double clock = log(2 + at[0]);
        for (std::size_t b = 0; b < lines; b += D) {
            const Observation<D> seen(V::load(at + b), budget, clock);
            const F loss = V::load(grades + b) - full[0];
            const F lift = V::larger(V::smaller(loss, V::splat(loss_bound)), V::splat(-loss_bound));
            seen.add_to(at + b, lines, 0.5 + 0.5 * (lift / loss_bound));
            for (std::size_t m = 1; m < ledger_measures; ++m) {
                const F gained = full[m * lines] - V::load(grades + m * lines + b);
                seen.add_to(at + m * per_measure + b, lines, 0.5 + 0.5 * gained);
            }
        }
    }
}

}  // namespace

void observe(Sequence& s, double x, double budget, double clock) noexcept {
    double* at = &s.n;
    double lanes[sequence_fields * 2];
    for (std::size_t f = 0; f < sequence_fields; ++f) lanes[2 * f] = lanes[2 * f + 1] = at[f];
    Observation<2>(Wide<2>::splat(s.n), budget, clock).add_to(lanes, 2, Wide<2>::splat(x));
    for (std::size_t f = 0; f < sequence_fields; ++f) at[f] = lanes[2 * f];
}

Bounds bounds_of(const Sequence& s, double alpha) noexcept {
    if (!(s.weights > 0)) return {0.0, 1.0};
    const double centre = s.weighted / s.weights, width = (log(2 / alpha) + s.penalty) / s.weights;
    return {std::max(0.0, centre - width), std::min(1.0, centre + width)};
}

ENGRAIN_DISPATCH(void, ledger_update,
                 (const float* rows, const float* outcomes, std::size_t n, const float* runners,
                  std::size_t m, std::size_t columns, const double* weights,
                  const double* static_weights, const std::uint8_t* evidence, int part,
                  double alpha, double* sequences, double* scratch),
                 (rows, outcomes, n, runners, m, columns, weights, static_weights, evidence, part,
                  alpha, sequences, scratch))

}  // namespace engrain

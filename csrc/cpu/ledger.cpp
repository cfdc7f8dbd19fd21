#include "engrain/ledger.hpp"

#include <algorithm>

#include "engrain/softmax.hpp"

namespace engrain {
namespace {

constexpr std::size_t depth = 10;
constexpr double largest_bet = 0.5;

struct Quality {
    double loss, ndcg, reciprocal;
};

double discount(std::size_t place) noexcept {
    static const struct Table {
        double at[depth];
        Table() {
            for (std::size_t i = 0; i < depth; ++i)
                at[i] = log(2.0) / log(2.0 + static_cast<double>(i));
        }
    } table;
    return place < depth ? table.at[place] : 0.0;
}

// The place of item i: how many stand above it; equal scores keep their order.
std::size_t place_of(const double* z, std::size_t i, std::size_t n) noexcept {
    std::size_t above = 0;
    for (std::size_t j = 0; j < n; ++j) above += z[j] > z[i] || (z[j] == z[i] && j < i);
    return above;
}

double ideal_gain(const double* t, std::size_t n) noexcept {
    double gain = 0;
    for (std::size_t i = 0; i < n; ++i)
        if (t[i] > 0) gain += t[i] * discount(place_of(t, i, n));
    return gain;
}

Quality quality_of(const double* z, const double* t, std::size_t n, double ideal) noexcept {
    Quality out{log_loss(z, t, n), 0, 0};
    for (std::size_t i = 0; i < n; ++i) {
        if (!(t[i] > 0)) continue;
        const std::size_t place = place_of(z, i, n);
        out.ndcg += t[i] * discount(place) / ideal;
        out.reciprocal = std::max(out.reciprocal, 1.0 / static_cast<double>(place + 1));
    }
    return out;
}

double weigh(const float* row, const double* weights, std::size_t columns) noexcept {
    double z = 0;
    for (std::size_t k = 0; k < columns; ++k) z += static_cast<double>(row[k]) * weights[k];
    return z;
}

// Scores of counterfactual c; false when it changes nothing.
bool counterfactual(std::size_t c, const float* rows, const double* z, std::size_t n,
                    std::size_t columns, const double* weights, const double* static_weights,
                    const std::uint8_t* evidence, double* out) noexcept {
    if (c > columns) {
        for (std::size_t i = 0; i < n; ++i)
            out[i] = weigh(rows + i * columns, static_weights, columns);
        return true;
    }
    bool changed = false;
    for (std::size_t i = 0; i < n; ++i) {
        double without = 0;
        for (std::size_t k = 0; k < columns; ++k)
            if (c < columns ? k == c : evidence[k] != 0)
                without += static_cast<double>(rows[i * columns + k]) * weights[k];
        out[i] = z[i] - without;
        changed |= without != 0;
    }
    return changed;
}

}  // namespace

void observe(Sequence& s, double x, double budget, double clock) noexcept {
    const double before = (0.5 + s.sum) / (s.n + 1), variance = (0.25 + s.squares) / (s.n + 1);
    s.n += 1;
    const double wanted = __builtin_sqrt(2 * budget / (variance * s.n * clock));
    const double bet = std::min(wanted, largest_bet);
    s.sum += x;
    const double now = (0.5 + s.sum) / (s.n + 1);
    s.squares += (x - now) * (x - now);
    s.weighted += bet * x;
    s.weights += bet;
    s.penalty += (x - before) * (x - before) * (-log1p(-bet) - bet);
}

Bounds bounds_of(const Sequence& s, double alpha) noexcept {
    if (!(s.weights > 0)) return {0.0, 1.0};
    const double centre = s.weighted / s.weights, width = (log(2 / alpha) + s.penalty) / s.weights;
    return {std::max(0.0, centre - width), std::min(1.0, centre + width)};
}

void ledger_update(const float* rows, const float* outcomes, std::size_t n, std::size_t columns,
                   const double* weights, const double* static_weights,
                   const std::uint8_t* evidence, int part, double alpha, Sequence* sequences,
                   double* scratch) noexcept {
    double *z = scratch, *t = z + n, *other = t + n, sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += outcomes[i];
    for (std::size_t i = 0; i < n; ++i) {
        z[i] = weigh(rows + i * columns, weights, columns);
        t[i] = outcomes[i] / sum;
    }
    const double ideal = ideal_gain(t, n);
    const Quality full = quality_of(z, t, n, ideal);
    const std::size_t per_part = (columns + 2) * ledger_measures;
    const int parts[2] = {0, part};
    const double budget = log(2 / alpha);
    double clocks[2];
    for (int i = 0; i < 2; ++i)
        clocks[i] = log(2 + sequences[static_cast<std::size_t>(parts[i]) * per_part].n);
    for (std::size_t c = 0; c < columns + 2; ++c) {
        Quality less = full;
        if (counterfactual(c, rows, z, n, columns, weights, static_weights, evidence, other))
            less = quality_of(other, t, n, ideal);
        const double loss = std::clamp(less.loss - full.loss, -loss_bound, loss_bound);
        const double lifts[ledger_measures] = {loss / loss_bound, full.ndcg - less.ndcg,
                                               full.reciprocal - less.reciprocal};
        for (int i = 0; i < 2; ++i) {
            Sequence* to = sequences + static_cast<std::size_t>(parts[i]) * per_part;
            for (std::size_t m = 0; m < ledger_measures; ++m)
                observe(to[c * ledger_measures + m], 0.5 + 0.5 * lifts[m], budget, clocks[i]);
        }
    }
}

}  // namespace engrain

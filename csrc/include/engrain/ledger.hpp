// What each component was worth on the lists that got feedback, with always-valid bounds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// Sums of the empirical-Bernstein confidence sequence of a mean in [0, 1] (Waudby-Smith & Ramdas,
// JRSS-B 86 (2024) 1-27, theorem 2), one double each.
struct Sequence {
    double n, sum, squares, weighted, weights, penalty;
};

constexpr std::size_t sequence_fields = sizeof(Sequence) / sizeof(double);
constexpr std::size_t ledger_parts = 3;     // all, overlap, no overlap
constexpr std::size_t ledger_measures = 3;  // log-loss, nDCG@10, reciprocal rank
constexpr double loss_bound = 2.0;          // nats; lifts beyond are clipped

// Sequences lie side by side: (parts, measures, fields, lines), one line per counterfactual and
// then lines that hold nothing, up to whole registers.
constexpr std::size_t ledger_lines(std::size_t columns) { return (columns + 3 + 7) / 8 * 8; }
constexpr std::size_t ledger_size(std::size_t columns) {
    return ledger_parts * ledger_measures * sequence_fields * ledger_lines(columns);
}

// Adds one observation; `budget` = log(2 / alpha), `clock` = log(1 + n) for the n of this
// observation (the first is 1).
void observe(Sequence& sequence, double x, double budget, double clock) noexcept;

struct Bounds {
    double lower, upper;
};

// Bounds of the mean that hold at all times together with probability 1 - alpha.
Bounds bounds_of(const Sequence& sequence, double alpha) noexcept;

// One judged list. Counterfactual k < columns: without component k; columns: all evidence off
// (same weights); columns + 1: `static_weights` instead. Each lift (counterfactual loss - full
// loss; full - counterfactual nDCG and reciprocal rank) is mapped to [0, 1] and added to the
// sequences of part 0 (all) and `part` (1 overlap, 2 no overlap). outcomes: of the n shown, in
// [0, 1], not all 0. nDCG alone also ranks the m runners-up, which would have been shown next:
// their outcomes are imputed from those of the lower half of the shown (the direct method of Dudik,
// Langford & Li, ICML 2011, where nothing was observed), and a shown one may give way to them.
// scratch: ledger_scratch(n + m, columns) doubles.
void ledger_update(const float* rows, const float* outcomes, std::size_t n, const float* runners,
                   std::size_t m, std::size_t columns, const double* weights,
                   const double* static_weights, const std::uint8_t* evidence, int part,
                   double alpha, double* sequences, double* scratch) noexcept;

constexpr std::size_t ledger_scratch(std::size_t n, std::size_t columns) {
    return n + (n + 4) * ledger_lines(columns);
}

}  // namespace engrain

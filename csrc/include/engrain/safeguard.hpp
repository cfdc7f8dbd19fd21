// What keeps learning from doing harm: evidence that is left out while it hurts, and weights that
// go back to where they were when they have been shown to be worse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/bets.hpp"
#include "engrain/ranker.hpp"

namespace engrain {

// Differences of log-loss between two rankings of a list count up to one nat.
constexpr double loss_span = 1.0;

// Which groups of evidence are in force. A group changes sides once lists have shown that the
// ranking would be better on the other one: open groups by harm, closed ones by what they would
// have brought. With no group open, the weights are those of the control, learned without evidence.
class Gate {
  public:
    // A neutral group changes sides at most once in 1 / alpha lists on average.
    static constexpr double alpha = 0.001;

    // group[k] in [0, groups) of each column, -1 for static ones.
    Gate(std::vector<std::int32_t> group, std::size_t groups);

    // Makes room for lists of n rows; `observe` then needs no memory.
    void reserve(std::size_t n);
    // The weights in force, (columns,).
    void blend(const double* full, const double* control, double* out) const noexcept;
    // One list, before it teaches: outcomes at least 0, not all 0; share in [0, 1] is how much it
    // counts.
    void observe(const float* rows, const float* outcomes, std::size_t n, const double* full,
                 const double* control, double share) noexcept;

    std::vector<std::uint8_t> open;
    std::vector<Bets> bets;

  private:
    double loss(const float* rows, const float* outcomes, std::size_t n, const double* full,
                const double* control) noexcept;

    std::vector<std::int32_t> group_;
    std::vector<double> weights_;
    std::vector<float> scores_;
};

// The last proven state of a ranking model, against the live one. The live one is proven better or
// worse by an e-process that starts anew with each proof, the n-th at level 6 alpha / (pi n)^2: so
// a live model that is never worse goes back with probability at most alpha over all time.
class Keeper {
  public:
    enum class Verdict { open, better, worse };

    Keeper(const Ranker& live, double alpha);

    void reserve(std::size_t n);
    // One list, before it teaches. A better live model is kept; a worse one becomes the kept one.
    Verdict observe(Ranker& live, const float* rows, const float* outcomes, std::size_t n,
                    double share) noexcept;

    Bets worse, better;
    std::int64_t chapter = 1;
    std::vector<double> weights, scales, precision, moments;
    std::vector<std::int64_t> seen;

  private:
    void keep(const Ranker& live) noexcept;
    void restore(Ranker& live) const noexcept;

    double alpha_;
    std::vector<float> scores_;
};

}  // namespace engrain

// The ranking model as it learns inline: scales are measured first, then every list is one step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engrain/rank.hpp"

namespace engrain {

// Weights of columns in original units. A column is settled once `warm_up` lists in which it varies
// have fixed its deviation; lists that come before any column is settled wait, and are then learned
// in order.
class Ranker {
  public:
    static constexpr std::int64_t warm_up = 20;
    static constexpr double smallest_scale = 0.02;
    static constexpr double clip = 0.3;             // a step moves no two scores apart by more
    static constexpr double base_looseness = 0.98;  // the base direction is only a temperature

    struct List {
        std::vector<float> rows, outcomes;
        double information = 1.0;
    };

    // sign +1 (-1) keeps the weight at least (at most) 0; `base` is the prior, and `stiffness`
    // times `lam` how firmly the weight holds to it.
    void add_column(std::int8_t sign, double base, double weight, bool learnable,
                    double stiffness = 1.0);
    // Makes room for a step on n rows; the step then needs no memory.
    void reserve(std::size_t n);
    // Learns from one list of outcomes in [0, 1], as if it counted `information` times. The loss
    // is NaN where nothing was learned: the outcomes sum to 0, or the list waits.
    Step step(const float* rows, const float* outcomes, std::size_t n, double information) noexcept;
    // Weights from a fit; with scales and precision every column is settled and nothing waits.
    void take_fit(const double* weights, const double* scales, const double* precision);

    std::size_t columns() const noexcept { return weights.size(); }
    bool settled() const noexcept;  // some column is, and nothing waits

    double lam = 100.0;  // prior precision in scaled units
    std::vector<std::int8_t> signs;
    std::vector<std::uint8_t> learnable;
    std::vector<double> base, weights, scales, stiffness;
    std::vector<double> precision;  // (columns, columns)
    std::vector<double> moments;    // (3, columns): count, sum, sum of squares
    std::vector<std::int64_t> seen;
    std::vector<List> waiting;

  private:
    Step learn(const float* rows, const float* outcomes, std::size_t n,
               double information) noexcept;
    void measure(const float* rows, std::size_t n) noexcept;
    void settle(bool first) noexcept;

    List spare_;
    std::vector<std::uint8_t> active_, fresh_;
    std::vector<double> scratch_, direction_;
};

}  // namespace engrain

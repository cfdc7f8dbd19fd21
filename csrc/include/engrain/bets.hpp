// Tests by betting, which may be looked at after every number.
#pragma once

#include <algorithm>
#include <cstddef>

namespace engrain {

// Wealth of five bets that numbers in [-1, 1] have a mean above 0, each W <- W (1 + stake x).
//
// While every conditional mean is at most 0, the mean wealth of the five ever reaches 1 / alpha
// with probability at most alpha (Ville 1939). `renewed`, a bet that is lost starts over, and 1 /
// alpha numbers or more pass on average until 1 / alpha is reached (e-detectors, Shin, Ramdas &
// Rinaldo 2024).
struct Bets {
    static constexpr std::size_t count = 5;
    static constexpr double stakes[count] = {0.05, 0.1, 0.2, 0.4, 0.8};
    static constexpr double largest = 1e12;

    double wealth[count] = {1.0, 1.0, 1.0, 1.0, 1.0};

    double observe(double x, bool renewed) noexcept {
        double total = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const double held = renewed ? std::max(wealth[i], 1.0) : wealth[i];
            wealth[i] = std::min(held * (1.0 + stakes[i] * x), largest);
            total += wealth[i];
        }
        return total / count;
    }

    void restart() noexcept { std::fill_n(wealth, count, 1.0); }
};

}  // namespace engrain

#include "engrain/fsrs.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

namespace {

const double defaults[] = {0.212,  1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194,
                           0.001,  1.8722, 0.1666, 0.796,  1.4835, 0.0614, 0.2629,
                           1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542};

// Again, then good at gaps of 0, 0, 1, 3, 8 and 21 days: the published state of FSRS-6.
void reaches_the_published_state() {
    double stability = 0, difficulty = 0;
    const double gaps[] = {0, 0, 1, 3, 8, 21};
    for (int i = 0; i < 6; ++i) {
        const std::uint8_t rating = i == 0 ? 1 : 3;
        engrain::review_cards(&stability, &difficulty, &gaps[i], &rating, 1, defaults);
    }
    CHECK(std::abs(stability - 53.62691) < 1e-4 && std::abs(difficulty - 6.3574867) < 1e-4);
}

// One bad card among good ones is found wherever it stands; NaN is no number of days.
void finds_the_fault() {
    using engrain::CardFault;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t n : {1, 7, 8, 9, 17}) {
        for (std::size_t at = 0; at < n; ++at) {
            std::vector<double> s(n, 1.0), d(n, 10.0), t(n, 0.0);
            std::vector<std::uint8_t> r(n, 4);
            const auto fault = [&] {
                return engrain::find_card_fault(s.data(), d.data(), t.data(), r.data(), n);
            };
            CHECK(fault() == CardFault::none);
            for (double bad : {nan, -1.0, 1e100}) {
                s[at] = bad;
                CHECK(fault() == CardFault::days);
                s[at] = 1.0;
                t[at] = bad;
                CHECK(fault() == CardFault::days);
                t[at] = 0.0;
            }
            d[at] = 10.5;
            CHECK(fault() == CardFault::difficulty);
            s[at] = 0.0;  // a new card: its difficulty is not read
            CHECK(fault() == CardFault::none);
            r[at] = 0;
            CHECK(fault() == CardFault::rating);
        }
    }
}

}  // namespace

int main() {
    for (std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) {
        std::vector<double> stability(n), difficulty(n), elapsed(n), r(n), first_s, first_d;
        std::vector<std::uint8_t> rating(n);
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            for (std::size_t i = 0; i < n; ++i) {
                stability[i] = i % 5 == 0 ? 0.0 : 0.1 * double(i);
                difficulty[i] = 1.0 + double(i % 10);
                elapsed[i] = double(i % 7) * 3.0;
                rating[i] = std::uint8_t(1 + i % 4);
            }
            engrain::retrieve_cards(stability.data(), elapsed.data(), n, defaults, r.data());
            for (std::size_t i = 0; i < n; ++i) CHECK(r[i] >= 0.0 && r[i] <= 1.0 + 1e-15);
            engrain::review_cards(stability.data(), difficulty.data(), elapsed.data(),
                                  rating.data(), n, defaults);
            finds_the_fault();
            if (level == Level::baseline) first_s = stability, first_d = difficulty;
            CHECK(stability == first_s && difficulty == first_d);
            for (double d : difficulty) CHECK(d >= 1.0 && d <= 10.0);
        }
    }
    reaches_the_published_state();
    return 0;
}

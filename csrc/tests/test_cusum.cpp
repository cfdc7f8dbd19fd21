#include "engrain/cusum.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

int main() {
    const engrain::CusumRule rule{0.25, 4.0, 1e9};
    for (std::size_t streams : {1, 2, 7, 33}) {
        const std::size_t n = 200;
        std::vector<double> rows(n * streams), mean(streams, 0.5), deviation(streams, 2.0), first;
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = 3.0 * std::sin(double(i * i % 97));
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            std::vector<double> sums(2 * streams);
            CHECK(engrain::follow_cusum(rows.data(), n, streams, mean.data(), deviation.data(),
                                        rule, sums.data()) == n);
            if (level == Level::baseline) first = sums;
            CHECK(sums == first);
        }
    }
    // From the third row on one stream lies two deviations below: 1.75 a row, over 5 in the third.
    const std::vector<double> rows{0, 0, 0, 0, 0, -2, 0, -2, 0, -2, 0, -2}, mean(2), one(2, 1.0);
    std::vector<double> sums(4);
    const engrain::CusumRule low{0.25, 4.0, 5.0};
    CHECK(engrain::follow_cusum(rows.data(), 6, 2, mean.data(), one.data(), low, sums.data()) == 4);
    CHECK(sums[0] == 0.0 && sums[1] == 0.0 && sums[2] == 0.0 && sums[3] == 5.25);
    return 0;
}

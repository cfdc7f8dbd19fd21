#include <cstring>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"
#include "engrain/som.hpp"

using namespace engrain;
using simd::Level;

int main() {
    for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 103}) {
        const Grid grid{4, 3, 2};
        const std::size_t n = 50, units = grid.units();
        std::vector<float> x(n * dim), start(units * dim), rate(n, 0.5F), sigma(n, 1.2F);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(i * 37 % 101) / 101;
        for (std::size_t i = 0; i < start.size(); ++i) start[i] = float(i * 53 % 97) / 97;
        std::vector<float> first, distance(n);
        std::vector<std::int64_t> best(n);
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            simd::set_level(level);
            std::vector<float> w = start;
            train_som_online(x.data(), w.data(), grid, n, dim, rate.data(), sigma.data(), 1e-3F,
                             best.data(), distance.data());
            if (level == Level::baseline) first = w;
            CHECK(w.empty() || std::memcmp(w.data(), first.data(), w.size() * sizeof(float)) == 0);
            for (float v : w) CHECK(v >= 0 && v <= 1);
        }
    }
    const float dots[] = {0.5F, 2, 1, 3, 0, 3}, norms[] = {1, 2, 1};
    std::int64_t best[2], second[2];
    best_som_units(dots, norms, 2, 3, best, second);
    CHECK(best[0] == 1 && second[0] == 2);
    CHECK(best[1] == 0 && second[1] == 2);
    float sums[6] = {}, counts[3] = {};
    const float x[] = {1, 2, 3, 4};
    const std::int64_t to[] = {2, 2};
    accumulate_som(x, to, 2, 2, sums, counts);
    CHECK(sums[4] == 4 && sums[5] == 6 && counts[2] == 2 && counts[0] == 0);
    return 0;
}

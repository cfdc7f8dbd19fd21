#include "engrain/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

namespace {

double squared(const float* a, const float* b, std::size_t dim) {
    double total = 0;
    for (std::size_t j = 0; j < dim; ++j) total += (double(a[j]) - b[j]) * (double(a[j]) - b[j]);
    return total;
}

void agrees(std::size_t dim) {
    const std::size_t n = 300, k = 12;
    std::vector<float> rows(n * dim), distance(n), parts(4 * (n + k)), padded(dim + 64);
    std::vector<float> centres(k * dim), first_centres;
    std::vector<std::int8_t> codes((n + k) * (dim + 64));
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = std::sin(0.1F * float(i * i % 3571)) +
                  3.0F * float(i / std::max<std::size_t>(dim, 1) % 4);
    std::vector<double> uniforms(k), sums(n / engrain::seed_block + 1), totals(k * dim);
    for (std::size_t c = 0; c < k; ++c) uniforms[c] = std::fmod(0.37 + 0.618 * double(c), 1.0);
    std::vector<std::int64_t> nearest(n), chosen(k), counts(k), first, first_labels;
    std::vector<std::uint32_t> order(n);
    const std::size_t all = n + k;
    const engrain::ClusterScratch scratch{
        distance.data(),        nearest.data(),     codes.data(),
        parts.data(),           parts.data() + all, parts.data() + 2 * all,
        parts.data() + 3 * all, padded.data(),      sums.data()};
    const auto near = [&](const float* from, std::size_t i) {
        double least = 1e30;
        for (std::size_t c = 0; c < k; ++c)
            least = std::min(least, squared(rows.data() + i * dim, from + c * dim, dim));
        return least;
    };
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        engrain::seed_centres(rows.data(), n, dim, k, uniforms.data(), scratch, chosen.data());
        if (level == Level::baseline) first = chosen;
        CHECK(chosen == first);
        for (std::size_t c = 0; c < k; ++c)
            std::copy_n(rows.data() + std::size_t(chosen[c]) * dim, dim, centres.data() + c * dim);
        for (std::size_t i = 0; i < n; ++i)
            CHECK(std::abs(distance[i] - near(centres.data(), i)) <= 1e-4 * (1.0 + distance[i]));
        const engrain::LloydSteps done =
            engrain::lloyd(rows.data(), n, dim, k, 4, false, scratch,
                           {centres.data(), totals.data(), counts.data(), order.data()});
        CHECK(done.taken >= 1 && done.taken <= 4);
        if (level == Level::baseline) first_centres = centres, first_labels = nearest;
        CHECK(centres == first_centres && nearest == first_labels);
        CHECK(std::accumulate(counts.begin(), counts.end(), std::int64_t(0)) == std::int64_t(n));
        for (std::size_t i = 0; i < n; ++i)
            CHECK(std::abs(distance[i] - near(centres.data(), i)) <= 1e-4 * (1.0 + distance[i]));
    }
}

}  // namespace

int main() {
    for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) agrees(dim);
    const std::vector<float> rows{3, 4, 0, 0};
    std::vector<float> units(4);
    engrain::unit_rows(rows.data(), 2, 2, units.data());
    CHECK(units[0] == 0.6F && units[1] == 0.8F && units[2] == 0.0F && units[3] == 0.0F);
    return 0;
}

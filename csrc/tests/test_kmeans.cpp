#include "engrain/kmeans.hpp"

#include <cmath>
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

void seeds(std::size_t dim) {
    const std::size_t n = 300, k = 12;
    std::vector<float> rows(n * dim), distance(n), parts(4 * n), padded(dim + 64);
    std::vector<std::int8_t> codes(n * (dim + 64));
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = std::sin(0.1F * float(i * i % 3571)) +
                  3.0F * float(i / std::max<std::size_t>(dim, 1) % 4);
    std::vector<double> uniforms(k), sums(n / engrain::seed_block + 1);
    for (std::size_t c = 0; c < k; ++c) uniforms[c] = std::fmod(0.37 + 0.618 * double(c), 1.0);
    std::vector<std::int64_t> nearest(n), chosen(k), first;
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        engrain::seed_centres(
            rows.data(), n, dim, k, uniforms.data(),
            {distance.data(), nearest.data(), codes.data(), parts.data(), parts.data() + n,
             parts.data() + 2 * n, parts.data() + 3 * n, padded.data(), sums.data()},
            chosen.data());
        if (level == Level::baseline) first = chosen;
        CHECK(chosen == first);
    }
    for (std::size_t i = 0; i < n; ++i) {
        double least = 1e30;
        for (std::int64_t c : chosen)
            least = std::min(
                least, squared(rows.data() + i * dim, rows.data() + std::size_t(c) * dim, dim));
        CHECK(std::abs(distance[i] - least) <= 1e-4 * (1.0 + least));
    }
}

}  // namespace

int main() {
    for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) seeds(dim);
    const std::vector<float> scores{1, 2, 2, 0, 5, 5}, bias{0, 0, 0};
    std::vector<std::int64_t> label(2), counts(3);
    std::vector<float> least(2);
    engrain::assign_rows(scores.data(), bias.data(), 2, 3, label.data(), least.data());
    CHECK(label[0] == 1 && label[1] == 1 && least[1] == -10.0F);
    std::vector<double> sums(9);
    engrain::sum_rows(scores.data(), label.data(), 2, 3, sums.data(), counts.data());
    CHECK(sums[3] == 1 && sums[4] == 7 && sums[5] == 7 && counts[1] == 2 && counts[0] == 0);
    return 0;
}

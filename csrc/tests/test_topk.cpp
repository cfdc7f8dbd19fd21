#include "engrain/topk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "engrain/flat.hpp"
#include "engrain/simd.hpp"

using engrain::Best;
using engrain::simd::Level;

namespace {

struct Found {
    std::vector<std::int64_t> index;
    std::vector<float> score;
    Best best;
    explicit Found(std::size_t k) : index(k), score(k), best{index.data(), score.data(), k, 0} {}
};

// Scores with many ties, and one NaN, in the order of a stable sort.
void selects_like_a_sort(std::size_t n, std::size_t k) {
    std::vector<float> scores(n);
    for (std::size_t i = 0; i < n; ++i) scores[i] = float((i * 7919) % 101);
    if (n > 20) scores[20] = std::numeric_limits<float>::quiet_NaN();
    std::vector<std::int64_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    if (n > 20) order.erase(order.begin() + 20);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
    Found found(k);
    const std::size_t half = n / 2;
    engrain::offer_scores(found.best, scores.data() + half, n - half, std::int64_t(half));
    engrain::offer_scores(found.best, scores.data(), half, 0);
    engrain::sort_best(found.best);
    CHECK(found.best.size == std::min(k, order.size()));
    for (std::size_t i = 0; i < found.best.size; ++i) CHECK(found.index[i] == order[i]);
}

void scans_rows_and_codes(std::size_t n, std::size_t k) {
    const std::size_t dim = 64;
    std::vector<float> rows(n * dim), scale(n), query(dim);
    std::vector<std::int8_t> codes(n * dim), asked(dim);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = std::sin(0.3F * float(i * i % 991));
    for (std::size_t j = 0; j < dim; ++j) query[j] = std::cos(float(j));
    for (std::size_t i = 0; i < n; ++i)
        scale[i] = engrain::quantize_row(&rows[i * dim], dim, &codes[i * dim]);
    Found exact(k), coarse(k), least(k);
    engrain::scan_rows(exact.best, rows.data(), n, dim, query.data());
    std::vector<float> ceilings(n);
    std::vector<std::int64_t> found(n);
    const auto coded = engrain::code_query(query.data(), dim, dim, asked.data());
    const std::size_t sifted = engrain::sift_codes(codes.data(), scale.data(), n, dim, coded,
                                                   least.best, ceilings.data(), found.data());
    engrain::offer_rows(coarse.best, rows.data(), dim, query.data(), found.data(), sifted);
    engrain::sort_best(exact.best);
    engrain::sort_best(coarse.best);
    CHECK(exact.best.size == std::min(k, n) && coarse.best.size == exact.best.size);
    CHECK(exact.index == coarse.index && exact.score == coarse.score);
}

}  // namespace

int main() {
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        for (std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) {
            for (std::size_t k : {0, 1, 3, 10, 2000}) selects_like_a_sort(n, k);
            for (std::size_t k : {1, 5, 2000}) scans_rows_and_codes(n, k);
        }
    }
    return 0;
}

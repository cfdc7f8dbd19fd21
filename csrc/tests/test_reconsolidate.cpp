#include "engrain/reconsolidate.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/combine.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

namespace {

std::vector<float> waves(std::size_t n, float phase) {
    std::vector<float> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = std::sin(phase + 0.7F * float(i));
    return out;
}

double cosine(const float* a, const float* b, std::size_t n) {
    double aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < n; ++i) {
        aa += double(a[i]) * a[i];
        bb += double(b[i]) * b[i];
        ab += double(a[i]) * b[i];
    }
    return ab / std::sqrt(aa * bb);
}

// Reading the rows once gives what reading them for each question by itself gives.
void check_survey(std::size_t dim, std::size_t n) {
    const std::vector<float> query = waves(dim, 1.3F), start = waves(2 * n * dim, 0.2F);
    std::vector<std::int64_t> rows;
    std::vector<const float*> places;
    std::vector<float> rates, weights, cosines(n), once = start, twice = start;
    for (std::size_t i = 0; i < n; ++i) {
        rows.push_back(std::int64_t((7 * i + 3) % (2 * n)));
        places.push_back(start.data() + std::size_t(rows[i]) * dim);
        rates.push_back(0.1F * float(i) - 0.3F);
        weights.push_back(float(i % 3) - 0.7F);
    }
    std::vector<engrain::Aspect> aspects(n);
    std::vector<float> pull(dim), expected(dim);
    const float square = engrain::survey_rows(once.data(), rows.data(), query.data(),
                                              weights.data(), n, dim, aspects.data(), pull.data());
    engrain::turn_rows(once.data(), rows.data(), query.data(), square, aspects.data(), rates.data(),
                       n, dim, 0.05F);
    engrain::reconsolidate(twice.data(), rows.data(), query.data(), 0, rates.data(), n, dim, 0.05F,
                           cosines.data());
    engrain::combine_rows(places.data(), weights.data(), n, dim, expected.data());
    CHECK(once == twice && pull == expected);
}

}  // namespace

int main() {
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        engrain::simd::set_level(level);
        for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003})
            for (std::size_t n : {1, 2, 3, 4, 5, 10, 23}) check_survey(dim, n);
    }
    for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) {
        const std::vector<float> query = waves(dim, 1.3F), start = waves(3 * dim, 0.2F);
        const std::int64_t rows[] = {2, 0, 2};
        const float rates[] = {0.3F, -0.3F, 0.05F};
        std::vector<float> first;
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            std::vector<float> memories = start;
            float before[3];
            engrain::reconsolidate(memories.data(), rows, query.data(), 0, rates, 3, dim, 0.05F,
                                   before);
            if (level == Level::baseline) first = memories;
            CHECK(memories == first);
            if (dim < 2) continue;
            const float *old = start.data(), *now = memories.data();
            CHECK(std::abs(before[1] - cosine(old, query.data(), dim)) < 1e-5);
            CHECK(cosine(now, query.data(), dim) < cosine(old, query.data(), dim));
            CHECK(cosine(now + 2 * dim, query.data(), dim) >
                  cosine(old + 2 * dim, query.data(), dim));
            CHECK(std::acos(cosine(now, old, dim)) < std::atan(0.05) + 1e-3);
            CHECK(std::abs(cosine(now, now, dim) - 1.0) < 1e-5);
        }
    }
    return 0;
}

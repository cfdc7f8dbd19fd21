#include "engrain/reconsolidate.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
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

}  // namespace

int main() {
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

#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"
#include "engrain/similarity.hpp"

using engrain::simd::Level;

int main() {
    for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) {
        std::vector<float> rows(3 * dim), query(dim), first(3), again(3);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = 0.25F * float(i % 17) - 1.0F;
        for (std::size_t i = 0; i < dim; ++i) query[i] = 0.5F * float(i % 5) - 1.0F;
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            engrain::score_rows(rows.data(), query.data(), 3, dim, again.data());
            if (level == Level::baseline) first = again;
            for (int i = 0; i < 3; ++i) {
                double exact = 0;
                for (std::size_t j = 0; j < dim; ++j) exact += double(rows[i * dim + j]) * query[j];
                CHECK(std::abs(again[i] - exact) <= 1e-4);
                CHECK(again[i] == first[i]);
            }
            std::vector<float> pairs(6), alone(2);
            engrain::score_queries(rows.data(), rows.data() + dim, 3, 2, dim, pairs.data());
            for (std::size_t i = 0; i < 3; ++i) {
                const float* row = rows.data() + i * dim;
                engrain::score_rows(rows.data() + dim, row, 2, dim, alone.data());
                CHECK(pairs[2 * i] == alone[0] && pairs[2 * i + 1] == alone[1]);
            }
        }
    }
    for (std::size_t n : {0, 1, 3, 4, 7, 17}) {
        const std::size_t dim = 33;
        std::vector<float> rows(n * dim), first(n * n), again(n * n);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = 0.25F * float(i % 19) - 1.0F;
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            CHECK(engrain::compare_rows(rows.data(), n, dim, again.data()));
            if (level == Level::baseline) first = again;
            CHECK(again == first);
            for (std::size_t i = 0; i < n; ++i) CHECK(again[i * n + i] == 1.0F);
        }
        if (n == 0) continue;
        rows[0] = 1e30F;
        CHECK(!engrain::compare_rows(rows.data(), n, dim, again.data()));
    }
    return 0;
}

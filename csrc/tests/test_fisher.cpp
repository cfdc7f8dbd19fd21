#include "engrain/fisher.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

int main() {
    for (std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 1003, 10000}) {
        std::vector<float> g(n), anchor(n), fisher, first, pull;
        double exact = 0, penalty = 0;
        for (std::size_t i = 0; i < n; ++i)
            g[i] = std::sin(float(i)), anchor[i] = 0.1F * float(i % 3);
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            fisher.assign(n, 0.5F);
            pull.assign(n, 1.0F);
            engrain::update_fisher(fisher.data(), g.data(), n, 0.9F, 0.1F);
            const double got = engrain::elastic_penalty(g.data(), anchor.data(), fisher.data(), n,
                                                        3.0F, pull.data());
            CHECK(got == engrain::elastic_penalty(g.data(), anchor.data(), fisher.data(), n, 3.0F,
                                                  nullptr));
            if (level == Level::baseline) first = fisher, penalty = got;
            CHECK(fisher == first && got == penalty);
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double f = 0.45 + 0.1 * double(g[i]) * g[i], away = double(g[i]) - anchor[i];
            CHECK(std::abs(fisher[i] - f) < 1e-6);
            CHECK(std::abs(pull[i] - (1.0 + 3.0 * f * away)) < 1e-5);
            exact += 1.5 * f * away * away;
        }
        CHECK(std::abs(penalty - exact) <= 1e-5 * (1.0 + exact));
    }
    return 0;
}

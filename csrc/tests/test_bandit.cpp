#include "engrain/bandit.hpp"

#include <cmath>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::Bandit;
using engrain::simd::Level;

namespace {

struct Case {
    std::vector<float> inverse, theta, x, z;
    Bandit bandit;

    explicit Case(std::size_t dim, std::size_t arms = 2) {
        const std::size_t width = (dim + 15) / 16 * 16;
        inverse.assign(arms * engrain::packed_start(dim), 9.0F);
        theta.assign(arms * width, 9.0F);
        x.assign(width, 0.0F);
        z.assign(width, 0.0F);
        bandit = {inverse.data(), theta.data(), arms, dim, width};
        engrain::reset_arms(bandit, 0.5F);
    }

    void teach(int steps) {
        for (int step = 0; step < steps; ++step) {
            for (std::size_t i = 0; i < bandit.dim; ++i)
                x[i] = float((step * 7 + int(i) * 3) % 11 - 5) / 8.0F;
            CHECK(engrain::learn_arm(bandit, step % 2, x.data(), float(step % 3), z.data()));
        }
    }
};

}  // namespace

int main() {
    for (std::size_t dim : {1, 7, 8, 9, 15, 16, 17, 65}) {
        std::vector<float> first;
        for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
            engrain::simd::set_level(level);
            Case c(dim);
            float mean[2], variance[2];
            for (std::size_t i = 0; i < dim; ++i) c.x[i] = 1.0F;
            engrain::score_arms(c.bandit, c.x.data(), mean, variance);
            CHECK(mean[1] == 0.0F && std::fabs(variance[1] - 2.0F * float(dim)) < 1e-3F);
            c.teach(20);
            CHECK(std::isfinite(c.theta[0]));
            if (level == Level::baseline) first = c.inverse;
            CHECK(c.inverse == first);
        }
    }
    Case c(8);
    c.x[0] = INFINITY;
    const std::vector<float> before = c.inverse;
    CHECK(!engrain::learn_arm(c.bandit, 0, c.x.data(), 1.0F, c.z.data()));
    CHECK(c.inverse == before);
    const float mean[3] = {0.0F, 0.0F, -100.0F}, deviation[3] = {1.0F, 1.0F, 1.0F};
    float scale[3], p[3];
    engrain::thompson_probabilities(mean, deviation, 3, scale, p);
    CHECK(p[0] == p[1] && std::fabs(p[0] - 0.5F) < 1e-6F && p[2] == 0.0F);
    return 0;
}

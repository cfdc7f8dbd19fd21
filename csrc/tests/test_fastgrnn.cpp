#include "engrain/fastgrnn.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"

using engrain::CellShape;
using engrain::simd::Level;

namespace {

double loss_of(const std::vector<float>& weights, const CellShape& s, const std::vector<float>& x,
               const std::vector<float>& targets, std::size_t n) {
    std::vector<float> logits(n * s.models), scratch(s.scratch());
    engrain::forward_fastgrnn(weights.data(), s, x.data(), n, logits.data(), scratch.data());
    double total = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (targets[i] != targets[i]) continue;
        total += std::log1p(std::exp(double(logits[i]))) - double(targets[i]) * logits[i];
    }
    return total / double(n);
}

}  // namespace

int main() {
    for (std::size_t dim : {1, 15, 16, 17, 40})
        for (std::size_t hidden : {1, 8, 17}) {
            const CellShape s{dim, hidden, 3, 2.0F};
            const std::size_t n = 11;
            std::vector<float> start(s.weights()), x(n * dim), targets(n * s.models);
            std::vector<std::int64_t> order(n);
            std::iota(order.begin(), order.end(), 0);
            for (std::size_t i = 0; i < start.size(); ++i) start[i] = 0.4F * std::sin(1.7F * i);
            for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.5F * std::cos(0.9F * i);
            for (std::size_t i = 0; i < targets.size(); ++i)
                targets[i] = i % 4 == 3 ? std::numeric_limits<float>::quiet_NaN()
                                        : 0.5F + 0.5F * std::sin(float(i));
            std::vector<float> first, scratch(s.scratch());
            double before = 0.0;
            for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
                engrain::simd::set_level(level);
                std::vector<float> w = start;
                const engrain::DescentRule rule{n, 0.05F, nullptr, nullptr};
                for (int epoch = 0; epoch < 20; ++epoch) {
                    const double loss =
                        engrain::descend_fastgrnn(w.data(), s, x.data(), targets.data(),
                                                  order.data(), n, rule, scratch.data());
                    if (epoch == 0) before = loss;
                }
                if (first.empty()) first = w;
                CHECK(w == first);
            }
            CHECK(std::abs(before - loss_of(start, s, x, targets, n)) < 1e-5 * (1.0 + before));
            CHECK(loss_of(first, s, x, targets, n) < before);
        }
    return 0;
}

#include "engrain/sum_tree.hpp"

#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr std::size_t block = 32;

// SplitMix64, Steele et al. (2014); uniform in [0, 1).
double next_uniform(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return double((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

double power(double x, double exponent) {
    if (exponent == 1.0 || x == 1.0) return x;
    return x > 0.0 ? exp(exponent * log(x)) : 0.0;
}

// One level at a time for a whole block, so that the cache misses of the draws overlap.
void descend(const SumTreeView& view, double* mass, std::size_t* node, std::size_t n) {
    for (std::size_t level = 1; level < view.leaves; level *= 2)
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t left = 2 * node[i];
            const bool right = mass[i] >= view.sum[left] && view.sum[left + 1] > 0.0;
            mass[i] = right ? mass[i] - view.sum[left] : mass[i];
            node[i] = left + right;
            __builtin_prefetch(view.sum + 4 * left);
        }
}

}  // namespace

void update_priorities(SumTreeView& view, const std::int64_t* indices, const float* priorities,
                       std::size_t n, double alpha) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t node = view.leaves + std::size_t(indices[i]);
        view.sum[node] = power(priorities[i], alpha);
        for (node /= 2; node > 0; node /= 2)
            view.sum[node] = view.sum[2 * node] + view.sum[2 * node + 1];
    }
}

void sample_priorities(const SumTreeView& view, std::uint64_t& random, std::size_t size,
                       double beta, std::size_t n, std::int64_t* indices, float* weights) noexcept {
    const double total = view.sum[1], stratum = total / double(n);
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = n - start < block ? n - start : block;
        double mass[block];
        std::size_t node[block];
        for (std::size_t i = 0; i < count; ++i) {
            mass[i] = (double(start + i) + next_uniform(random)) * stratum;
            node[i] = 1;
        }
        descend(view, mass, node, count);
        for (std::size_t i = 0; i < count; ++i) {
            const double probability = view.sum[node[i]] / total;
            indices[start + i] = std::int64_t(node[i] - view.leaves);
            weights[start + i] = float(power(double(size) * probability, -beta));
        }
    }
    float top = 0.0F;
    for (std::size_t i = 0; i < n; ++i) top = weights[i] > top ? weights[i] : top;
    for (std::size_t i = 0; i < n; ++i) weights[i] /= top;
}

}  // namespace engrain

#include <cmath>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "engrain/simd.hpp"
#include "engrain/stdp.hpp"

using namespace engrain;
using simd::Level;

namespace {

StdpRule rule_of(double mu, bool nearest, bool triplet) {
    const double a3 = triplet ? 0.01 : 0.0;
    return {0.02, 0.021, a3,  a3, std::exp(-0.05), std::exp(-0.03), std::exp(-0.01),
            0.99, 0.0,   1.0, mu, nearest};
}

// A full connection of n to n neurons as a sparse partition with both indices.
template <class T>
struct Network {
    std::size_t n;
    std::vector<T> weight, x, y, x2, y2, tag, pairs;
    std::vector<std::uint32_t> row, place;
    std::vector<std::uint16_t> target, source;

    explicit Network(std::size_t n_)
        : n(n_),
          weight(n * n, T(0.5)),
          x(n),
          y(n),
          x2(n),
          y2(n),
          tag(n * n),
          pairs(2 * n * n),
          row(n + 1),
          place(n * n),
          target(n * n),
          source(n * n) {
        for (std::size_t i = 0; i <= n; ++i) row[i] = std::uint32_t(i * n);
        for (std::size_t k = 0; k < n * n; ++k) {
            target[k] = source[k] = std::uint16_t(k % n);
            place[k] = std::uint32_t((k % n) * n + k / n);
        }
    }
    StdpTraces<T> traces(bool triplet) {
        return {x.data(), y.data(), triplet ? x2.data() : nullptr, triplet ? y2.data() : nullptr,
                n,        n};
    }
    SynapsePartition<T> synapses(bool told) {
        return {weight.data(),
                row.data(),
                target.data(),
                row.data(),
                source.data(),
                place.data(),
                0,
                0,
                told ? tag.data() : nullptr,
                told ? pairs.data() : nullptr};
    }
};

struct Train {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> ids;
    Train(std::size_t n, std::size_t steps, std::uint64_t seed) : start(steps + 1), ids(n * steps) {
        ids.resize(poisson_spikes(n, steps, 0.1, seed, start.data(), ids.data(), ids.size()));
        CHECK(start[steps] == std::int64_t(ids.size()));
        for (std::int32_t id : ids) CHECK(id >= 0 && std::size_t(id) < n);
    }
    SpikeTrain view() const { return {start.data(), ids.data()}; }
    std::vector<std::int64_t> at(std::size_t s) const {
        return {ids.begin() + start[s], ids.begin() + start[s + 1]};
    }
};

// The dense step and the sparse run are two routes to one result, at every level.
template <class T>
void dense_equals_sparse(std::size_t n, double mu, bool nearest, bool triplet) {
    const StdpRule rule = rule_of(mu, nearest, triplet);
    const std::size_t steps = 60;
    const Train pre(n, steps, 1), post(n, steps, 2);
    std::vector<T> first;
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        Network<T> sparse(n), dense(n);
        stdp_sparse(sparse.synapses(false), sparse.traces(triplet), pre.view(), post.view(), steps,
                    rule, Dopamine<T>{});
        for (std::size_t s = 0; s < steps; ++s) {
            const auto p = pre.at(s), q = post.at(s);
            stdp_dense(dense.weight.data(), dense.traces(triplet), p.data(), p.size(), q.data(),
                       q.size(), rule);
        }
        if (level == Level::baseline) first = sparse.weight;
        CHECK(sparse.weight == dense.weight);
        CHECK(sparse.weight == first);
        for (T w : first) CHECK(w >= T(0) && w <= T(1));
    }
}

void without_dopamine_no_weight_moves() {
    Network<double> network(9);
    const Train pre(9, 50, 1), post(9, 50, 2);
    std::vector<double> fade(51), total(51);
    for (std::size_t k = 0; k <= 50; ++k) fade[k] = std::exp(-0.01 * double(k));
    stdp_sparse(network.synapses(true), network.traces(false), pre.view(), post.view(), 50,
                rule_of(0, false, false), Dopamine<double>{fade.data(), total.data()});
    for (double w : network.weight) CHECK(w == 0.5);
    bool tagged = false;
    for (double c : network.tag) tagged = tagged || c != 0.0;
    CHECK(tagged);
}

}  // namespace

int main() {
    for (std::size_t n : {1, 7, 8, 9, 15, 16, 17, 40})
        for (double mu : {0.0, 0.4, 1.0})
            for (bool nearest : {false, true}) {
                dense_equals_sparse<float>(n, mu, nearest, true);
                dense_equals_sparse<double>(n, mu, nearest, false);
            }
    without_dopamine_no_weight_moves();
    return 0;
}

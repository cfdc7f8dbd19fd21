// The population kernels give the same bits at every level and whatever the tail of the arrays.
#include <cmath>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "engrain/cable.hpp"
#include "engrain/neuron.hpp"
#include "engrain/simd.hpp"

using namespace engrain;
using simd::Level;

namespace {

struct Population {
    std::vector<float> v, m, h, n, current, gate, inside, out;
    std::vector<std::int32_t> spikes;

    explicit Population(std::size_t size)
        : v(size),
          m(size),
          h(size),
          n(size),
          current(size),
          gate(size),
          inside(size),
          out(size),
          spikes(size) {
        for (std::size_t i = 0; i < size; ++i) {
            v[i] = -80.0F + 0.37F * float(i % 300);
            m[i] = 0.05F;
            h[i] = 0.6F;
            n[i] = 0.3F;
            current[i] = float(i % 40);
            inside[i] = 1e-4F;
        }
    }
    void run(bool rk4) {
        const HodgkinHuxley cell{1, 120, 36, 0.3F, 50, -77, -54.3F, 1};
        const CalciumChannel channel{1e-5F, 2, 1e-4F, 279.45F, 20, 0.5F};
        const NeuronState state{v.data(), m.data(), h.data(), n.data()};
        for (int step = 0; step < 20; ++step) {
            (rk4 ? step_hodgkin_huxley_rk4 : step_hodgkin_huxley)(
                cell, state, current.data(), spikes.data(), v.size(), 0.025F, 40, -20.0F);
            step_calcium(channel, v.data(), gate.data(), inside.data(), out.data(), v.size(), 1);
        }
    }
};

bool same(const Population& a, const Population& b) {
    const auto equal = [](const std::vector<float>& x, const std::vector<float>& y) {
        return x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
    };
    return equal(a.v, b.v) && equal(a.m, b.m) && equal(a.h, b.h) && equal(a.n, b.n) &&
           equal(a.inside, b.inside) && equal(a.out, b.out) && a.spikes == b.spikes;
}

void check_levels(std::size_t size, bool rk4) {
    Population first(size);
    simd::set_level(Level::baseline);
    first.run(rk4);
    for (float v : first.v) CHECK(std::isfinite(v) && v > -120 && v < 80);
    for (Level level : {Level::avx2, Level::avx512}) {
        simd::set_level(level);
        Population other(size);
        other.run(rk4);
        CHECK(same(first, other));
    }
}

void check_cable() {
    // A fork: 0 - 1, 1 - 2, 1 - 3, for two cells.
    const std::int32_t parent[] = {0, 0, 1, 1};
    const double axial[] = {0, 2, 3, 4};
    const double diagonal[] = {5, 6, 12, 11, 4, 5, 6, 7};
    double work[8], v[8] = {1, 2, 3, 4, 5, 6, 7, 8}, left[8];
    std::memcpy(work, diagonal, sizeof(work));
    solve_cable(parent, axial, work, v, 4, 2);
    for (std::size_t c = 0; c < 2; ++c) {
        for (std::size_t i = 0; i < 4; ++i) left[2 * i + c] = diagonal[2 * i + c] * v[2 * i + c];
        for (std::size_t i = 1; i < 4; ++i) {
            const std::size_t up = std::size_t(parent[i]);
            left[2 * i + c] -= axial[i] * v[2 * up + c];
            left[2 * up + c] -= axial[i] * v[2 * i + c];
        }
    }
    for (int i = 0; i < 8; ++i) CHECK(std::abs(left[i] - (i + 1)) < 1e-12);
    solve_cable(parent, axial, work, v, 0, 2);
}

}  // namespace

int main() {
    for (std::size_t size : {0, 1, 7, 8, 9, 15, 16, 17, 1003})
        for (bool rk4 : {false, true}) check_levels(size, rk4);
    check_cable();
    return 0;
}

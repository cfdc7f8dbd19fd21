#include "engrain/lora.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "engrain/finite.hpp"
#include "engrain/simd.hpp"

using engrain::simd::Level;

namespace {

std::vector<float> waves(std::size_t n, float phase, float size) {
    std::vector<float> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = size * std::sin(phase + 0.7F * float(i));
    return out;
}

struct Adapter {
    std::vector<float> a, b, x, g, y;
    Adapter(std::size_t rank, std::size_t dim)
        : a(waves(rank * dim, 0.1F, 0.3F)),
          b(waves(rank * dim, 0.5F, 0.2F)),
          x(waves(dim, 0.9F, 0.2F)),
          g(waves(dim, 1.7F, 0.1F)),
          y(dim) {}
    bool step(std::size_t rank) {
        const engrain::LoraStep step{0.5F, 0.7F, 0.99F, 1e-3F, true};
        return engrain::update_lora(a.data(), b.data(), x.data(), g.data(), rank, x.size(), step);
    }
    bool follow(std::size_t rank, float advantage) {
        const engrain::LoraStep step{0.5F, 0.7F, 0.99F, 1e-3F, true};
        return engrain::follow_lora(a.data(), b.data(), x.data(), g.data(), advantage, rank,
                                    x.size(), step);
    }
    void apply(std::size_t rank) {
        engrain::apply_lora(a.data(), b.data(), x.data(), rank, x.size(), 0.7F, y.data());
    }
};

// One step moves the output along -g by learning_rate * |g|, up to second order and epsilon.
void moves_against_the_gradient() {
    Adapter adapter(2, 384);
    std::fill(adapter.b.begin(), adapter.b.end(), 0.0F);
    CHECK(adapter.step(2));
    adapter.apply(2);
    double along = 0, gg = 0;
    for (std::size_t i = 0; i < 384; ++i) {
        along += double(adapter.y[i] - adapter.x[i]) * adapter.g[i];
        gg += double(adapter.g[i]) * adapter.g[i];
    }
    CHECK(along < -0.4 * gg && along > -0.6 * gg);
}

void refuses_what_is_not_finite() {
    Adapter adapter(2, 17), before(2, 17);
    adapter.x[16] = std::numeric_limits<float>::quiet_NaN();
    CHECK(!engrain::all_finite(adapter.x.data(), 17));
    CHECK(!adapter.step(2) && !adapter.follow(2, 0.5F));
    CHECK(adapter.a == before.a && adapter.b == before.b);
}

}  // namespace

int main() {
    for (std::size_t dim : {0, 1, 7, 8, 9, 15, 16, 17, 1003}) {
        for (std::size_t rank : {1, 2, 3, 4, 7, 16}) {
            Adapter first(rank, dim);
            for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
                engrain::simd::set_level(level);
                Adapter adapter(rank, dim);
                CHECK(adapter.step(rank) && adapter.follow(rank, 0.3F));
                adapter.apply(rank);
                if (level == Level::baseline) first = adapter;
                CHECK(adapter.a == first.a && adapter.b == first.b && adapter.y == first.y);
            }
        }
    }
    moves_against_the_gradient();
    refuses_what_is_not_finite();
    return 0;
}

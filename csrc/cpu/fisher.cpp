#include "engrain/fisher.hpp"

#include <algorithm>

#include "engrain/blocks.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t stretch = 4096;  // floats summed in float32 before the sum moves to float64

template <int W>
struct Update {
    float* fisher;
    const float* gradient;
    Lanes<W> decay, gain;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> g = block.load(gradient);
        block.store(decay * block.load(fisher) + gain * (g * g), fisher);
    }
};

template <int W>
struct Pull {
    const float *weights, *anchor, *fisher;
    float* gradient;
    Lanes<W> strength, total;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> away = block.load(weights) - block.load(anchor);
        const Lanes<W> force = block.load(fisher) * away;
        total = total + force * away;
        if (gradient != nullptr) block.store(block.load(gradient) + strength * force, gradient);
    }
};

template <int W>
ENGRAIN_INLINE void update_fisher_body(float* fisher, const float* gradient, std::size_t n,
                                       float decay, float gain) {
    Update<W> body{fisher, gradient, {}, {}};
    body.decay = Lanes<W>::splat(decay);
    body.gain = Lanes<W>::splat(gain);
    for_blocks<W>(n, body);
}

template <int W>
ENGRAIN_INLINE double elastic_penalty_body(const float* weights, const float* anchor,
                                           const float* fisher, std::size_t n, float strength,
                                           float* gradient) {
    double total = 0.0;
    for (std::size_t i = 0; i < n; i += stretch) {
        float* out = gradient == nullptr ? nullptr : gradient + i;
        Pull<W> body{weights + i, anchor + i, fisher + i, out, {}, {}};
        body.strength = Lanes<W>::splat(strength);
        for_blocks<W>(std::min(stretch, n - i), body);
        total += body.total.sum();
    }
    return 0.5 * strength * total;
}

}  // namespace

ENGRAIN_DISPATCH(void, update_fisher,
                 (float* fisher, const float* gradient, std::size_t n, float decay, float gain),
                 (fisher, gradient, n, decay, gain))
ENGRAIN_DISPATCH(double, elastic_penalty,
                 (const float* weights, const float* anchor, const float* fisher, std::size_t n,
                  float strength, float* gradient),
                 (weights, anchor, fisher, n, strength, gradient))

}  // namespace engrain

#include "engrain/neuron.hpp"

#include <algorithm>

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Bits;
using simd::exp_register;
using simd::Vec;

template <int W>
using F = typename Vec<W>::f32;

template <int W>
ENGRAIN_INLINE F<W> load(const float* p) {
    return *reinterpret_cast<const typename Vec<W>::f32_at*>(p);
}
template <int W>
ENGRAIN_INLINE void store(float* p, F<W> x) {
    *reinterpret_cast<typename Vec<W>::f32_at*>(p) = x;
}

// x / (1 - e^-x), given e^-x; by its series near 0, where the quotient loses its digits.
template <int W>
ENGRAIN_INLINE F<W> linear_over_exponential(F<W> x, F<W> exp_minus_x) {
    const F<W> square = x * x;
    const F<W> series = 1.0F + x * 0.5F + square * (1.0F / 12) - square * square * (1.0F / 720);
    return Bits<W>::select(Bits<W>::less(square, F<W>{} + 0.01F), series, x / (1.0F - exp_minus_x));
}

template <int W>
struct Rates {
    F<W> alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n;
};

// Hodgkin & Huxley, J. Physiol. 117 (1952) 500-544, in absolute potential, rest at -65 mV. Five of
// the six exponentials are powers of e^(-v / 80).
template <int W>
ENGRAIN_INLINE Rates<W> rates(F<W> v) {
    const F<W> e80 = exp_register<W>((v + 65.0F) * (-1.0F / 80));
    const F<W> e40 = e80 * e80, e20 = e40 * e40, e10 = e20 * e20;
    Rates<W> r;
    r.alpha_m = linear_over_exponential<W>((v + 40.0F) * 0.1F, e10 * 12.182494F);
    r.beta_m = 4.0F * exp_register<W>((v + 65.0F) * (-1.0F / 18));
    r.alpha_h = 0.07F * e20;
    r.beta_h = 1.0F / (1.0F + e10 * 20.085537F);
    r.alpha_n = 0.1F * linear_over_exponential<W>((v + 55.0F) * 0.1F, e10 * 2.7182818F);
    r.beta_n = 0.125F * e80;
    return r;
}

template <int W>
ENGRAIN_INLINE F<W> relax(F<W> gate, F<W> alpha, F<W> beta, float dt) {
    const F<W> sum = alpha + beta, target = alpha / sum;
    return target + (gate - target) * exp_register<W>(sum * -dt);
}

template <int W>
struct Cells {
    F<W> v, m, h, n;
};

template <int W>
ENGRAIN_INLINE void step_exponential(const HodgkinHuxley& cell, Cells<W>& s, F<W> current,
                                     float dt) {
    const Rates<W> r = rates<W>(s.v);
    const float gate_dt = dt * cell.rate;
    s.m = relax<W>(s.m, r.alpha_m, r.beta_m, gate_dt);
    s.h = relax<W>(s.h, r.alpha_h, r.beta_h, gate_dt);
    s.n = relax<W>(s.n, r.alpha_n, r.beta_n, gate_dt);
    const F<W> n2 = s.n * s.n;
    const F<W> na = cell.g_na * (s.m * s.m * s.m * s.h), k = cell.g_k * (n2 * n2);
    const F<W> total = na + k + cell.g_leak;
    const F<W> target =
        (na * cell.e_na + k * cell.e_k + cell.g_leak * cell.e_leak + current) / total;
    s.v = target + (s.v - target) * exp_register<W>(total * (-dt / cell.capacitance));
}

template <int W>
ENGRAIN_INLINE Cells<W> slope(const HodgkinHuxley& cell, const Cells<W>& s, F<W> current) {
    const Rates<W> r = rates<W>(s.v);
    const F<W> n2 = s.n * s.n;
    const F<W> na = cell.g_na * (s.m * s.m * s.m * s.h), k = cell.g_k * (n2 * n2);
    const F<W> inward =
        current - na * (s.v - cell.e_na) - k * (s.v - cell.e_k) - cell.g_leak * (s.v - cell.e_leak);
    return {inward / cell.capacitance, cell.rate * (r.alpha_m * (1.0F - s.m) - r.beta_m * s.m),
            cell.rate * (r.alpha_h * (1.0F - s.h) - r.beta_h * s.h),
            cell.rate * (r.alpha_n * (1.0F - s.n) - r.beta_n * s.n)};
}

template <int W>
ENGRAIN_INLINE Cells<W> moved(const Cells<W>& s, const Cells<W>& d, float dt) {
    return {s.v + d.v * dt, s.m + d.m * dt, s.h + d.h * dt, s.n + d.n * dt};
}

template <int W>
ENGRAIN_INLINE void step_rk4(const HodgkinHuxley& cell, Cells<W>& s, F<W> current, float dt) {
    const Cells<W> k1 = slope<W>(cell, s, current);
    const Cells<W> k2 = slope<W>(cell, moved<W>(s, k1, dt / 2), current);
    const Cells<W> k3 = slope<W>(cell, moved<W>(s, k2, dt / 2), current);
    const Cells<W> k4 = slope<W>(cell, moved<W>(s, k3, dt), current);
    const float sixth = dt / 6;
    s.v += sixth * (k1.v + 2.0F * (k2.v + k3.v) + k4.v);
    s.m += sixth * (k1.m + 2.0F * (k2.m + k3.m) + k4.m);
    s.h += sixth * (k1.h + 2.0F * (k2.h + k3.h) + k4.h);
    s.n += sixth * (k1.n + 2.0F * (k2.n + k3.n) + k4.n);
}

// One register of neurons, one step.
template <int W, bool Rk4>
ENGRAIN_INLINE void advance(const HodgkinHuxley& cell, const NeuronState& at, const float* current,
                            std::int32_t* spikes, std::size_t i, float dt, float threshold) {
    using I = typename Vec<W>::i32;
    Cells<W> s{load<W>(at.v + i), load<W>(at.m + i), load<W>(at.h + i), load<W>(at.n + i)};
    const F<W> before = s.v;
    if constexpr (Rk4) {
        step_rk4<W>(cell, s, load<W>(current + i), dt);
    } else {
        step_exponential<W>(cell, s, load<W>(current + i), dt);
    }
    store<W>(at.v + i, s.v);
    store<W>(at.m + i, s.m);
    store<W>(at.h + i, s.h);
    store<W>(at.n + i, s.n);
    I count;
    std::memcpy(&count, spikes + i, sizeof(count));
    const F<W> level = F<W>{} + threshold;
    count -= Bits<W>::less(before, level) & ~Bits<W>::less(s.v, level);
    std::memcpy(spikes + i, &count, sizeof(count));
}

// A block stays in L1 for all its steps; within a step its registers are independent.
constexpr std::size_t block_size = 512;

template <int W, bool Rk4>
ENGRAIN_INLINE void run_block(const HodgkinHuxley& cell, const NeuronState& at,
                              const float* current, std::int32_t* spikes, std::size_t count,
                              float dt, std::size_t steps, float threshold) {
    std::memset(spikes, 0, count * sizeof(std::int32_t));
    for (std::size_t s = 0; s < steps; ++s)
        for (std::size_t i = 0; i < count; i += W)
            advance<W, Rk4>(cell, at, current, spikes, i, dt, threshold);
}

// The last few neurons, copied into a register's width.
template <int W, bool Rk4>
ENGRAIN_INLINE void run_rest(const HodgkinHuxley& cell, const NeuronState& at, const float* current,
                             std::int32_t* spikes, std::size_t count, float dt, std::size_t steps,
                             float threshold) {
    float state[4][W] = {}, input[W] = {};
    std::int32_t counts[W];
    float* const arrays[] = {at.v, at.m, at.h, at.n};
    for (int k = 0; k < 4; ++k) std::memcpy(state[k], arrays[k], count * sizeof(float));
    std::memcpy(input, current, count * sizeof(float));
    run_block<W, Rk4>(cell, {state[0], state[1], state[2], state[3]}, input, counts, W, dt, steps,
                      threshold);
    for (int k = 0; k < 4; ++k) std::memcpy(arrays[k], state[k], count * sizeof(float));
    std::memcpy(spikes, counts, count * sizeof(std::int32_t));
}

template <int W, bool Rk4>
ENGRAIN_INLINE void run(const HodgkinHuxley& cell, const NeuronState& at, const float* current,
                        std::int32_t* spikes, std::size_t count, float dt, std::size_t steps,
                        float threshold) {
    const std::size_t whole = count / W * W;
    const auto from = [&](std::size_t i) __attribute__((always_inline)) {
        return NeuronState{at.v + i, at.m + i, at.h + i, at.n + i};
    };
    for (std::size_t i = 0; i < whole; i += block_size)
        run_block<W, Rk4>(cell, from(i), current + i, spikes + i, std::min(block_size, whole - i),
                          dt, steps, threshold);
    if (whole < count)
        run_rest<W, Rk4>(cell, from(whole), current + whole, spikes + whole, count - whole, dt,
                         steps, threshold);
}

template <int W>
ENGRAIN_INLINE void step_hodgkin_huxley_body(const HodgkinHuxley& cell, const NeuronState& neurons,
                                             const float* current, std::int32_t* spikes,
                                             std::size_t count, float dt, std::size_t steps,
                                             float threshold) {
    run<W, false>(cell, neurons, current, spikes, count, dt, steps, threshold);
}

template <int W>
ENGRAIN_INLINE void step_hodgkin_huxley_rk4_body(const HodgkinHuxley& cell,
                                                 const NeuronState& neurons, const float* current,
                                                 std::int32_t* spikes, std::size_t count, float dt,
                                                 std::size_t steps, float threshold) {
    run<W, true>(cell, neurons, current, spikes, count, dt, steps, threshold);
}

constexpr float faraday = 96485.33F;       // C / mol
constexpr float gas_constant = 8.314463F;  // J / (mol K)

// Gate kinetics: Traub, Wong, Miles & Michelson, J. Neurophysiol. 66 (1991) 635-650. Current:
// Goldman, J. Gen. Physiol. 27 (1943) 37-60; Hodgkin & Katz, J. Physiol. 108 (1949) 37-77.
template <int W>
ENGRAIN_INLINE void calcium_register(const CalciumChannel& c, F<W> v, F<W>& gate, F<W>& inside,
                                     F<W>& current, float dt) {
    const F<W> alpha = 1.6F / (1.0F + exp_register<W>((v - 5.0F) * -0.072F));
    const F<W> x = (v + 8.9F) * -0.2F;
    const F<W> beta = 0.1F * linear_over_exponential<W>(x, exp_register<W>(-x));
    gate = relax<W>(gate, alpha, beta, dt);
    // u = z V F / RT with z = 2 and V in mV; P in cm/s, mM = 1e-6 mol/cm^3, so uA/cm^2 carry 1.
    const F<W> u = v * (2e-3F * faraday / (gas_constant * c.temperature));
    const F<W> e = exp_register<W>(-u);
    current = (c.permeability * 2.0F * faraday) * (gate * gate) * linear_over_exponential<W>(u, e) *
              (inside - c.outside * e);
    // uA/cm^2 over a depth in um: mM/ms = 1e-2 I / (2 F depth) with I in uA/cm^2.
    const F<W> target = c.resting - current * (1e-2F * c.tau / (2.0F * faraday * c.depth) * 1e3F);
    const F<W> decay = exp_register<W>(F<W>{} - dt / c.tau);
    inside = target + (inside - target) * decay;
}

template <int W>
ENGRAIN_INLINE void step_calcium_body(const CalciumChannel& channel, const float* v, float* gate,
                                      float* inside, float* current, std::size_t count, float dt) {
    for (std::size_t i = 0; i < count; i += W) {
        const std::size_t n = std::min<std::size_t>(W, count - i) * sizeof(float);
        F<W> volts{}, g{}, ca{}, out{};
        std::memcpy(&volts, v + i, n);
        std::memcpy(&g, gate + i, n);
        std::memcpy(&ca, inside + i, n);
        calcium_register<W>(channel, volts, g, ca, out, dt);
        std::memcpy(gate + i, &g, n);
        std::memcpy(inside + i, &ca, n);
        std::memcpy(current + i, &out, n);
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, step_hodgkin_huxley,
                 (const HodgkinHuxley& cell, const NeuronState& neurons, const float* current,
                  std::int32_t* spikes, std::size_t count, float dt, std::size_t steps,
                  float threshold),
                 (cell, neurons, current, spikes, count, dt, steps, threshold))

ENGRAIN_DISPATCH(void, step_hodgkin_huxley_rk4,
                 (const HodgkinHuxley& cell, const NeuronState& neurons, const float* current,
                  std::int32_t* spikes, std::size_t count, float dt, std::size_t steps,
                  float threshold),
                 (cell, neurons, current, spikes, count, dt, steps, threshold))

ENGRAIN_DISPATCH(void, step_calcium,
                 (const CalciumChannel& channel, const float* v, float* gate, float* inside,
                  float* current, std::size_t count, float dt),
                 (channel, v, gate, inside, current, count, dt))

void deliver_spikes(const std::int32_t* spikes, std::size_t count, const std::int64_t* indptr,
                    const std::int32_t* targets, const float* weights, const std::int32_t* delays,
                    float* ring, std::size_t slots, std::size_t targets_count,
                    std::size_t now) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        if (spikes[i] <= 0) continue;
        for (std::int64_t s = indptr[i]; s < indptr[i + 1]; ++s) {
            std::size_t slot = now + static_cast<std::size_t>(delays[s]);
            if (slot >= slots) slot -= slots;
            ring[slot * targets_count + static_cast<std::size_t>(targets[s])] += weights[s];
        }
    }
}

}  // namespace engrain

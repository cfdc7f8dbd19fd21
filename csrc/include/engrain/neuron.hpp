// Populations of Hodgkin-Huxley neurons, their calcium, and the delivery of their spikes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// Capacitance in uF/cm^2, conductances in mS/cm^2, potentials in mV; `rate` scales the gating
// kinetics with temperature (Q10).
struct HodgkinHuxley {
    float capacitance, g_na, g_k, g_leak, e_na, e_k, e_leak, rate;
};

// State of n neurons as arrays of n floats: membrane potential v and gates m, h, n.
struct NeuronState {
    float *v, *m, *h, *n;
};

// Advances `neurons` by `steps` steps of dt (ms) under a constant current (uA/cm^2) and writes into
// spikes[i] how often v rose through `threshold`.
//
// Staggered exponential integration: gates stand half a step ahead of v and each relaxes exactly
// towards its momentary target, which is of second order. No aliasing; count and steps may be 0.
void step_hodgkin_huxley(const HodgkinHuxley& cell, const NeuronState& neurons,
                         const float* current, std::int32_t* spikes, std::size_t count, float dt,
                         std::size_t steps, float threshold) noexcept;

// The same by the classical Runge-Kutta method of fourth order, v and gates at the same time.
void step_hodgkin_huxley_rk4(const HodgkinHuxley& cell, const NeuronState& neurons,
                             const float* current, std::int32_t* spikes, std::size_t count,
                             float dt, std::size_t steps, float threshold) noexcept;

// A high-threshold calcium channel with Goldman-Hodgkin-Katz current and a pool that it fills.
// permeability in cm/s, concentrations in mM, temperature in K, tau in ms; `depth` in um is the
// shell under the membrane that the current fills.
struct CalciumChannel {
    float permeability, outside, resting, temperature, tau, depth;
};

// Advances the gate (squared in the current) and the concentration inside by dt (ms) and writes the
// outward current in uA/cm^2. No aliasing; count may be 0.
void step_calcium(const CalciumChannel& channel, const float* v, float* gate, float* inside,
                  float* current, std::size_t count, float dt) noexcept;

// Adds the weights of the outgoing synapses of the neurons that fired to a ring of future inputs:
// ring[(now + delay) % slots][target] += weight, for synapses indptr[i] <= s < indptr[i + 1] of
// neuron i. delay[s] < slots. Spike after spike in order of the neurons.
void deliver_spikes(const std::int32_t* spikes, std::size_t count, const std::int64_t* indptr,
                    const std::int32_t* targets, const float* weights, const std::int32_t* delays,
                    float* ring, std::size_t slots, std::size_t targets_count,
                    std::size_t now) noexcept;

}  // namespace engrain

// Spike-timing-dependent plasticity, event driven, on dense and sparse connections.
//
// Per step: traces decay; each presynaptic spike depresses its row, w -= A-(w) y, each postsynaptic
// spike potentiates its column, w += A+(w) x; then the spikes enter the traces x (pre) and y (post)
// (all to all: x += 1; nearest: x = 1). Spikes of one step do not pair with each other.
//   A+(w) = a_plus u^mu, A-(w) = a_minus v^mu with v = (w - w_min) / (w_max - w_min), u = 1 - v;
//   mu = 0 additive, 1 multiplicative. Bi & Poo (1998), Morrison, Diesmann & Gerstner (2008).
// Triplets add a3_plus y2 to a_plus and a3_minus x2 to a_minus, with slower traces x2, y2:
// Pfister & Gerstner (2006). Under dopamine the change enters a synaptic trace c' = -c / tau_c
// instead, and w' = c d: Izhikevich (2007).
// T is float or double. All loops are element by element: equal bit for bit at every SIMD level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

struct StdpRule {
    double a_plus, a_minus, a3_plus, a3_minus;
    double decay_plus, decay_minus, decay_x, decay_y;  // exp(-dt / tau) per step
    double w_min, w_max, mu;
    bool nearest;
};

// Traces of both sides; x2 and y2 may be nullptr (no triplets).
template <class T>
struct StdpTraces {
    T *x, *y, *x2, *y2;
    std::size_t n_pre, n_post;
};

// One step on a dense matrix (n_pre, n_post).
void stdp_dense(float* weights, const StdpTraces<float>& traces, const std::int64_t* pre,
                std::size_t n_pre_spikes, const std::int64_t* post, std::size_t n_post_spikes,
                const StdpRule& rule) noexcept;
void stdp_dense(double* weights, const StdpTraces<double>& traces, const std::int64_t* pre,
                std::size_t n_pre_spikes, const std::int64_t* post, std::size_t n_post_spikes,
                const StdpRule& rule) noexcept;

// Spikes of many steps: those of step s are ids[start[s]] .. ids[start[s + 1] - 1].
struct SpikeTrain {
    const std::int64_t* start;
    const std::int32_t* ids;
};

// Connections between at most 65536 pre- and 65536 postsynaptic neurons, sorted by pre neuron, with
// a second index by post neuron. Neurons outside [offset, offset + n) are of other partitions.
template <class T>
struct SynapsePartition {
    T* weight;                    // by pre neuron
    const std::uint32_t* row;     // n_pre + 1 starts into weight and target
    const std::uint16_t* target;  // post neuron of each weight
    const std::uint32_t* column;  // n_post + 1 starts into source and place
    const std::uint16_t* source;  // pre neuron
    const std::uint32_t* place;   // into weight
    std::int32_t pre_offset, post_offset;
    T* tag;    // c of each weight, or nullptr: no dopamine
    T* pairs;  // room for two numbers of each weight while a run lasts
};

// Dopamine: fade[s] = exp(-s dt / tau_c) and total[s] = sum over steps below s of
// fade[step] dopamine[step] dt, each steps + 1 long.
template <class T>
struct Dopamine {
    const double *fade, *total;
};

// Run `steps` steps. The traces are those of the partition's own neurons.
void stdp_sparse(const SynapsePartition<float>& synapses, const StdpTraces<float>& traces,
                 const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                 const StdpRule& rule, const Dopamine<float>& dopamine) noexcept;
void stdp_sparse(const SynapsePartition<double>& synapses, const StdpTraces<double>& traces,
                 const SpikeTrain& pre, const SpikeTrain& post, std::size_t steps,
                 const StdpRule& rule, const Dopamine<double>& dopamine) noexcept;

// Poisson spikes of n neurons over steps, each with `probability` per step, by skipping over the
// silent ones. start: steps + 1. Returns how many spikes there are; of more than `capacity` only
// the first are written, and start is not complete.
std::size_t poisson_spikes(std::size_t n, std::size_t steps, double probability, std::uint64_t seed,
                           std::int64_t* start, std::int32_t* ids, std::size_t capacity) noexcept;

}  // namespace engrain

// The CUDA twins of kernels, one family per file. Pointers are to device memory unless named host_;
// the contracts are those of the CPU kernels, and what differs is said here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engrain/edges.hpp"
#include "engrain/lora.hpp"
#include "engrain/stdp.hpp"
#include "engrain/traces.hpp"

namespace engrain::cuda {

void step_traces(float* fast, float* slow, float* weights, std::size_t n, float decay_fast,
                 float decay_slow, float mix, float reward);

// Handles are distinct.
void touch_traces(Trace* traces, const std::int64_t* handles, const float* activity, std::size_t n,
                  double now, const TraceRule& rule);

// No dopamine. The starts of each step's spikes lie on the host, their ids on the device.
void stdp_sparse(const SynapsePartition<float>& synapses, const StdpTraces<float>& traces,
                 const SpikeTrain& host_pre, const std::int32_t* pre_ids,
                 const SpikeTrain& host_post, const std::int32_t* post_ids, std::size_t steps,
                 const StdpRule& rule);

void apply_lora_batch(const float* a, const float* b, const std::int64_t* adapter, const float* x,
                      std::size_t n, std::size_t rank, std::size_t dim, float scale, float* y);

// Adapters are distinct. Requests that are not finite leave theirs unchanged; returns how many.
std::size_t update_lora_batch(float* a, float* b, const std::int64_t* adapter, const float* x,
                              const float* g, std::size_t n, std::size_t rank, std::size_t dim,
                              const LoraStep& step);

// Updates edges that the table holds; an edge may occur more than once, in any order. Returns how
// many of the batch the table does not hold: the CPU inserts those. No Oja rule.
std::size_t update_edges(Edge* slots, int shift, float scale, const std::int64_t* from,
                         const std::int64_t* to, const float* signal, std::size_t n, float eta_plus,
                         float eta_minus);

// The k <= 512 best rows of each query, best first, ties to the smaller index; -1 where there are
// no more rows. index and score are (queries, k).
void topk(const float* rows, std::size_t n, std::size_t dim, const float* queries,
          std::size_t n_queries, std::size_t k, std::int64_t* index, float* score);

}  // namespace engrain::cuda

#include "device.hpp"
#include "kernels.hpp"

namespace engrain::cuda {
namespace {

__device__ float share(float room, const StdpRule& rule) {
    if (rule.mu == 0.0) return 1.0F;
    const float v = room / float(rule.w_max - rule.w_min);
    if (rule.mu == 1.0) return v;
    return v > 0.0F ? powf(v, float(rule.mu)) : 0.0F;
}

__global__ void fade_kernel(StdpTraces<float> traces, StdpRule rule) {
    const std::size_t stride = std::size_t(gridDim.x) * blockDim.x;
    const std::size_t first = std::size_t(blockIdx.x) * blockDim.x + threadIdx.x;
    for (std::size_t i = first; i < traces.n_pre; i += stride) {
        traces.x[i] *= float(rule.decay_plus);
        if (traces.x2) traces.x2[i] *= float(rule.decay_x);
    }
    for (std::size_t j = first; j < traces.n_post; j += stride) {
        traces.y[j] *= float(rule.decay_minus);
        if (traces.y2) traces.y2[j] *= float(rule.decay_y);
    }
}

// One block per spike: rows of different presynaptic neurons do not overlap.
__global__ void depress_kernel(SynapsePartition<float> s, StdpTraces<float> traces,
                               const std::int32_t* ids, StdpRule rule) {
    const std::int64_t i = std::int64_t(ids[blockIdx.x]) - s.pre_offset;
    if (i < 0 || i >= std::int64_t(traces.n_pre)) return;
    const float triplet = traces.x2 ? float(rule.a3_minus) * traces.x2[i] : 0.0F;
    const float factor = float(rule.a_minus) + triplet, low = float(rule.w_min);
    for (std::uint32_t k = s.row[i] + threadIdx.x; k < s.row[i + 1]; k += blockDim.x) {
        const float w = s.weight[k];
        s.weight[k] = fmaxf(w - factor * traces.y[s.target[k]] * share(w - low, rule), low);
    }
}

// Nor do columns of different postsynaptic ones.
__global__ void potentiate_kernel(SynapsePartition<float> s, StdpTraces<float> traces,
                                  const std::int32_t* ids, StdpRule rule) {
    const std::int64_t j = std::int64_t(ids[blockIdx.x]) - s.post_offset;
    if (j < 0 || j >= std::int64_t(traces.n_post)) return;
    const float triplet = traces.y2 ? float(rule.a3_plus) * traces.y2[j] : 0.0F;
    const float factor = float(rule.a_plus) + triplet, high = float(rule.w_max);
    for (std::uint32_t k = s.column[j] + threadIdx.x; k < s.column[j + 1]; k += blockDim.x) {
        const std::uint32_t at = s.place[k];
        const float w = s.weight[at];
        s.weight[at] = fminf(w + factor * traces.x[s.source[k]] * share(high - w, rule), high);
    }
}

__global__ void enter_kernel(float* trace, float* slower, std::size_t n, std::int32_t offset,
                             const std::int32_t* ids, std::size_t spikes, bool nearest) {
    const std::size_t stride = std::size_t(gridDim.x) * blockDim.x;
    for (std::size_t k = std::size_t(blockIdx.x) * blockDim.x + threadIdx.x; k < spikes;
         k += stride) {
        const std::int64_t i = std::int64_t(ids[k]) - offset;
        if (i < 0 || i >= std::int64_t(n)) continue;
        trace[i] = nearest ? 1.0F : trace[i] + 1.0F;
        if (slower) slower[i] = nearest ? 1.0F : slower[i] + 1.0F;
    }
}

void enter(float* trace, float* slower, std::size_t n, std::int32_t offset, const std::int32_t* ids,
           std::size_t spikes, bool nearest) {
    if (spikes == 0) return;
    enter_kernel<<<blocks_for(spikes), threads>>>(trace, slower, n, offset, ids, spikes, nearest);
}

}  // namespace

void stdp_sparse(const SynapsePartition<float>& synapses, const StdpTraces<float>& traces,
                 const SpikeTrain& host_pre, const std::int32_t* pre_ids,
                 const SpikeTrain& host_post, const std::int32_t* post_ids, std::size_t steps,
                 const StdpRule& rule) {
    const std::size_t widest = std::max(traces.n_pre, traces.n_post);
    for (std::size_t step = 0; step < steps; ++step) {
        const std::int32_t* pre = pre_ids + host_pre.start[step];
        const std::int32_t* post = post_ids + host_post.start[step];
        const std::size_t n_pre = std::size_t(host_pre.start[step + 1] - host_pre.start[step]);
        const std::size_t n_post = std::size_t(host_post.start[step + 1] - host_post.start[step]);
        fade_kernel<<<blocks_for(widest), threads>>>(traces, rule);
        if (n_pre > 0) depress_kernel<<<unsigned(n_pre), 128>>>(synapses, traces, pre, rule);
        if (n_post > 0) potentiate_kernel<<<unsigned(n_post), 128>>>(synapses, traces, post, rule);
        enter(traces.x, traces.x2, traces.n_pre, synapses.pre_offset, pre, n_pre, rule.nearest);
        enter(traces.y, traces.y2, traces.n_post, synapses.post_offset, post, n_post, rule.nearest);
    }
    CHECK_CUDA(cudaGetLastError());
}

}  // namespace engrain::cuda

#include "device.hpp"
#include "kernels.hpp"

namespace engrain::cuda {
namespace {

__global__ void step_kernel(float* fast, float* slow, float* weights, std::size_t n,
                            float decay_fast, float decay_slow, float mix, float reward) {
    const std::size_t stride = std::size_t(gridDim.x) * blockDim.x;
    for (std::size_t i = std::size_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
        const float f = fast[i] * decay_fast, s = slow[i] * decay_slow;
        fast[i] = f;
        slow[i] = s;
        weights[i] += reward * (mix * f + (1.0F - mix) * s);
    }
}

__device__ float mark(float value, float activity, const TraceRule& rule) {
    if (rule.kind == TraceKind::replacing) return activity;
    if (rule.kind == TraceKind::dutch) return (1.0F - rule.dutch) * value + activity;
    return value + activity;
}

__global__ void touch_kernel(Trace* traces, const std::int64_t* handles, const float* activity,
                             std::size_t n, double now, TraceRule rule) {
    const std::size_t stride = std::size_t(gridDim.x) * blockDim.x;
    for (std::size_t i = std::size_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
        Trace trace = traces[handles[i]];
        const double elapsed = fmax(now - trace.last, 0.0);
        const float fade_fast = float(exp(-elapsed * rule.rate_fast));
        const float fade_slow = float(exp(-elapsed * rule.rate_slow));
        float slow = trace.slow * fade_slow;
        if (rule.cascade != 0.0) {
            const float feed = float(rule.cascade / (rule.rate_fast - rule.rate_slow));
            slow += feed * trace.fast * (fade_slow - fade_fast);
        }
        trace.fast = mark(trace.fast * fade_fast, activity[i], rule);
        trace.slow = rule.cascade == 0.0 ? mark(slow, activity[i], rule) : slow;
        trace.last = fmax(now, trace.last);
        traces[handles[i]] = trace;
    }
}

}  // namespace

void step_traces(float* fast, float* slow, float* weights, std::size_t n, float decay_fast,
                 float decay_slow, float mix, float reward) {
    step_kernel<<<blocks_for(n), threads>>>(fast, slow, weights, n, decay_fast, decay_slow, mix,
                                            reward);
    CHECK_CUDA(cudaGetLastError());
}

void touch_traces(Trace* traces, const std::int64_t* handles, const float* activity, std::size_t n,
                  double now, const TraceRule& rule) {
    touch_kernel<<<blocks_for(n), threads>>>(traces, handles, activity, n, now, rule);
    CHECK_CUDA(cudaGetLastError());
}

}  // namespace engrain::cuda

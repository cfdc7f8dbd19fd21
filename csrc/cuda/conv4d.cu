#include "conv4d.hpp"

#include <algorithm>
#include <cstdint>

namespace engrain::cuda {
namespace {

using std::int64_t;

constexpr int block_threads = 256;

// A row-major index taken apart: place[0] is the slowest axis.
struct Place {
    int64_t lead, at[4];
};

__device__ Place take_apart(int64_t index, const int64_t* extent) {
    Place p;
    for (int d = 3; d >= 0; --d) {
        p.at[d] = index % extent[d];
        index /= extent[d];
    }
    p.lead = index;
    return p;
}

struct Extents {
    int64_t in[4], out[4], kernel[4];
};

Extents extents_of(const Conv4dGeometry& g) {
    Extents e;
    for (int d = 0; d < 4; ++d) {
        e.in[d] = g.axis[d].in;
        e.out[d] = g.axis[d].out;
        e.kernel[d] = g.axis[d].kernel;
    }
    return e;
}

int64_t volume(const int64_t* extent) { return extent[0] * extent[1] * extent[2] * extent[3]; }

// The input element under tap `k` of output `o` on every axis, or -1 outside.
__device__ int64_t input_index(const Conv4dGeometry& g, const int64_t* o, const int64_t* k) {
    int64_t index = 0;
    for (int d = 0; d < 4; ++d) {
        const int64_t u = o[d] * g.axis[d].stride + k[d] * g.axis[d].dilation - g.axis[d].pad;
        if (u < 0 || u >= g.axis[d].in) return -1;
        index = index * g.axis[d].in + u;
    }
    return index;
}

// The output element that reads input `i` under tap `k` on every axis, or -1.
__device__ int64_t output_index(const Conv4dGeometry& g, const int64_t* i, const int64_t* k) {
    int64_t index = 0;
    for (int d = 0; d < 4; ++d) {
        const int64_t u = i[d] + g.axis[d].pad - k[d] * g.axis[d].dilation;
        if (u < 0 || u % g.axis[d].stride != 0 || u / g.axis[d].stride >= g.axis[d].out) return -1;
        index = index * g.axis[d].out + u / g.axis[d].stride;
    }
    return index;
}

// One thread per output element.
template <class Real>
__global__ void forward_kernel(Conv4dGeometry g, Extents e, int64_t in_size, int64_t out_size,
                               int64_t taps, const Real* x, const Real* weight, const Real* bias,
                               Real* out) {
    const int64_t in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
    const int64_t count = g.batch * g.out_channels * out_size;
    for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count;
         i += int64_t(gridDim.x) * blockDim.x) {
        const Place p = take_apart(i, e.out);
        const int64_t o = p.lead % g.out_channels, n = p.lead / g.out_channels;
        const Real* from = x + (n * g.in_channels + o / out_group * in_group) * in_size;
        const Real* w = weight + o * in_group * taps;
        Real sum = bias != nullptr ? bias[o] : Real(0);
        for (int64_t k = 0; k < taps; ++k) {
            const int64_t source = input_index(g, p.at, take_apart(k, e.kernel).at);
            if (source < 0) continue;
            for (int64_t c = 0; c < in_group; ++c)
                sum += w[c * taps + k] * from[c * in_size + source];
        }
        out[i] = sum;
    }
}

// One thread per input element gathers from the outputs that read it.
template <class Real>
__global__ void grad_input_kernel(Conv4dGeometry g, Extents e, int64_t in_size, int64_t out_size,
                                  int64_t taps, const Real* grad_out, const Real* weight,
                                  Real* grad_x) {
    const int64_t in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
    const int64_t count = g.batch * g.in_channels * in_size;
    for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count;
         i += int64_t(gridDim.x) * blockDim.x) {
        const Place p = take_apart(i, e.in);
        const int64_t c = p.lead % g.in_channels, n = p.lead / g.in_channels;
        const int64_t first = c / in_group * out_group;
        const Real* from = grad_out + (n * g.out_channels + first) * out_size;
        const Real* w = weight + (first * in_group + c % in_group) * taps;
        Real sum = 0;
        for (int64_t k = 0; k < taps; ++k) {
            const int64_t target = output_index(g, p.at, take_apart(k, e.kernel).at);
            if (target < 0) continue;
            for (int64_t o = 0; o < out_group; ++o)
                sum += w[o * in_group * taps + k] * from[o * out_size + target];
        }
        grad_x[i] = sum;
    }
}

// One block per weight; its threads share the output elements and are summed as a tree.
template <class Real>
__global__ void grad_weight_kernel(Conv4dGeometry g, Extents e, int64_t in_size, int64_t out_size,
                                   int64_t taps, const Real* x, const Real* grad_out,
                                   Real* grad_weight) {
    __shared__ Real part[block_threads];
    const int64_t in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
    for (int64_t i = blockIdx.x; i < g.out_channels * in_group * taps; i += gridDim.x) {
        const Place tap = take_apart(i, e.kernel);
        const int64_t c = tap.lead % in_group, o = tap.lead / in_group;
        const int64_t channel = o / out_group * in_group + c;
        Real sum = 0;
        for (int64_t j = threadIdx.x; j < g.batch * out_size; j += blockDim.x) {
            const Place p = take_apart(j, e.out);
            const int64_t source = input_index(g, p.at, tap.at);
            if (source < 0) continue;
            sum += x[(p.lead * g.in_channels + channel) * in_size + source] *
                   grad_out[(p.lead * g.out_channels + o) * out_size + j % out_size];
        }
        part[threadIdx.x] = sum;
        __syncthreads();
        for (int half = block_threads / 2; half > 0; half /= 2) {
            if (int(threadIdx.x) < half) part[threadIdx.x] += part[threadIdx.x + half];
            __syncthreads();
        }
        if (threadIdx.x == 0) grad_weight[i] = part[0];
        __syncthreads();
    }
}

unsigned blocks_of(int64_t count) {
    const int64_t blocks = (count + block_threads - 1) / block_threads;
    return unsigned(std::min<int64_t>(std::max<int64_t>(blocks, 1), 65535));
}

}  // namespace

template <class Real>
cudaError_t conv4d_forward(const Conv4dGeometry& g, const Real* x, const Real* weight,
                           const Real* bias, Real* out) {
    const Extents e = extents_of(g);
    const int64_t out_size = volume(e.out);
    forward_kernel<<<blocks_of(g.batch * g.out_channels * out_size), block_threads>>>(
        g, e, volume(e.in), out_size, volume(e.kernel), x, weight, bias, out);
    return cudaGetLastError();
}

template <class Real>
cudaError_t conv4d_grad_input(const Conv4dGeometry& g, const Real* grad_out, const Real* weight,
                              Real* grad_x) {
    const Extents e = extents_of(g);
    const int64_t in_size = volume(e.in);
    grad_input_kernel<<<blocks_of(g.batch * g.in_channels * in_size), block_threads>>>(
        g, e, in_size, volume(e.out), volume(e.kernel), grad_out, weight, grad_x);
    return cudaGetLastError();
}

template <class Real>
cudaError_t conv4d_grad_weight(const Conv4dGeometry& g, const Real* x, const Real* grad_out,
                               Real* grad_weight) {
    const Extents e = extents_of(g);
    const int64_t weights = g.out_channels * (g.in_channels / g.groups) * volume(e.kernel);
    const unsigned blocks = unsigned(std::min<int64_t>(weights, 65535));
    grad_weight_kernel<<<blocks, block_threads>>>(g, e, volume(e.in), volume(e.out),
                                                  volume(e.kernel), x, grad_out, grad_weight);
    return cudaGetLastError();
}

#define ENGRAIN_INSTANTIATE(R)                                                                  \
    template cudaError_t conv4d_forward<R>(const Conv4dGeometry&, const R*, const R*, const R*, \
                                           R*);                                                 \
    template cudaError_t conv4d_grad_input<R>(const Conv4dGeometry&, const R*, const R*, R*);   \
    template cudaError_t conv4d_grad_weight<R>(const Conv4dGeometry&, const R*, const R*, R*);
ENGRAIN_INSTANTIATE(float)
ENGRAIN_INSTANTIATE(double)

}  // namespace engrain::cuda

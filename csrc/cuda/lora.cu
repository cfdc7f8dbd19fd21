#include "device.hpp"
#include "kernels.hpp"
#include "reduce.cuh"

namespace engrain::cuda {
namespace {

// z_k = rows_k . x for all ranks, in every thread of the block.
__device__ void project(const float* rows, const float* x, std::size_t rank, std::size_t dim,
                        float* z, float* shared) {
    for (std::size_t k = 0; k < rank; ++k) {
        float sum = 0.0F;
        for (std::size_t i = threadIdx.x; i < dim; i += blockDim.x) sum += rows[k * dim + i] * x[i];
        sum = block_sum(sum, shared);
        if (threadIdx.x == 0) z[k] = sum;
    }
    __syncthreads();
}

__device__ float squared(const float* x, std::size_t dim, float* shared) {
    float sum = 0.0F;
    for (std::size_t i = threadIdx.x; i < dim; i += blockDim.x) sum += x[i] * x[i];
    return block_sum(sum, shared);
}

// One block per request.
__global__ void apply_kernel(const float* a, const float* b, const std::int64_t* adapter,
                             const float* x, std::size_t n, std::size_t rank, std::size_t dim,
                             float scale, float* y) {
    __shared__ float z[lora_max_rank], shared[33];
    for (std::size_t request = blockIdx.x; request < n; request += gridDim.x) {
        const std::size_t at = std::size_t(adapter[request]) * rank * dim, row = request * dim;
        project(a + at, x + row, rank, dim, z, shared);
        for (std::size_t i = threadIdx.x; i < dim; i += blockDim.x) {
            float sum = x[row + i];
            for (std::size_t k = 0; k < rank; ++k) sum += scale * z[k] * b[at + k * dim + i];
            y[row + i] = sum;
        }
        __syncthreads();
    }
}

__device__ float rate_of(const float* z, const float* w, float xx, float gg, std::size_t rank,
                         const LoraStep& step) {
    if (!step.normalised) return step.learning_rate * step.scale;
    float zz = 0.0F, ww = 0.0F;
    for (std::size_t k = 0; k < rank; ++k) {
        zz += z[k] * z[k];
        ww += w[k] * w[k];
    }
    const float through_a = gg > 0.0F ? xx * (ww / gg) : 0.0F;
    const float sensitivity = step.scale * step.scale * (zz + through_a);
    return step.learning_rate * step.scale / (step.epsilon + sensitivity);
}

__global__ void update_kernel(float* a, float* b, const std::int64_t* adapter, const float* x,
                              const float* g, std::size_t n, std::size_t rank, std::size_t dim,
                              LoraStep step, unsigned long long* refused) {
    __shared__ float z[lora_max_rank], w[lora_max_rank], shared[33];
    for (std::size_t request = blockIdx.x; request < n; request += gridDim.x) {
        const std::size_t at = std::size_t(adapter[request]) * rank * dim, row = request * dim;
        project(a + at, x + row, rank, dim, z, shared);
        project(b + at, g + row, rank, dim, w, shared);
        const float xx = squared(x + row, dim, shared), gg = squared(g + row, dim, shared);
        if (!isfinite(xx) || !isfinite(gg)) {
            if (threadIdx.x == 0) atomicAdd(refused, 1ULL);
            continue;
        }
        const float rate = rate_of(z, w, xx, gg, rank, step);
        for (std::size_t i = threadIdx.x; i < rank * dim; i += blockDim.x) {
            const std::size_t k = i / dim, j = row + i % dim;
            b[at + i] = step.decay * b[at + i] - rate * z[k] * g[j];
            a[at + i] -= rate * w[k] * x[j];
        }
        __syncthreads();
    }
}

}  // namespace

void apply_lora_batch(const float* a, const float* b, const std::int64_t* adapter, const float* x,
                      std::size_t n, std::size_t rank, std::size_t dim, float scale, float* y) {
    const unsigned blocks = unsigned(std::clamp<std::size_t>(n, 1, 65535));
    apply_kernel<<<blocks, threads>>>(a, b, adapter, x, n, rank, dim, scale, y);
    CHECK_CUDA(cudaGetLastError());
}

std::size_t update_lora_batch(float* a, float* b, const std::int64_t* adapter, const float* x,
                              const float* g, std::size_t n, std::size_t rank, std::size_t dim,
                              const LoraStep& step) {
    const Scratch<unsigned long long> refused(1);
    CHECK_CUDA(cudaMemset(refused.get(), 0, sizeof(unsigned long long)));
    const unsigned blocks = unsigned(std::clamp<std::size_t>(n, 1, 65535));
    update_kernel<<<blocks, threads>>>(a, b, adapter, x, g, n, rank, dim, step, refused.get());
    CHECK_CUDA(cudaGetLastError());
    unsigned long long count = 0;
    CHECK_CUDA(cudaMemcpy(&count, refused.get(), sizeof(count), cudaMemcpyDeviceToHost));
    return std::size_t(count);
}

}  // namespace engrain::cuda

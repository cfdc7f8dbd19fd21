#include "device.hpp"
#include "kernels.hpp"

namespace engrain::cuda {
namespace {

__device__ std::size_t home_of(std::uint64_t key, int shift) {
    key *= 0x9E3779B97F4A7C15ULL;
    key ^= key >> 32;
    return (key * 0xD6E8FEB86659FD93ULL) >> shift;
}

__device__ float moved(float weight, float s, float eta_plus, float eta_minus) {
    return weight + (s > 0.0F ? eta_plus * s * (1.0F - weight) : eta_minus * s * weight);
}

// An edge that occurs twice in a batch takes both updates: each retries until its read was current.
__device__ void adjust(float* weight, float scale, float s, float eta_plus, float eta_minus) {
    int* word = reinterpret_cast<int*>(weight);
    int seen = *word, expected;
    do {
        expected = seen;
        const float now = fminf(__int_as_float(expected) * scale, 1.0F);
        const float next = moved(now, s, eta_plus, eta_minus) / scale;
        seen = atomicCAS(word, expected, __float_as_int(next));
    } while (seen != expected);
}

__global__ void update_kernel(Edge* slots, int shift, float scale, const std::int64_t* from,
                              const std::int64_t* to, const float* signal, std::size_t n,
                              float eta_plus, float eta_minus, unsigned long long* missing) {
    const std::size_t mask = (std::size_t(1) << (64 - shift)) - 1;
    const std::size_t stride = std::size_t(gridDim.x) * blockDim.x;
    for (std::size_t i = std::size_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
        const std::uint32_t u = std::uint32_t(from[i]), v = std::uint32_t(to[i]);
        std::size_t slot = home_of((std::uint64_t(v) << 32) | u, shift);
        while (slots[slot].from != no_node && (slots[slot].from != u || slots[slot].to != v))
            slot = (slot + 1) & mask;
        if (slots[slot].from == no_node)
            atomicAdd(missing, 1ULL);
        else
            adjust(&slots[slot].weight, scale, signal[i], eta_plus, eta_minus);
    }
}

}  // namespace

std::size_t update_edges(Edge* slots, int shift, float scale, const std::int64_t* from,
                         const std::int64_t* to, const float* signal, std::size_t n, float eta_plus,
                         float eta_minus) {
    const Scratch<unsigned long long> missing(1);
    CHECK_CUDA(cudaMemset(missing.get(), 0, sizeof(unsigned long long)));
    update_kernel<<<blocks_for(n), threads>>>(slots, shift, scale, from, to, signal, n, eta_plus,
                                              eta_minus, missing.get());
    CHECK_CUDA(cudaGetLastError());
    unsigned long long count = 0;
    CHECK_CUDA(cudaMemcpy(&count, missing.get(), sizeof(count), cudaMemcpyDeviceToHost));
    return std::size_t(count);
}

}  // namespace engrain::cuda

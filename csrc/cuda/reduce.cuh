// Sums over the threads of a block.
#pragma once

namespace engrain::cuda {

__device__ inline float warp_sum(float x) {
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_down_sync(0xFFFFFFFFU, x, offset);
    return x;
}

// The sum, in every thread. `shared` holds 33 floats; call with all threads of the block.
__device__ inline float block_sum(float x, float* shared) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    x = warp_sum(x);
    if (lane == 0) shared[warp] = x;
    __syncthreads();
    if (warp == 0) {
        x = warp_sum(lane < warps ? shared[lane] : 0.0F);
        if (lane == 0) shared[32] = x;
    }
    __syncthreads();
    const float total = shared[32];
    __syncthreads();
    return total;
}

}  // namespace engrain::cuda

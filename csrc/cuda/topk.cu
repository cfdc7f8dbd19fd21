#include <cmath>

#include "device.hpp"
#include "kernels.hpp"
#include "reduce.cuh"

namespace engrain::cuda {
namespace {

constexpr int chunk = 1024;  // scores among which one block selects
constexpr int per_thread = chunk / threads;

struct Candidate {
    float score;
    std::int64_t index;
};

__device__ bool better(const Candidate& a, const Candidate& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

// One warp per row; blockIdx.y is the query.
__global__ void score_kernel(const float* rows, std::size_t n, std::size_t dim,
                             const float* queries, float* scores) {
    const std::size_t warps = std::size_t(gridDim.x) * blockDim.x / 32, lane = threadIdx.x % 32;
    const float* query = queries + blockIdx.y * dim;
    for (std::size_t row = (std::size_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32; row < n;
         row += warps) {
        float sum = 0.0F;
        for (std::size_t j = lane; j < dim; j += 32) sum += rows[row * dim + j] * query[j];
        sum = warp_sum(sum);
        if (lane == 0) scores[blockIdx.y * n + row] = isnan(sum) ? -INFINITY : sum;
    }
}

__device__ Candidate best_of_warp(Candidate best) {
    for (int offset = 16; offset > 0; offset /= 2) {
        const Candidate other{__shfl_down_sync(0xFFFFFFFFU, best.score, offset),
                              __shfl_down_sync(0xFFFFFFFFU, best.index, offset)};
        if (better(other, best)) best = other;
    }
    return best;
}

// The k best of each chunk of m candidates, best first, by k rounds of a maximum over the block.
// `indices` is nullptr at the first level, where a candidate's index is its place.
__global__ void select_kernel(const float* scores, const std::int64_t* indices, std::size_t m,
                              std::size_t k, float* out_scores, std::int64_t* out_indices) {
    __shared__ Candidate warp_best[threads / 32], chosen;
    const Candidate none{-INFINITY, INT64_MAX};
    const std::size_t query = blockIdx.y * m, out = (blockIdx.y * gridDim.x + blockIdx.x) * k;
    Candidate mine[per_thread];
    for (int i = 0; i < per_thread; ++i) {
        const std::size_t at = std::size_t(blockIdx.x) * chunk + i * threads + threadIdx.x;
        mine[i] = none;
        if (at < m && scores[query + at] > -INFINITY)
            mine[i] = {scores[query + at], indices ? indices[query + at] : std::int64_t(at)};
    }
    for (std::size_t round = 0; round < k; ++round) {
        Candidate best = mine[0];
        for (int i = 1; i < per_thread; ++i)
            if (better(mine[i], best)) best = mine[i];
        best = best_of_warp(best);
        if (threadIdx.x % 32 == 0) warp_best[threadIdx.x / 32] = best;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int warp = 1; warp < threads / 32; ++warp)
                if (better(warp_best[warp], best)) best = warp_best[warp];
            chosen = best;
            out_scores[out + round] = best.score;
            out_indices[out + round] = best.index == INT64_MAX ? -1 : best.index;
        }
        __syncthreads();
        for (int i = 0; i < per_thread; ++i)
            if (mine[i].index == chosen.index) mine[i] = none;
    }
}

}  // namespace

void topk(const float* rows, std::size_t n, std::size_t dim, const float* queries,
          std::size_t n_queries, std::size_t k, std::int64_t* index, float* score) {
    const unsigned y = unsigned(n_queries);
    std::size_t m = std::max<std::size_t>(n, 1), parts = (m + chunk - 1) / chunk;
    const Scratch<float> scores(n_queries * m);
    const Scratch<float> kept[2]{Scratch<float>(n_queries * parts * k),
                                 Scratch<float>(n_queries * parts * k)};
    const Scratch<std::int64_t> places[2]{Scratch<std::int64_t>(n_queries * parts * k),
                                          Scratch<std::int64_t>(n_queries * parts * k)};
    score_kernel<<<dim3(blocks_for(32 * n), y), threads>>>(rows, n, dim, queries, scores.get());
    const float* from = scores.get();
    const std::int64_t* from_places = nullptr;
    m = n;
    for (int level = 0;; level ^= 1) {
        parts = std::max<std::size_t>((m + chunk - 1) / chunk, 1);
        const bool last = parts == 1;
        float* to = last ? score : kept[level].get();
        std::int64_t* to_places = last ? index : places[level].get();
        select_kernel<<<dim3(unsigned(parts), y), threads>>>(from, from_places, m, k, to,
                                                             to_places);
        CHECK_CUDA(cudaGetLastError());
        if (last) break;
        from = to;
        from_places = to_places;
        m = parts * k;
    }
    CHECK_CUDA(cudaDeviceSynchronize());
}

}  // namespace engrain::cuda

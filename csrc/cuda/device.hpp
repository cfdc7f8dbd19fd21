// What every CUDA kernel file shares: checked calls and the size of a grid.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace engrain::cuda {

// Becomes engrain.base.errors.CudaError at the binding.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void check(cudaError_t status, const char* file, int line) {
    if (status == cudaSuccess) return;
    throw Failure(std::string(file) + ":" + std::to_string(line) + ": " +
                  cudaGetErrorString(status));
}

#define CHECK_CUDA(call) ::engrain::cuda::check((call), __FILE__, __LINE__)

constexpr int threads = 256;

// Blocks of `threads` for n elements; kernels stride over the grid for what is left.
inline unsigned blocks_for(std::size_t n) {
    return unsigned(std::clamp<std::size_t>((n + threads - 1) / threads, 1, 65535));
}

// Memory on the device for the time of a call.
template <class T>
class Scratch {
  public:
    explicit Scratch(std::size_t n) {
        CHECK_CUDA(
            cudaMalloc(reinterpret_cast<void**>(&data_), std::max<std::size_t>(n, 1) * sizeof(T)));
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { cudaFree(data_); }
    T* get() const noexcept { return data_; }

  private:
    T* data_ = nullptr;
};

}  // namespace engrain::cuda

// The CUDA twins of the 4-D convolution. Pointers are to device memory; the contract is that of
// engrain/conv4d.hpp without workspace or threads. Sums run in another order than on the CPU.
#pragma once

#include <cuda_runtime.h>

#include "engrain/conv4d.hpp"

namespace engrain::cuda {

// Each returns the status of its launch. Real is float or double; bias may be null.
template <class Real>
cudaError_t conv4d_forward(const Conv4dGeometry& shape, const Real* x, const Real* weight,
                           const Real* bias, Real* out);
template <class Real>
cudaError_t conv4d_grad_input(const Conv4dGeometry& shape, const Real* grad_out, const Real* weight,
                              Real* grad_x);
template <class Real>
cudaError_t conv4d_grad_weight(const Conv4dGeometry& shape, const Real* x, const Real* grad_out,
                               Real* grad_weight);

}  // namespace engrain::cuda

// Dense 4-D convolution over (x, y, z, t): forward, exact input gradient, weight gradient.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

// out[o] = sum_k w[k] * in[o * stride + k * dilation - pad]; in[] is 0 outside [0, in).
struct ConvAxis {
    std::int64_t in, out, kernel, stride, dilation, pad;
};

// Channels first, row-major: input (batch, in_channels, x, y, z, t), output (batch, out_channels,
// x', y', z', t'), weight (out_channels, in_channels / groups, kx, ky, kz, kt).
struct Conv4dGeometry {
    std::int64_t batch, in_channels, out_channels, groups;
    ConvAxis axis[4];
};

// A float32 whose lower half is cut off, rounded to nearest even. Sums run in float32.
struct Bf16 {
    std::uint16_t bits;
};

template <class Stored>
struct RealOf {
    using type = Stored;
};
template <>
struct RealOf<Bf16> {
    using type = float;
};
template <class Stored>
using Real = typename RealOf<Stored>::type;

// Bytes of scratch memory, 64-byte aligned, that the calls below need.
template <class Stored>
std::size_t conv4d_forward_workspace(const Conv4dGeometry& shape, std::size_t threads) noexcept;
template <class Stored>
std::size_t conv4d_grad_input_workspace(const Conv4dGeometry& shape, std::size_t threads) noexcept;
template <class Stored>
std::size_t conv4d_grad_weight_workspace(const Conv4dGeometry& shape, std::size_t threads) noexcept;

// Stored is float, double or Bf16. All extents >= 1, threads >= 1, groups divide both channel
// counts; no aliasing; bias may be null. Equal bit for bit for any number of threads; levels of
// SIMD differ by rounding (these kernels use fused multiply-add where the CPU has it).
template <class Stored>
void conv4d_forward(const Conv4dGeometry& shape, const Stored* x, const Real<Stored>* weight,
                    const Real<Stored>* bias, Stored* out, void* workspace,
                    std::size_t threads) noexcept;
template <class Stored>
void conv4d_grad_input(const Conv4dGeometry& shape, const Stored* grad_out,
                       const Real<Stored>* weight, Stored* grad_x, void* workspace,
                       std::size_t threads) noexcept;
template <class Stored>
void conv4d_grad_weight(const Conv4dGeometry& shape, const Stored* x, const Stored* grad_out,
                        Real<Stored>* grad_weight, void* workspace, std::size_t threads) noexcept;

}  // namespace engrain

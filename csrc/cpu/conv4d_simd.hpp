// Vectors and targets of the conv4d kernels. They use fused multiply-add: what they compute is not
// the state of a memory, and it halves the arithmetic.
#pragma once

#include "engrain/simd.hpp"

#if ENGRAIN_X86
#define ENGRAIN_AVX2_FMA __attribute__((target("avx2,fma,f16c")))
#define ENGRAIN_AVX512_FMA \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")))
#endif

// Loops over a register tile: unless they are unrolled the sums leave the registers.
#define ENGRAIN_UNROLL _Pragma("GCC unroll 32")

namespace engrain::conv4d {

template <class R, int Bytes>
struct Vector {
    typedef R type __attribute__((vector_size(Bytes)));
    // The same at any address.
    typedef R loose __attribute__((vector_size(Bytes), aligned(alignof(R)), may_alias));
};

// Bytes of the registers in use.
inline int register_bytes() noexcept {
#if ENGRAIN_X86
    static const bool fma = __builtin_cpu_supports("fma");
    if (fma && simd::level() == simd::Level::avx512) return 64;
    if (fma && simd::level() == simd::Level::avx2) return 32;
#endif
    return 16;
}

// Output channels that one register tile holds at most.
inline int widest_tile(int register_bytes) noexcept { return register_bytes == 64 ? 8 : 4; }

}  // namespace engrain::conv4d

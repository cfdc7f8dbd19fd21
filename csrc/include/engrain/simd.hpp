// Width-agnostic SIMD on the vector extensions of GCC and Clang, with dispatch at run time.
//
// A kernel is written once as an always_inline template over the register width W and instantiated
// inside functions that carry a target attribute (see ENGRAIN_DISPATCH). Reductions run over
// 16 logical lanes whatever W is, and are summed in one fixed order; with -ffp-contract=off a
// result is therefore equal bit for bit at every level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#define ENGRAIN_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)
#define ENGRAIN_X86 1
#define ENGRAIN_AVX2 __attribute__((target("avx2,f16c")))
#define ENGRAIN_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c")))
#else
#define ENGRAIN_X86 0
#endif

namespace engrain::simd {

enum class Level : int { baseline = 0, avx2 = 1, avx512 = 2 };

// The level in use: the best the CPU has, lowered by ENGRAIN_SIMD=baseline|avx2|avx512.
Level level() noexcept;

// For tests: use `wanted`, or the best the CPU has where that is lower. Returns the level in use.
Level set_level(Level wanted) noexcept;

template <int W>
struct Vec {
    typedef float f32 __attribute__((vector_size(W * 4)));
    typedef std::int32_t i32 __attribute__((vector_size(W * 4)));
    // The same in memory: any alignment, over any type.
    typedef float f32_at __attribute__((vector_size(W * 4), aligned(4), may_alias));
};

// The sum of the lower and the upper half of a register.
ENGRAIN_INLINE Vec<8>::f32 fold(Vec<16>::f32 v) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
}
ENGRAIN_INLINE Vec<4>::f32 fold(Vec<8>::f32 v) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}

// The first lane in all.
ENGRAIN_INLINE Vec<16>::f32 spread(Vec<16>::f32 v) {
    return __builtin_shufflevector(v, v, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}
ENGRAIN_INLINE Vec<8>::f32 spread(Vec<8>::f32 v) {
    return __builtin_shufflevector(v, v, 0, 0, 0, 0, 0, 0, 0, 0);
}
ENGRAIN_INLINE Vec<4>::f32 spread(Vec<4>::f32 v) {
    return __builtin_shufflevector(v, v, 0, 0, 0, 0);
}

// 16 float lanes held in 16 / W registers.
template <int W>
struct Lanes {
    using V = typename Vec<W>::f32;
    static constexpr int registers = 16 / W;
    V v[registers];

    static ENGRAIN_INLINE Lanes zero() { return splat(0.0F); }
    // By a shuffle: GCC makes one broadcast of it, and sixteen masked ones of `x - V{}`.
    static ENGRAIN_INLINE Lanes splat(float x) {
        V first{};
        first[0] = x;
        Lanes out;
        for (int r = 0; r < registers; ++r) out.v[r] = spread(first);
        return out;
    }
    // Register by register: a copy of the whole struct would go through memory.
    static ENGRAIN_INLINE Lanes load(const float* p) {
        Lanes out;
        for (int r = 0; r < registers; ++r)
            out.v[r] = *reinterpret_cast<const typename Vec<W>::f32_at*>(p + r * W);
        return out;
    }
    // The first n < 16 lanes; the others are 0.
    static ENGRAIN_INLINE Lanes load_partial(const float* p, std::size_t n) {
        float lane[16] = {};
        for (std::size_t i = 0; i < n; ++i) lane[i] = p[i];
        return load(lane);
    }
    ENGRAIN_INLINE void store(float* p) const {
        for (int r = 0; r < registers; ++r)
            *reinterpret_cast<typename Vec<W>::f32_at*>(p + r * W) = v[r];
    }
    ENGRAIN_INLINE void store_partial(float* p, std::size_t n) const {
        float lane[16];
        store(lane);
        for (std::size_t i = 0; i < n; ++i) p[i] = lane[i];
    }
    // Lane sums in one order: 16 -> 8 -> 4 -> 2 -> 1 by halves.
    ENGRAIN_INLINE float sum() const {
        typename Vec<4>::f32 s;
        if constexpr (W == 16) s = fold(fold(v[0]));
        if constexpr (W == 8) s = fold(v[0] + v[1]);
        if constexpr (W == 4) s = (v[0] + v[2]) + (v[1] + v[3]);
        return (s[0] + s[2]) + (s[1] + s[3]);
    }
    friend ENGRAIN_INLINE Lanes operator+(Lanes a, const Lanes& b) {
        for (int r = 0; r < registers; ++r) a.v[r] += b.v[r];
        return a;
    }
    friend ENGRAIN_INLINE Lanes operator-(Lanes a, const Lanes& b) {
        for (int r = 0; r < registers; ++r) a.v[r] -= b.v[r];
        return a;
    }
    friend ENGRAIN_INLINE Lanes operator*(Lanes a, const Lanes& b) {
        for (int r = 0; r < registers; ++r) a.v[r] *= b.v[r];
        return a;
    }
    friend ENGRAIN_INLINE Lanes operator/(Lanes a, const Lanes& b) {
        for (int r = 0; r < registers; ++r) a.v[r] /= b.v[r];
        return a;
    }
};

}  // namespace engrain::simd

// Defines `ret name params noexcept` over `template <int W> ENGRAIN_INLINE ret name##_body params`,
// compiled for the baseline (128 bit), AVX2 and AVX-512 and chosen at run time.
#if ENGRAIN_X86
#define ENGRAIN_DISPATCH(ret, name, params, args)                                            \
    static ret name##_baseline params noexcept { return name##_body<4> args; }               \
    ENGRAIN_AVX2 static ret name##_avx2 params noexcept { return name##_body<8> args; }      \
    ENGRAIN_AVX512 static ret name##_avx512 params noexcept { return name##_body<16> args; } \
    ret name params noexcept {                                                               \
        switch (::engrain::simd::level()) {                                                  \
            case ::engrain::simd::Level::avx512:                                             \
                return name##_avx512 args;                                                   \
            case ::engrain::simd::Level::avx2:                                               \
                return name##_avx2 args;                                                     \
            default:                                                                         \
                return name##_baseline args;                                                 \
        }                                                                                    \
    }
#else
#define ENGRAIN_DISPATCH(ret, name, params, args) \
    ret name params noexcept { return name##_body<4> args; }
#endif

#include "engrain/traces.hpp"

#include <cmath>

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;
using simd::Vec;

// Sixteen traces decayed to one time.
template <int W>
struct Decayed {
    Lanes<W> fast, slow;
};

typedef double f64x2 __attribute__((vector_size(16)));
typedef double f64x4 __attribute__((vector_size(32)));
using f32x4 = Vec<4>::f32;

// Four traces, field by field.
struct Four {
    f32x4 fast, slow;
    f64x4 last;
};

ENGRAIN_INLINE f32x4 load_trace(const Trace* trace) {
    return *reinterpret_cast<const Vec<4>::f32_at*>(trace);
}

ENGRAIN_INLINE Four load_four(const Trace* a, const Trace* b, const Trace* c, const Trace* d) {
    const f32x4 p = load_trace(a), q = load_trace(b), r = load_trace(c), s = load_trace(d);
    const f32x4 first = __builtin_shufflevector(p, q, 0, 4, 1, 5);
    const f32x4 second = __builtin_shufflevector(r, s, 0, 4, 1, 5);
    const f64x2 early = f64x2(__builtin_shufflevector(p, q, 2, 3, 6, 7));
    const f64x2 late = f64x2(__builtin_shufflevector(r, s, 2, 3, 6, 7));
    return {__builtin_shufflevector(first, second, 0, 1, 4, 5),
            __builtin_shufflevector(first, second, 2, 3, 6, 7),
            __builtin_shufflevector(early, late, 0, 1, 2, 3)};
}

// Sixteen traces, read one behind the other or by handle; lanes past n repeat the first.
struct Block {
    Four part[4];

    ENGRAIN_INLINE void load(const Trace* t) {
        for (int g = 0; g < 4; ++g, t += 4) part[g] = load_four(t, t + 1, t + 2, t + 3);
    }
    ENGRAIN_INLINE void load(const Trace* traces, const std::int64_t* handles, std::size_t n) {
        const Trace* at[16];
        for (std::size_t i = 0; i < 16; ++i) {
            const std::size_t j = i < n ? i : 0;
            at[i] = traces + (handles ? handles[j] : std::int64_t(j));
        }
        for (int g = 0; g < 4; ++g)
            part[g] = load_four(at[4 * g], at[4 * g + 1], at[4 * g + 2], at[4 * g + 3]);
    }
};

ENGRAIN_INLINE Vec<8>::f32 join(f32x4 a, f32x4 b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
}

template <int W>
ENGRAIN_INLINE Lanes<W> join(f32x4 a, f32x4 b, f32x4 c, f32x4 d) {
    if constexpr (W == 4) return {{a, b, c, d}};
    if constexpr (W == 8) return {{join(a, b), join(c, d)}};
    if constexpr (W == 16)
        return {{__builtin_shufflevector(join(a, b), join(c, d), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                                         11, 12, 13, 14, 15)}};
}

// -rate * the time since the last touch.
ENGRAIN_INLINE f32x4 exponents(const Four& part, double now, double rate) {
    return __builtin_convertvector((now - part.last) * -rate, f32x4);
}

template <int W>
ENGRAIN_INLINE Lanes<W> factors(const Block& block, double now, double rate) {
    const Four* part = block.part;
    Lanes<W> x = join<W>(exponents(part[0], now, rate), exponents(part[1], now, rate),
                         exponents(part[2], now, rate), exponents(part[3], now, rate));
    for (auto& v : x.v) v = v < 0.0F ? v : decltype(v - v){};  // a touch ahead of now: no decay
    return simd::exp(x);
}

template <int W>
ENGRAIN_INLINE Decayed<W> decay(const Block& block, double now, const TraceRule& rule) {
    const Four* part = block.part;
    const Lanes<W> factor_fast = factors<W>(block, now, rule.rate_fast);
    const Lanes<W> factor_slow =
        rule.rate_slow == rule.rate_fast ? factor_fast : factors<W>(block, now, rule.rate_slow);
    const Lanes<W> before = join<W>(part[0].fast, part[1].fast, part[2].fast, part[3].fast);
    const Lanes<W> slow = join<W>(part[0].slow, part[1].slow, part[2].slow, part[3].slow);
    Decayed<W> out{before * factor_fast, slow * factor_slow};
    if (rule.cascade != 0.0) {
        const float feed = float(rule.cascade / (rule.rate_fast - rule.rate_slow));
        out.slow = out.slow + Lanes<W>::splat(feed) * before * (factor_slow - factor_fast);
    }
    return out;
}

ENGRAIN_INLINE float mark(float value, float activity, const TraceRule& rule) {
    switch (rule.kind) {
        case TraceKind::replacing:
            return activity;
        case TraceKind::dutch:
            return (1.0F - rule.dutch) * value + activity;
        default:
            return value + activity;
    }
}

ENGRAIN_INLINE void mark(Trace& trace, float fast, float slow, float activity, double now,
                         const TraceRule& rule) {
    trace.fast = mark(fast, activity, rule);
    trace.slow = rule.cascade == 0.0 ? mark(slow, activity, rule) : slow;
    if (now > trace.last) trace.last = now;
}

template <int W>
ENGRAIN_INLINE void touch_traces_body(Trace* traces, const std::int64_t* handles,
                                      const float* activity, std::size_t n, double now,
                                      const TraceRule& rule) {
    for (std::size_t start = 0; start < n; start += 16) {
        const std::size_t count = n - start < 16 ? n - start : 16;
        Block block;
        block.load(traces, handles + start, count);
        const Decayed<W> decayed = decay<W>(block, now, rule);
        float fast[16], slow[16];
        decayed.fast.store(fast);
        decayed.slow.store(slow);
        for (std::size_t i = 0; i < count; ++i) {
            Trace& trace = traces[handles[start + i]];
            // A handle that came earlier in this block is up to date already.
            const bool fresh = trace.last >= now;
            mark(trace, fresh ? trace.fast : fast[i], fresh ? trace.slow : slow[i],
                 activity[start + i], now, rule);
        }
    }
}

template <int W>
ENGRAIN_INLINE void read_traces_body(const Trace* traces, const std::int64_t* handles,
                                     std::size_t n, double now, const TraceRule& rule, float scale,
                                     float* out) {
    const Lanes<W> mix_fast = Lanes<W>::splat(rule.mix), mix_slow = Lanes<W>::splat(1 - rule.mix);
    for (std::size_t start = 0; start < n; start += 16) {
        const std::size_t count = n - start < 16 ? n - start : 16;
        Block block;
        if (handles == nullptr && count == 16)
            block.load(traces + start);
        else if (handles == nullptr)
            block.load(traces + start, nullptr, count);
        else
            block.load(traces, handles + start, count);
        const Decayed<W> decayed = decay<W>(block, now, rule);
        const Lanes<W> e =
            (mix_fast * decayed.fast + mix_slow * decayed.slow) * Lanes<W>::splat(scale);
        if (count == 16)
            e.store(out + start);
        else
            e.store_partial(out + start, count);
    }
}

template <int W>
ENGRAIN_INLINE void step_traces_body(float* __restrict fast, float* __restrict slow,
                                     float* __restrict weights, std::size_t n, float decay_fast,
                                     float decay_slow, float mix, float reward) {
    // What has faded below this is 0: arithmetic on denormals takes many times as long.
    constexpr float faintest = 1e-30F;
    const float rest = 1.0F - mix;
    for (std::size_t i = 0; i < n; ++i) {
        const float a = fast[i] * decay_fast, b = slow[i] * decay_slow;
        fast[i] = std::fabs(a) > faintest ? a : 0.0F;
        slow[i] = std::fabs(b) > faintest ? b : 0.0F;
        weights[i] += reward * (mix * fast[i] + rest * slow[i]);
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, touch_traces,
                 (Trace * traces, const std::int64_t* handles, const float* activity, std::size_t n,
                  double now, const TraceRule& rule),
                 (traces, handles, activity, n, now, rule))

ENGRAIN_DISPATCH(void, read_traces,
                 (const Trace* traces, const std::int64_t* handles, std::size_t n, double now,
                  const TraceRule& rule, float scale, float* out),
                 (traces, handles, n, now, rule, scale, out))

ENGRAIN_DISPATCH(void, step_traces,
                 (float* fast, float* slow, float* weights, std::size_t n, float decay_fast,
                  float decay_slow, float mix, float reward),
                 (fast, slow, weights, n, decay_fast, decay_slow, mix, reward))

}  // namespace engrain

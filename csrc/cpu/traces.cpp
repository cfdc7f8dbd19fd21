#include "engrain/traces.hpp"

#include <cstring>

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Sixteen traces decayed to one time; entries past n are 0.
template <int W>
struct Decayed {
    Lanes<W> fast, slow;
};

// The lanes of n traces, read one behind the other or by handle; lanes past n are 0.
struct Block {
    float value[32] = {};  // fast, slow, fast, slow, ...
    double last[16] = {};

    ENGRAIN_INLINE void load(const Trace* traces, const std::int64_t* handles, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            const Trace& trace = handles ? traces[handles[i]] : traces[i];
            std::memcpy(value + 2 * i, &trace, 2 * sizeof(float));
            last[i] = trace.last;
        }
    }
};

template <int W>
ENGRAIN_INLINE Lanes<W> factors(const double* elapsed, double rate) {
    float exponent[16];
    for (int i = 0; i < 16; ++i) exponent[i] = float(elapsed[i] * -rate);
    return simd::exp(Lanes<W>::load(exponent));
}

template <int W>
ENGRAIN_INLINE Decayed<W> decay(const Block& block, double now, const TraceRule& rule) {
    float fast[16], slow[16];
    double elapsed[16];
    for (int i = 0; i < 16; ++i) {
        fast[i] = block.value[2 * i];
        slow[i] = block.value[2 * i + 1];
        const double since = now - block.last[i];
        elapsed[i] = since > 0.0 ? since : 0.0;
    }
    const Lanes<W> factor_fast = factors<W>(elapsed, rule.rate_fast);
    const Lanes<W> factor_slow =
        rule.rate_slow == rule.rate_fast ? factor_fast : factors<W>(elapsed, rule.rate_slow);
    const Lanes<W> before = Lanes<W>::load(fast);
    Decayed<W> out{before * factor_fast, Lanes<W>::load(slow) * factor_slow};
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
        if (handles)
            block.load(traces, handles + start, count);
        else
            block.load(traces + start, nullptr, count);
        const Decayed<W> decayed = decay<W>(block, now, rule);
        const Lanes<W> e =
            (mix_fast * decayed.fast + mix_slow * decayed.slow) * Lanes<W>::splat(scale);
        e.store_partial(out + start, count);
    }
}

template <int W>
ENGRAIN_INLINE void step_traces_body(float* __restrict fast, float* __restrict slow,
                                     float* __restrict weights, std::size_t n, float decay_fast,
                                     float decay_slow, float mix, float reward) {
    const float rest = 1.0F - mix;
    for (std::size_t i = 0; i < n; ++i) {
        fast[i] *= decay_fast;
        slow[i] *= decay_slow;
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

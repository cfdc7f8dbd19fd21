// Eligibility traces on two time scales with lazy decay: a trace stores its value as of the last
// time it was touched, so a request costs what it touches, never what is stored.
//
//   fast(t) = fast(t0) exp(-(t - t0) / tau_fast), slow alike; e = mix fast + (1 - mix) slow.
//   With cascade k > 0 the fast trace feeds the slow one: slow' = -slow / tau_slow + k fast.
//
// Sutton & Barto (2018), ch. 12 (accumulating, replacing, dutch); Frey & Morris (1997) for the
// tag that is captured by a slower process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

struct Trace {
    float fast, slow;
    double last;  // seconds
};

enum class TraceKind : int { accumulating = 0, replacing = 1, dutch = 2 };

struct TraceRule {
    TraceKind kind;
    float dutch;  // step size of the dutch trace: e <- (1 - dutch) e + activity
    float mix;
    double rate_fast, rate_slow;  // 1 / tau, per second
    double cascade;               // per second; 0: both traces receive the activity
};

// Touch traces[handles[i]] with activity[i] at time now, in order. A trace whose last is later
// than now does not decay and keeps its last. Handles are in range and may repeat.
void touch_traces(Trace* traces, const std::int64_t* handles, const float* activity, std::size_t n,
                  double now, const TraceRule& rule) noexcept;

// out[i] = scale * e(now) of traces[handles[i]]; with handles == nullptr of traces[i]. Reads only.
void read_traces(const Trace* traces, const std::int64_t* handles, std::size_t n, double now,
                 const TraceRule& rule, float scale, float* out) noexcept;

// The dense step: fast *= decay_fast, slow *= decay_slow, then
// weights += reward (mix fast + (1 - mix) slow). No aliasing.
void step_traces(float* fast, float* slow, float* weights, std::size_t n, float decay_fast,
                 float decay_slow, float mix, float reward) noexcept;

}  // namespace engrain

#include "engrain/modulators.hpp"

#include <cmath>

#include "engrain/dot.hpp"
#include "engrain/simd.hpp"

namespace engrain {
namespace {

double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

Mode next_mode(Mode mode, double level) {
    if (level >= (mode == Mode::encoding ? 0.6 : 0.7)) return Mode::encoding;
    if (level <= (mode == Mode::retrieval ? 0.4 : 0.3)) return Mode::retrieval;
    return Mode::balanced;
}

double boost_of(Mode mode, const ModulatorRule& rule) {
    if (mode == Mode::encoding) return rule.encoding;
    return mode == Mode::retrieval ? rule.retrieval : rule.balanced;
}

// Patience grows with mood: Doya (2002).
void set_serotonin(Modulators& state, const ModulatorRule& rule) {
    const double distance = state.mood > 0.5 ? state.mood - 0.5 : 0.5 - state.mood;
    state.serotonin = rule.discounting ? 1.0 : 1.0 - distance;
    state.discount = 0.9 + 0.1 * state.mood;
}

void set_gate(Modulators& state, const ModulatorRule& rule) {
    const double product = state.boost * state.norepinephrine * state.serotonin;
    state.gate = product < rule.cap ? product : rule.cap;
}

template <int W>
ENGRAIN_INLINE void fade_and_add_body(float* __restrict direction, const float* __restrict query,
                                      std::size_t dim, float memory, float scale) {
    for (std::size_t i = 0; i < dim; ++i) direction[i] = memory * direction[i] + scale * query[i];
}

ENGRAIN_DISPATCH(void, fade_and_add,
                 (float* direction, const float* query, std::size_t dim, float memory, float scale),
                 (direction, query, dim, memory, scale))

template <int W>
ENGRAIN_INLINE float inner_body(const float* a, const float* b, std::size_t n) {
    return dot<W>(a, b, n);
}

ENGRAIN_DISPATCH(float, inner, (const float* a, const float* b, std::size_t n), (a, b, n))

}  // namespace

Modulators initial_modulators(const ModulatorRule& rule) noexcept {
    Modulators state{};
    state.norepinephrine = clip(rule.arousal, 0.5, 2.0);
    state.acetylcholine = rule.acetylcholine;
    state.mode = next_mode(Mode::balanced, state.acetylcholine);
    state.boost = boost_of(state.mode, rule);
    state.mood = rule.mood;
    set_serotonin(state, rule);
    set_gate(state, rule);
    return state;
}

double observe_novelty(Modulators& state, const ModulatorRule& rule, float* direction,
                       const float* query, std::size_t dim) noexcept {
    const double square = inner(query, query, dim);
    if (!(square > 0.0)) return 0.0;
    const double length = std::sqrt(square);
    const double cosine =
        state.seen > 0.0 ? double(inner(query, direction, dim)) / (length * state.seen) : 0.0;
    fade_and_add(direction, query, dim, float(rule.novelty_memory), float(1.0 / length));
    state.seen = rule.novelty_memory * state.seen + 1.0;
    return clip(1.0 - cosine, 0.0, 1.0);
}

double modulate_query(Modulators& state, const ModulatorRule& rule, double novelty, double encode,
                      double retrieve, int forced) noexcept {
    const double faded = rule.phasic_memory * state.phasic;
    state.novelty = novelty;
    state.phasic = novelty > faded ? novelty : faded;
    state.norepinephrine =
        clip(rule.arousal + rule.novelty_gain * novelty * state.phasic, 0.5, 2.0);
    const double target = clip(rule.acetylcholine + 0.4 * (encode - retrieve), 0.1, 0.9);
    state.acetylcholine += rule.acetylcholine_rate * (target - state.acetylcholine);
    state.mode = forced < 0 ? next_mode(state.mode, state.acetylcholine) : Mode(forced);
    state.boost = boost_of(state.mode, rule);
    ++state.queries;
    set_gate(state, rule);
    return state.gate;
}

void modulate_outcome(Modulators& state, const ModulatorRule& rule, const float* outcomes,
                      const float* expected, const float* eligibility, std::size_t n,
                      double session, float* signals) noexcept {
    double error_sum = 0.0, outcome_sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double error = clip(double(outcomes[i]) - expected[i], -1.0, 1.0);
        signals[i] = float(state.gate * error * eligibility[i]);
        error_sum += error;
        outcome_sum += outcomes[i];
    }
    const bool told = session == session;
    if (n == 0 && !told) return;
    if (n > 0) state.dopamine = error_sum / double(n);
    const double felt = told ? session : outcome_sum / double(n);
    state.mood = clip(state.mood + rule.mood_rate * (felt - state.mood), 0.0, 1.0);
    ++state.outcomes;
    set_serotonin(state, rule);
    set_gate(state, rule);
}

}  // namespace engrain

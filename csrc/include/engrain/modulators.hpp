// Five neuromodulators in one struct, one call per phase of a request.
//
//   NE   gain = clip(arousal + 1.5 novelty phasic, .5, 2), phasic = max(novelty, .7 phasic)
//   ACh  level <- level + rate (clip(baseline + .4 (encode - retrieve), .1, .9) - level);
//        encoding at >= .7 (until < .6): boost 2, retrieval at <= .3 (until > .4): 1.2, else 1
//   5-HT factor = 1 - |mood - .5|, mood <- mood + rate (outcome - mood); discount = .9 + .1 mood
//   DA   delta_i = clip(outcome_i - expected_i, -1, 1), signed
//   GABA inhibition.hpp
//   gate = boost * gain * factor, in [.25, 4], at most cap
// Aston-Jones & Cohen (2005), Hasselmo (2006), Doya (2002), Schultz (1998).
#pragma once

#include <cstddef>
#include <cstdint>

namespace engrain {

struct ModulatorRule {
    double arousal, novelty_gain, novelty_memory, phasic_memory;
    double acetylcholine, acetylcholine_rate, encoding, retrieval, balanced;
    double mood, mood_rate;
    double cap;
    bool discounting;  // serotonin sets the discount and leaves the gate alone
};

enum class Mode : int { balanced = 0, encoding = 1, retrieval = 2 };

struct Modulators {
    double novelty, phasic, norepinephrine;
    double acetylcholine, boost;
    double mood, serotonin, discount;
    double dopamine;    // mean signed error of the last outcome
    double inhibition;  // share silenced at the last retrieval
    double gate;
    double seen;  // weight of the directions summed so far
    std::int64_t queries, outcomes;
    Mode mode;
};

Modulators initial_modulators(const ModulatorRule& rule) noexcept;

// 1 - mean cosine of the query with those before it, which fade by novelty_memory per query; 1 for
// the first. Adds the query's direction to `direction` (dim floats). A zero query counts as known.
double observe_novelty(Modulators& state, const ModulatorRule& rule, float* direction,
                       const float* query, std::size_t dim) noexcept;

// The query phase: demands in [0, 1]; forced < 0, or the Mode that the caller knows it is in.
// Returns the gate.
double modulate_query(Modulators& state, const ModulatorRule& rule, double novelty, double encode,
                      double retrieve, int forced) noexcept;

// The outcome phase: signals[i] = gate * clip(outcomes[i] - expected[i], -1, 1) * eligibility[i].
// mood follows `session` (the mean outcome where it is NaN). Nothing changes where n == 0 and
// session is NaN.
void modulate_outcome(Modulators& state, const ModulatorRule& rule, const float* outcomes,
                      const float* expected, const float* eligibility, std::size_t n,
                      double session, float* signals) noexcept;

}  // namespace engrain

// Values, modulators, inhibition, sum tree and scorer: equal at every level, sound at every size.
#include <cmath>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "engrain/inhibition.hpp"
#include "engrain/modulators.hpp"
#include "engrain/scorer.hpp"
#include "engrain/simd.hpp"
#include "engrain/sum_tree.hpp"
#include "engrain/value.hpp"

using namespace engrain;
using simd::Level;

namespace {

std::vector<float> wave(std::size_t n, float step) {
    std::vector<float> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = std::sin(step * float(i + 1));
    return out;
}

// Runs `compute` at every level; its result must not change by a bit.
template <class F>
void at_every_level(F compute) {
    std::vector<float> first;
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        const std::vector<float> result = compute();
        if (level == Level::baseline) first = result;
        CHECK(result.size() == first.size());
        CHECK(result.empty() ||
              std::memcmp(result.data(), first.data(), first.size() * sizeof(float)) == 0);
    }
}

std::vector<float> run_values(std::size_t n) {
    std::vector<float> values = wave(n + 1, 0.3F), traces(n + 1), errors(n), carry(1);
    std::vector<std::int64_t> states(n), next(n);
    for (std::size_t i = 0; i < n; ++i) {
        states[i] = std::int64_t(i);
        next[i] = i % 5 == 4 ? -1 : std::int64_t(i + 1);
    }
    const TdRule rule{TdKind::true_online, 0.1F, 0.9F, 0.8F};
    td_lambda(values.data(), traces.data(), carry.data(), n + 1, states.data(), next.data(),
              wave(n, 0.7F).data(), n, rule, errors.data());
    return values;
}

std::vector<float> run_inhibition(std::size_t n) {
    std::vector<float> scores = wave(n, 0.9F), scratch(2 * n), similarity(n * n);
    for (std::size_t i = 0; i < n * n; ++i) similarity[i] = std::cos(float(i / n) - float(i % n));
    inhibit(scores.data(), similarity.data(), n, {0.5F, 0.2F, 0.1F, 5}, scratch.data());
    return scores;
}

std::vector<float> run_scorer(std::size_t n) {
    const std::size_t size = scorer_parameters(4);
    std::vector<float> p = wave(size, 0.11F), x = wave(4 * n, 0.5F), logits(n), g(size), m(size),
                       v(size);
    score_features(p.data(), x.data(), n, 4, logits.data());
    backpropagate(p.data(), x.data(), logits.data(), n, 4, g.data());
    adam_step(p.data(), g.data(), m.data(), v.data(), size, {1e-3F, 0.9F, 0.999F, 1e-8F, 0.01F}, 3);
    sgd_step(p.data(), g.data(), size, 1e-4F);
    return p;
}

std::vector<float> run_modulators(std::size_t n) {
    const ModulatorRule rule{0.5, 1.5, 0.95, 0.7, 0.5, 0.5, 2.0, 1.2, 1.0, 0.5, 0.1, 4.0, false};
    Modulators state = initial_modulators(rule);
    std::vector<float> direction(n), query = wave(n, 0.4F), signals(n), ones(n, 1.0F);
    for (int i = 0; i < 5; ++i) {
        const double novelty =
            observe_novelty(state, rule, direction.data(), query.data(), query.size());
        CHECK(novelty >= 0.0 && novelty <= 1.0);
        const double gate = modulate_query(state, rule, novelty, 0.5, 0.1, -1);
        CHECK(gate >= 0.25 && gate <= 4.0);
        modulate_outcome(state, rule, query.data(), ones.data(), ones.data(), n, 0.5,
                         signals.data());
    }
    signals.push_back(float(state.gate));
    return signals;
}

void marks_stay_within_their_cap() {
    std::vector<Valued> items(100, Valued{0.5F, 0, -1, 0});
    std::vector<float> trace(8), errors(1);
    std::vector<std::int64_t> active(8);
    ValueTableView view{items.data(), active.data(), trace.data(), 100, 0, 8, 0};
    const TdRule rule{TdKind::accumulating, 0.1F, 0.95F, 0.9F};
    for (std::int64_t i = 0; i < 1000; ++i) {
        const std::int64_t handle = (i * 37) % 100;
        const float outcome = float(i % 3) / 2.0F;
        learn_table(view, &handle, &outcome, 1, rule, errors.data());
        CHECK(view.used <= 8);
        CHECK(items[handle].position >= 0 && view.active[items[handle].position] == handle);
        if (i % 7 == 0) credit_table(view, errors[0], rule);
        for (const Valued& v : items) CHECK(v.value >= 0.0F && v.value <= 1.0F);
    }
    for (int i = 0; i < 200; ++i) credit_table(view, 0.0F, rule);
    CHECK(view.used == 0);
}

void samples_have_mass() {
    for (std::size_t size : {1, 2, 7, 8, 9, 1003}) {
        std::size_t leaves = 2;
        while (leaves < size) leaves *= 2;
        std::vector<double> sum(2 * leaves);
        SumTreeView view{sum.data(), leaves};
        std::vector<std::int64_t> items(size), drawn(77);
        std::vector<float> priorities(size), weights(77);
        for (std::size_t i = 0; i < size; ++i) {
            items[i] = std::int64_t(i);
            priorities[i] = i % 3 == 1 ? 0.0F : float(i + 1);
        }
        update_priorities(view, items.data(), priorities.data(), size, 0.6);
        std::uint64_t random = 1;
        sample_priorities(view, random, size, 0.4, 77, drawn.data(), weights.data());
        for (std::size_t i = 0; i < 77; ++i) {
            CHECK(drawn[i] >= 0 && std::size_t(drawn[i]) < size && drawn[i] % 3 != 1);
            CHECK(weights[i] > 0.0F && weights[i] <= 1.0F);
        }
    }
}

}  // namespace

int main() {
    for (std::size_t n : {0, 1, 7, 8, 9, 15, 16, 17, 303}) {
        at_every_level([n] { return run_values(n); });
        at_every_level([n] { return run_inhibition(n); });
        at_every_level([n] { return run_scorer(n); });
        at_every_level([n] { return run_modulators(n); });
    }
    marks_stay_within_their_cap();
    samples_have_mass();
    return 0;
}

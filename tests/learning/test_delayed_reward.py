"""A bandit whose reward comes late: each of the three factors is needed."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from engrain.base.ids import Id
from engrain.learning.neuromodulators import NeuromodulatorOrchestra
from tests.strategies import normal

Rule = Literal["three factors", "reward only", "eligibility only"]
CHANCES = (0.2, 0.3, 0.4, 0.5, 0.8)


def play(rule: Rule, seed: int, trials: int = 300) -> float:
    """Return the mean reward of the second half of the trials.

    One of five memories is chosen; three unrelated ones are active before the reward comes. Without
    eligibility the reward goes to what was active last, without reward each trace counts alike.
    """
    rng = np.random.default_rng(seed)
    orchestra = NeuromodulatorOrchestra()
    weights, rewards = np.zeros(5), []
    for trial in range(trials):
        chosen = int(rng.integers(5))
        if rng.random() > 0.1:
            chosen = int(rng.choice(np.flatnonzero(weights == weights.max())))
        orchestra.process_query(normal(trial, 8))
        active: list[Id] = [chosen, *(f"other{n}" for n in rng.integers(0, 20, 3))]
        for name in active:
            orchestra.process_retrieval([name], [1.0])
            orchestra.step(5.0)
        reward = float(rng.random() < CHANCES[chosen])
        rewards.append(reward)
        judged = active[-1:] if rule == "reward only" else active
        trace = orchestra.eligibility.get_trace(chosen)
        signal = orchestra.process_outcome(dict.fromkeys(judged, reward)).get(chosen, 0.0)
        if rule == "eligibility only":
            signal = orchestra.gate * trace
        weights[chosen] += 0.3 * signal
        orchestra.step(60.0)
    return float(np.mean(rewards[trials // 2 :]))


def test_three_factors_win_over_each_one_left_out() -> None:
    rules: tuple[Rule, ...] = ("three factors", "reward only", "eligibility only")
    means = {rule: np.array([play(rule, seed) for seed in range(20)]) for rule in rules}
    for rule in rules[1:]:
        gain = means["three factors"] - means[rule]
        half = stats.t.ppf(0.975, 19) * gain.std(ddof=1) / np.sqrt(20)
        print(f"three factors over {rule}: {gain.mean():+.3f} ± {half:.3f}")
        assert gain.mean() - half > 0
    print({rule: round(float(values.mean()), 3) for rule, values in means.items()})

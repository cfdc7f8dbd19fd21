from __future__ import annotations

import math

import numpy as np
import pytest

from engrain.learning.cold_start import PopulationPrior, PopulationWeights


def log_loss(rate: float, outcome: bool) -> float:
    rate = min(max(rate, 1e-6), 1 - 1e-6)
    return -math.log(rate if outcome else 1 - rate)


def test_the_prior_lowers_the_loss_of_a_newcomers_first_outcomes() -> None:
    gains = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        trials = rng.integers(20, 200, 50)
        prior = PopulationPrior().fit(rng.binomial(trials, rng.beta(8, 3, 50)), trials)
        flat, rate, successes = PopulationPrior(), rng.beta(8, 3), 0
        loss = np.zeros(2)
        for n in range(20):
            outcome = bool(rng.random() < rate)
            loss += [log_loss(p.estimate(successes, n), outcome) for p in (flat, prior)]
            successes += outcome
        gains.append((loss[0] - loss[1]) / 20)
    mean, error = np.mean(gains), np.std(gains, ddof=1) / np.sqrt(20)
    print(f"log-loss of the first 20 outcomes: lower by {mean:.4f} ± {1.96 * error:.4f}")
    assert mean - 1.96 * error > 0


def test_the_fit_recovers_the_population() -> None:
    rng = np.random.default_rng(1)
    trials = np.full(3000, 50)
    prior = PopulationPrior().fit(rng.binomial(trials, rng.beta(6, 4, 3000)), trials)
    assert prior.mean == pytest.approx(0.6, abs=0.01)
    assert prior.strength == pytest.approx(10.0, rel=0.15)
    assert prior.rate(0) == 1.0
    assert prior.estimate(30, 40) == pytest.approx((30 + 6) / 50, abs=0.02)


def test_without_a_population_nothing_is_assumed() -> None:
    prior = PopulationPrior()
    assert prior.fit([3], [5]).state() == {"mean": 0.5, "strength": 2.0}
    other = PopulationPrior()
    other.load({"mean": 0.25, "strength": 4.0})
    assert other.estimate(0, 0) == 0.25
    weights = PopulationWeights(2).fit([[1.0, 2.0]], [[0.1, 0.1]])
    np.testing.assert_array_equal(weights.shrink([3.0, 4.0], [1.0, 1.0]), [3.0, 4.0])


def test_shrunken_weights_err_less_than_own_ones() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal([1.0, -2.0], [0.3, 2.0], (400, 2))
    error = np.full((400, 2), 1.0)
    seen = true + rng.standard_normal((400, 2))
    prior = PopulationWeights(2).fit(seen, error)
    shrunk = np.array([prior.shrink(w, e) for w, e in zip(seen, error, strict=True)])
    own, better = ((seen - true) ** 2).mean(axis=0), ((shrunk - true) ** 2).mean(axis=0)
    assert better[0] < 0.3 * own[0]
    assert better[1] < own[1]


def test_bad_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="counts"):
        PopulationPrior().fit([3, 1], [2, 2])
    with pytest.raises(ValueError, match="one length"):
        PopulationPrior().fit([1], [1, 2])
    with pytest.raises(ValueError, match="prior"):
        PopulationPrior(mean=1.0)
    with pytest.raises(ValueError, match="errors"):
        PopulationWeights(2).fit([[1.0]], [[1.0]])

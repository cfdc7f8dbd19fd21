from __future__ import annotations

import numpy as np
import pytest

from engrain.policy.calibration_experts import START, FixedShare, OnlineLogistic, Rate


def test_the_rate_is_the_share_of_late_successes() -> None:
    rate, x = Rate(memory=50.0), np.ones(1)
    assert rate.predict(x) == pytest.approx(START)
    for success in [True] * 300 + [False] * 300:
        rate.update(x, success)
    assert rate.predict(x) < 0.01


def test_a_regression_finds_the_weights_that_made_the_outcomes() -> None:
    rng, expert = np.random.default_rng(0), OnlineLogistic(3, 1.0, memory=1e6)
    true = np.array([1.5, -1.0, 0.0, 0.5])
    for _ in range(4000):
        x = np.append(rng.standard_normal(3), 1.0)
        expert.update(x, bool(rng.random() < 1 / (1 + np.exp(-true @ x))))
    np.testing.assert_allclose(expert.state()["weights"], true, atol=0.15)


def test_certainty_fades_but_never_below_the_prior() -> None:
    expert = OnlineLogistic(2, 4.0, memory=20.0)
    prior = np.diag(expert.state()["covariance"])
    for number in range(300):
        expert.update(np.array([float(number % 2), 0.0, 1.0]), number % 3 == 0)
    spread = np.diag(expert.state()["covariance"])
    assert (spread <= prior + 1e-12).all()
    assert spread[1] == pytest.approx(prior[1])
    assert spread[0] < prior[0]


def test_states_restore_bit_for_bit() -> None:
    x = np.array([0.5, 1.0])
    for one, other in ((Rate(), Rate()), (OnlineLogistic(1, 1.0), OnlineLogistic(1, 1.0))):
        one.update(x, True)
        other.load(one.state())
        assert other.predict(x) == one.predict(x)


def test_the_mixture_follows_whoever_is_right_and_turns_with_the_times() -> None:
    mix = FixedShare([0.5, 0.25, 0.25])
    opinions = np.array([0.5, 0.9, 0.1])
    assert mix.predict(opinions) == 0.5
    for _ in range(200):
        mix.update(opinions, success=True)
    assert mix.predict(opinions) > 0.88
    for _ in range(20):
        mix.update(opinions, success=False)
    assert mix.predict(opinions) < 0.15
    assert np.isclose(mix.weights.sum(), 1.0)


def test_the_mixture_loses_little_to_the_best_expert() -> None:
    rng = np.random.default_rng(0)
    mix, losses = FixedShare(np.full(4, 0.25), share=0.0), np.zeros(5)
    for _ in range(500):
        opinions = np.append(rng.uniform(0.05, 0.95, 3), 0.7)
        success = bool(rng.random() < 0.7)
        said = np.append(opinions, mix.predict(opinions))
        losses -= np.log(said if success else 1.0 - said)
        mix.update(opinions, success)
    # By Bayes' rule no more than the price of its prior, 1/4.
    assert losses[4] <= losses[:4].min() + np.log(4) + 1e-9

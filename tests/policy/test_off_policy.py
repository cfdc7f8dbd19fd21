from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.policy.off_policy import LoggedDecisions, cross_fit_rewards, evaluate_policy

METHODS = ("ips", "snips", "dm", "dr", "switch_dr")


def world(seed: int, n: int = 2000) -> tuple[F64Array, F64Array, F64Array]:
    """Return contexts, expected rewards of 3 actions, and a logging policy that favours some."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    expected = 1 / (1 + np.exp(-x @ rng.standard_normal((4, 3))))
    logits = x @ rng.standard_normal((4, 3))
    logging = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return x, expected, 0.8 * logging + 0.2 / 3


def log_of(seed: int, expected: F64Array, logging: F64Array) -> LoggedDecisions:
    rng = np.random.default_rng(seed)
    actions = (rng.random((len(logging), 1)) > logging.cumsum(1)).sum(1).clip(max=2)
    rows = np.arange(len(actions))
    rewards = (rng.random(len(actions)) < expected[rows, actions]).astype(float)
    return LoggedDecisions(actions, rewards, logging[rows, actions])


def test_estimates_are_unbiased_and_intervals_cover_the_truth() -> None:
    x, expected, logging = world(1)
    policy = np.zeros_like(expected)
    policy[np.arange(len(policy)), x[:, :3].argmax(1)] = 1.0
    truth = float((policy * expected).sum(1).mean())
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    covered = dict.fromkeys(METHODS, 0)
    for seed in range(100):
        logged = log_of(seed, expected, logging)
        found = evaluate_policy(logged, policy, cross_fit_rewards(x, logged, 3))
        for name, estimate in found.items():
            errors[name].append(estimate.value - truth)
            covered[name] += estimate.low <= truth <= estimate.high
    for name in ("ips", "snips", "dr"):
        assert abs(np.mean(errors[name])) < 0.008
        assert covered[name] >= 90
    assert np.std(errors["dr"]) < np.std(errors["ips"])


def test_the_formulas_by_hand() -> None:
    logged = LoggedDecisions([0, 1], [1.0, 0.5], [0.5, 0.25])  # type: ignore[arg-type]
    policy = [[0.25, 0.75], [0.0, 1.0]]
    q = [[0.5, 1.0], [0.0, 1.0]]
    found = evaluate_policy(logged, policy, q, threshold=1.0)
    assert found["ips"].value == pytest.approx((0.5 * 1 + 4 * 0.5) / 2)
    assert found["snips"].value == pytest.approx(2.5 / 4.5)
    assert found["dm"].value == pytest.approx((0.875 + 1.0) / 2)
    assert found["dr"].value == pytest.approx((0.875 + 0.5 * 0.5 + 1.0 + 4 * (0.5 - 1)) / 2)
    assert found["switch_dr"].value == pytest.approx((0.875 + 0.5 * 0.5 + 1.0) / 2)
    assert found["ips"].effective == pytest.approx(4.5**2 / (0.25 + 16))
    assert set(evaluate_policy(logged, policy)) == {"ips", "snips"}


def test_on_its_own_log_a_policy_earns_the_mean() -> None:
    _, expected, logging = world(3)
    logged = log_of(3, expected, logging)
    found = evaluate_policy(logged, logging)
    assert found["ips"].value == pytest.approx(logged.rewards.mean(), rel=1e-12)


def campaign(data: Path, name: str) -> tuple[Any, ...]:
    """Return item, position, click and propensity of each logged impression."""
    with gzip.open(data / "bandit_obd_men" / f"{name}.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    keys = ("item_id", "position", "click", "propensity_score")
    return tuple(np.array([float(row[key]) for row in rows]) for key in keys)


def test_a_uniform_log_tells_what_thompson_sampling_earned(data: Path) -> None:
    item, position, click, propensity = campaign(data, "random")
    other_item, other_position, other_click, other_propensity = campaign(data, "bts")
    chance = np.zeros((4, 34))
    for place in (1, 2, 3):
        for arm in range(34):
            mine = (other_position == place) & (other_item == arm)
            chance[place, arm] = other_propensity[mine].mean() if mine.any() else 0.0
    chance /= np.maximum(chance.sum(1, keepdims=True), 1e-12)
    logged = LoggedDecisions(item.astype(int), click, propensity)
    found = evaluate_policy(logged, chance[position.astype(int)])
    truth = float(other_click.mean())
    for name in ("ips", "snips"):
        assert found[name].low <= truth <= found[name].high
    assert found["snips"].effective < len(item)


def test_bad_logs_are_refused() -> None:
    with pytest.raises(ShapeError):
        LoggedDecisions([0, 1], [1.0], [0.5, 0.5])  # type: ignore[arg-type]
    with pytest.raises(NonFiniteError):
        LoggedDecisions([0], [np.nan], [0.5])  # type: ignore[arg-type]
    for propensity in (0.0, -1.0, 1.1, np.nan):
        with pytest.raises(ConfigError):
            LoggedDecisions([0], [1.0], [propensity])  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        LoggedDecisions([0.5], [1.0], [0.5])  # type: ignore[arg-type]
    logged = LoggedDecisions([0, 1], [1.0, 0.0], [0.5, 0.5])  # type: ignore[arg-type]
    with pytest.raises(ShapeError):
        evaluate_policy(logged, [[1.0]])
    with pytest.raises(ConfigError):
        evaluate_policy(logged, [[1.0, 1.0], [0.0, 1.0]])
    with pytest.raises(ShapeError):
        evaluate_policy(logged, [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0]])
    with pytest.raises(ConfigError):
        evaluate_policy(logged, [[1.0, 0.0], [0.0, 1.0]], level=1.0)
    with pytest.raises(ConfigError):
        cross_fit_rewards(np.ones((2, 1)), logged, 1)
    with pytest.raises(ShapeError):
        cross_fit_rewards(np.ones((3, 1)), logged, 2)

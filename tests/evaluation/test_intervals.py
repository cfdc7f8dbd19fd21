from __future__ import annotations

import numpy as np
import pytest

from engrain.evaluation.intervals import bootstrap_interval, bootstrap_intervals, clustered_interval


def test_the_interval_has_the_width_theory_gives_it() -> None:
    values = np.random.default_rng(1).normal(0.3, 1.0, 900)
    interval = bootstrap_interval(values)
    assert interval is not None
    low, high = interval
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_intervals_cover_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(2)
    found = [bootstrap_interval(rng.exponential(1, 80), replicates=400) for _ in range(200)]
    covered = np.mean(
        [interval is not None and interval[0] <= 1 <= interval[1] for interval in found]
    )
    assert 0.88 <= covered <= 0.98


def test_same_seed_same_interval() -> None:
    values = np.random.default_rng(3).random(50)
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values, seed=4)
    assert bootstrap_interval(values, seed=4) != bootstrap_interval(values, seed=5)


def test_columns_are_resampled_by_the_same_draws() -> None:
    values = np.random.default_rng(6).normal(size=(70, 3))
    found = bootstrap_intervals(values, replicates=300)
    assert found[0] is not None
    for column, interval in zip(values.T, found, strict=True):
        assert interval == pytest.approx(bootstrap_interval(column, replicates=300))
    doubled = bootstrap_intervals(values * 2, replicates=300)[0]
    assert doubled == pytest.approx([2 * end for end in found[0]])
    assert bootstrap_intervals(values[:2]) == [None] * 3


def test_few_values_say_nothing() -> None:
    assert bootstrap_interval([]) is None
    assert bootstrap_interval([1.0, 2.0]) is None
    assert bootstrap_interval([1.0, 1.0, 1.0]) == (1.0, 1.0)
    assert clustered_interval([1.0, 2.0, 3.0], ["a", "b", "a"]) is None


def test_clusters_that_agree_within_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    level = rng.normal(0, 1, 12)
    clusters = np.repeat(np.arange(12), 30)
    values = level[clusters] + rng.normal(0, 0.1, 360)
    plain, clustered = bootstrap_interval(values), clustered_interval(values, clusters.tolist())
    assert plain is not None
    assert clustered is not None
    assert clustered[1] - clustered[0] > 3 * (plain[1] - plain[0])

from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.learning.causal_discovery import DiscreteStatistics, GaussianStatistics


def test_a_stream_has_the_moments_of_the_whole() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 4)) * [1, 10, 0.1, 1] + 1e4
    stream, parts = GaussianStatistics(4), [GaussianStatistics(4) for _ in range(2)]
    for row in rows:
        stream.update(row)
    parts[0].update(rows[:123])
    parts[1].update(rows[123:])
    parts[0].merge(parts[1])
    for statistics in (stream, parts[0]):
        assert statistics.count == 500
        np.testing.assert_allclose(statistics.covariance(), np.cov(rows.T), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(statistics.correlation(), np.corrcoef(rows.T), atol=1e-9)


def test_a_constant_correlates_with_nothing() -> None:
    statistics = GaussianStatistics(2)
    statistics.update(np.column_stack([np.arange(10.0), np.full(10, 3.0)]))
    np.testing.assert_array_equal(statistics.correlation(), np.eye(2))


def test_counts_agree_with_a_count_by_hand() -> None:
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.integers(0, n, 300) for n in (2, 3, 4)])
    statistics = DiscreteStatistics([2, 3, 4])
    for row in rows:
        statistics.update(row)
    table = statistics.table(0, 2, (1,))
    for given, layer in zip(np.unique(rows[:, 1]), table, strict=True):
        for i, j in np.ndindex(2, 4):
            wanted = (rows == [i, given, j]).all(axis=1).sum()
            assert layer[i, j] == wanted
    assert statistics.count == 300


def test_the_cap_forgets_the_state_seen_first() -> None:
    statistics = DiscreteStatistics([10], max_states=3)
    for value in (0, 0, 1, 2, 3):
        statistics.update([value])
    assert statistics.count == 3
    assert len(statistics.state()["states"]) == 3


def test_state_moves_to_another_object() -> None:
    rows = np.random.default_rng(2).integers(0, 3, (50, 2))
    for first, second in (
        (GaussianStatistics(2), GaussianStatistics(2)),
        (DiscreteStatistics([3, 3]), DiscreteStatistics([3, 3])),
    ):
        first.update(rows)
        second.load(first.state())
        first.update(rows[:7])
        second.update(rows[:7])
        for name, value in first.state().items():
            np.testing.assert_array_equal(second.state()[name], value)


def test_bad_rows_are_refused_before_anything_changes() -> None:
    real, discrete = GaussianStatistics(2), DiscreteStatistics([2, 2])
    for bad in (np.ones(1), np.array([np.nan, 1.0]), np.ones((1, 3))):
        with pytest.raises(ValueError, match="rows"):
            real.update(bad)
    for bad in np.array([[2, 0], [-1, 0], [0.5, 0]]):
        with pytest.raises(ValueError, match="rows"):
            discrete.update(bad)
    assert real.count == discrete.count == 0
    with pytest.raises(ConfigError):
        DiscreteStatistics([2] * 70)
    with pytest.raises(ValueError, match="merge"):
        real.merge(GaussianStatistics(3))

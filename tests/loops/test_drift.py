from __future__ import annotations

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops import DriftDetector

STREAMS, SIGNALS, RUNS = 18, 10_000, 20


def normal(seed: int, n: int, shift: float = 0.0) -> F64Array:
    """Return streams of which the first is shifted, with the heavier tails of real figures."""
    rng = np.random.default_rng(seed)
    rows: F64Array = rng.standard_t(8, (n, STREAMS)) / np.sqrt(8 / 6)
    rows[:, 0] += shift
    return rows


def test_at_most_one_false_alarm_in_ten_thousand_signals() -> None:
    alarms = []
    for seed in range(RUNS):
        detector = DriftDetector(STREAMS)
        detector.update(normal(seed, SIGNALS))
        alarms.append(detector.alarms)
    assert np.mean(alarms) <= 0.1


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_a_shift_by_half_a_deviation_in_one_stream_is_found_within_500_signals(
    shift: float,
) -> None:
    found = 0
    for seed in range(RUNS):
        detector = DriftDetector(STREAMS)
        assert not detector.update(normal(seed, 2_000))
        found += detector.update(normal(seed + RUNS, 500, shift))
    assert found / RUNS >= 0.9


def test_the_mean_of_relative_deviations_that_the_original_watched_is_blind_to_it() -> None:
    old, new = normal(0, 2_000), normal(1, 500, 0.5)
    mean, deviation = old.mean(0), old.std(0)
    averaged = np.abs((new - mean) / deviation).mean(axis=1)
    assert averaged.mean() < 2.0


def test_an_alarm_starts_a_new_normal() -> None:
    detector = DriftDetector(STREAMS)
    detector.update(normal(0, 1_000))
    assert detector.update(normal(1, 3_000, 2.0))
    assert detector.alarms == 1
    assert not detector.update(normal(2, 2_000, 2.0))
    assert detector.update(normal(3, 500))


def test_the_sums_are_those_of_the_recursion_in_whatever_batches_signals_come() -> None:
    whole, parted = DriftDetector(STREAMS), DriftDetector(STREAMS)
    rows = normal(5, 900)
    whole.update(rows)
    for part in np.array_split(rows, 7):
        parted.update(part)
    np.testing.assert_allclose(whole._sums, parted._sums, atol=1e-9)
    first = rows[:500]
    sums = np.zeros((2, STREAMS))
    for z in (rows[500:] - first.mean(0)) / first.std(0):
        sums = np.maximum(0.0, sums + np.clip(np.stack([z, -z]), -4.0, 4.0) - 0.25)
    np.testing.assert_allclose(whole._sums, sums, atol=1e-9)


def test_a_constant_stream_is_no_drift_and_a_jump_of_it_is() -> None:
    detector = DriftDetector(1)
    assert not detector.update(np.ones((1_000, 1)))
    assert detector.update(np.full((100, 1), 5.0))


def test_state_goes_on_bit_for_bit() -> None:
    detector, other = DriftDetector(STREAMS), DriftDetector(STREAMS)
    detector.update(normal(0, 700))
    other.load(detector.state())
    for each in (detector, other):
        each.update(normal(1, 300))
    for name, array in detector.state().items():
        np.testing.assert_array_equal(other.state()[name], array)


def test_bad_input_is_refused_and_changes_nothing() -> None:
    detector = DriftDetector(2)
    before = detector.state()
    with pytest.raises(ShapeError):
        detector.update(np.zeros((3, 1)))
    with pytest.raises(NonFiniteError):
        detector.update(np.full((3, 2), np.nan))
    with pytest.raises(ShapeError):
        detector.load(DriftDetector(3).state())
    with pytest.raises(ConfigError):
        DriftDetector(0)
    np.testing.assert_array_equal(detector.state()["counts"], before["counts"])

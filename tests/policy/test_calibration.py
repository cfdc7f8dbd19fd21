from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain import Memory
from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.base.protocols import Calibrator
from engrain.memory.confidence import recall_features, was_success
from engrain.policy.calibration import (
    Rate,
    RecallConfidence,
    StreamingBeta,
    StreamingPlatt,
    brier_score,
    calibration_error,
)


def sigmoid(x: Any) -> F64Array:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, np.float64))))


def overconfident(seed: int, n: int, slope: float = 2.5, shift: float = 1.0) -> tuple[Any, Any]:
    """Return probabilities that are too extreme and too high, and outcomes."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.0, 1.0, n)
    return sigmoid(slope * truth + shift), rng.random(n) < sigmoid(truth)


@pytest.mark.parametrize("kind", [StreamingPlatt, StreamingBeta])
@pytest.mark.parametrize("drift", [False, True])
def test_a_stream_is_calibrated_and_never_made_worse(
    kind: type[StreamingPlatt | StreamingBeta], drift: bool
) -> None:
    p, y = overconfident(1, 4000)
    if drift:
        late, z = overconfident(2, 4000, slope=0.5, shift=-1.5)
        p, y = np.concatenate([p, late]), np.concatenate([y, z])
    calibrator, found = kind(), []
    for probability, success in zip(p, y, strict=True):
        found.append(calibrator.predict(probability))
        calibrator.update(probability, bool(success))
    assert calibration_error(found, y) <= 0.03 < calibration_error(p, y)
    for part in np.array_split(np.arange(len(p)), 4):
        assert brier_score(np.array(found)[part], y[part]) <= brier_score(p[part], y[part])


@pytest.mark.parametrize("kind", [StreamingPlatt, StreamingBeta])
def test_a_map_starts_at_the_identity_and_keeps_what_is_calibrated(
    kind: type[StreamingPlatt | StreamingBeta],
) -> None:
    calibrator = kind()
    for p in (0.01, 0.3, 0.5, 0.99):
        assert calibrator.predict(p) == pytest.approx(p, abs=1e-12)
    p, y = overconfident(3, 3000, slope=1.0, shift=0.0)
    for probability, success in zip(p, y, strict=True):
        calibrator.update(probability, bool(success))
    for probability in (0.1, 0.5, 0.9):
        assert abs(calibrator.predict(probability) - probability) < 0.06


def recalls(seed: int, n: int, width: int = 20) -> tuple[F32Array, BoolArray]:
    """Return features of which two matter, and successes."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, width)).astype(np.float32)
    return x, rng.random(n) < sigmoid(1.0 + 1.5 * x[:, 0] - x[:, 7])


def run(x: F32Array, y: BoolArray) -> tuple[F64Array, F64Array]:
    """Return the stream's predictions, and those of the plain rate."""
    calibrator, rate = RecallConfidence(), Rate()
    found = np.empty((2, len(x)))
    for at, (features, success) in enumerate(zip(x, y, strict=True)):
        found[:, at] = calibrator.predict(features), rate.predict(features)
        calibrator.update(features, bool(success))
        rate.update(features, bool(success))
    return found[0], found[1]


def test_confidence_learns_what_makes_recalls_succeed() -> None:
    x, y = recalls(1, 1500)
    found, rate = run(x, y)
    assert calibration_error(found[200:], y[200:]) <= 0.03
    assert brier_score(found, y) < 0.85 * brier_score(rate, y)


def test_without_anything_to_learn_it_is_as_good_as_the_rate() -> None:
    x, _ = recalls(2, 1500)
    y = np.random.default_rng(5).random(1500) < 0.8
    found, rate = run(x, y)
    assert brier_score(found, y) <= brier_score(rate, y) + 0.003


def test_confidence_follows_drift() -> None:
    late: list[tuple[F64Array, BoolArray]] = []
    for seed in range(3, 7):
        x, y = recalls(seed, 3000)
        y[1500:] = np.random.default_rng(seed + 1).random(1500) < 0.3
        found, rate = run(x, y)
        assert brier_score(found, y) <= brier_score(rate, y)
        late.append((found[2200:], y[2200:]))
    p, y = (np.concatenate(part) for part in zip(*late, strict=True))
    assert calibration_error(p, y) <= 0.03


def test_state_restores_bit_for_bit() -> None:
    x, y = recalls(1, 60)
    one, other = RecallConfidence(), RecallConfidence()
    assert isinstance(one, Calibrator)
    for features, success in zip(x[:40], y, strict=False):
        one.update(features, bool(success))
    other.load(one.state())
    for features, success in zip(x[40:], y[40:], strict=True):
        assert one.predict(features) == other.predict(features)
        one.update(features, bool(success))
        other.update(features, bool(success))
    other.load(RecallConfidence().state())
    assert other.predict(x[0]) == RecallConfidence().predict(x[0])
    broken = one.state()
    del broken["mix"]
    with pytest.raises(SnapshotError):
        other.load(broken)


def test_the_error_is_zero_on_average_for_true_probabilities_and_sees_false_ones() -> None:
    rng = np.random.default_rng(0)
    for n, bound in ((300, 0.05), (20_000, 0.01)):
        p = rng.random((40, n))
        y = rng.random((40, n)) < p
        assert np.mean([calibration_error(a, b) for a, b in zip(p, y, strict=True)]) < bound
    y = rng.random(3000) < 0.6
    assert calibration_error(np.full(3000, 0.9), y) == pytest.approx(0.9 - y.mean(), abs=0.01)
    with pytest.raises(ShapeError):
        calibration_error([0.5], [True])


def test_questions_asked_in_several_streams_count_once() -> None:
    rng = np.random.default_rng(1)
    plain, grouped = [], []
    for _ in range(30):
        truth = rng.uniform(0.7, 1.0, 200)
        came = rng.random(200) < truth
        question = np.tile(np.arange(200), 10)
        plain.append(calibration_error(truth[question], came[question]))
        grouped.append(calibration_error(truth[question], came[question], groups=question))
    assert np.mean(grouped) < 0.5 * np.mean(plain)
    low = calibration_error(truth[question] - 0.2, came[question], groups=question)
    assert low == pytest.approx(0.2, abs=0.05)
    with pytest.raises(ShapeError, match="groups"):
        calibration_error([0.5, 0.5], [True, False], groups=[1])


@given(st.lists(st.floats(0, 1, width=32), max_size=8), st.booleans())
def test_success_is_a_relevant_memory_among_the_shown(told: list[float], partial: bool) -> None:
    outcomes = np.array([*told, *([np.nan] if partial else [])], np.float32)
    expected = True if any(x > 0.5 for x in told) else None if partial or not told else False
    assert was_success(outcomes) is expected


def test_features_describe_what_was_shown() -> None:
    rows = np.array([[1, 5], [3, 2]], np.float32)
    found = recall_features(rows, np.array([2, 1], np.float32))
    np.testing.assert_allclose(found[:5], [2, 1, 1, np.log(1 + np.exp(-1)), 1.5], rtol=1e-6)
    assert found[5:].tolist() == [1, 5, 2, 3.5, 3, 5]
    assert recall_features(rows[:1], np.array([2], np.float32))[1] == 0


def test_hangs_into_a_memory_and_comes_back_from_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((30, 8))
    path, clock = tmp_path / "m.db", SimulatedClock(1e9)

    def opened() -> Memory:
        return Memory(path, dim=8, components=["confidence"], clock=clock)

    with opened() as memory:
        ids = [memory.remember(None, vector=v, id=n) for n, v in enumerate(vectors)]
        start = memory.recall(vector=vectors[0], k=3, log=False).confidence
        assert start == pytest.approx(0.75, abs=0.03)
        for step in range(120):
            known = step % 2 == 0
            query = vectors[step % 30] if known else rng.standard_normal(8)
            recall = memory.recall(vector=query, k=3)
            told = {hit.id: float(known and hit.id == ids[step % 30]) for hit in recall}
            memory.feedback(recall, outcomes=told)
        sure = memory.recall(vector=vectors[4], k=3, log=False).confidence
        unsure = memory.recall(vector=rng.standard_normal(8), k=3, log=False).confidence
        assert sure > 0.75 > 0.4 > unsure
        before = memory.state_hash
    for _ in range(2):
        with opened() as memory:
            assert memory.recall(vector=vectors[4], k=3, log=False).confidence == sure
            assert memory.state_hash == before
    with Memory(path, clock=clock) as memory:
        assert memory.recall(vector=vectors[4], k=3, log=False).confidence == 0.5


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigError):
        RecallConfidence(share=1.5)
    with pytest.raises(ConfigError):
        StreamingPlatt(ridge=0.0)
    calibrator = RecallConfidence()
    calibrator.predict(np.ones(7, np.float32))
    with pytest.raises(ShapeError):
        calibrator.update(np.ones(8, np.float32), True)
    with pytest.raises(NonFiniteError):
        calibrator.update(np.full(7, np.nan, np.float32), True)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engrain import Memory
from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.base.protocols import Calibrator
from engrain.policy.calibration import RecallConfidence
from engrain.policy.calibration_experts import Rate
from engrain.policy.calibration_measures import brier_score, calibration_error


def sigmoid(x: Any) -> F64Array:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, np.float64))))


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
    calibrator = RecallConfidence()
    calibrator.predict(np.ones(7, np.float32))
    with pytest.raises(ShapeError):
        calibrator.update(np.ones(8, np.float32), True)
    with pytest.raises(NonFiniteError):
        calibrator.update(np.full(7, np.nan, np.float32), True)

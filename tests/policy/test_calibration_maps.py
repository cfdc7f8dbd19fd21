from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, SnapshotError
from engrain.policy.calibration_maps import StreamingBeta, StreamingPlatt
from engrain.policy.calibration_measures import brier_score, calibration_error


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


def test_state_restores_bit_for_bit() -> None:
    one, other = StreamingPlatt(), StreamingPlatt()
    for probability, success in zip(*overconfident(4, 50), strict=True):
        one.update(probability, bool(success))
    other.load(one.state())
    assert other.predict(0.3) == one.predict(0.3) != StreamingPlatt().predict(0.3)
    with pytest.raises(SnapshotError):
        StreamingBeta().load(one.state())


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigError):
        StreamingPlatt(ridge=0.0)
    with pytest.raises(ConfigError):
        StreamingBeta(memory=0.5)

from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ShapeError
from engrain.policy.calibration_measures import brier_score, calibration_error


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


def test_the_brier_score_is_a_mean_square() -> None:
    assert brier_score([1.0, 0.0, 0.5], [True, True, False]) == pytest.approx((0 + 1 + 0.25) / 3)

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from engrain.base.arrays import F32Array, F64Array
from engrain.evaluation.confidence_net import forecast, summarise_forecasts
from engrain.evaluation.confidence_stream import Stream
from engrain.policy.calibration_measures import brier_score
from tests.policy.test_gate import unit

pytestmark = pytest.mark.usefixtures("one_thread")

DIM, N = 8, 600


def stream(*, knowing: bool) -> tuple[Stream, F32Array]:
    """Return recalls that succeed by their vector, and a memory that knows it or only the rate."""
    vectors, rng = unit(3, N, DIM), np.random.default_rng(0)
    chance: F64Array = np.where(vectors[:, 0] > 0, 0.9, 0.1)
    success = rng.random(N) < chance
    said = chance if knowing else np.full(N, 0.5)
    scores = rng.random((N, 10)).astype(np.float32)
    scores[::7, 4:] = np.nan
    every = np.ones(N, np.bool_)
    return Stream(said, np.full(N, 0.5), success, every, np.arange(N), scores), vectors


def test_a_net_that_knows_more_speaks_and_can_be_trusted() -> None:
    told, vectors = stream(knowing=False)
    found = forecast(told, vectors)
    figures = summarise_forecasts(told, found)
    assert found.net[:50].tolist() == [0.5] * 50
    assert not found.promoted[:100].any()
    assert found.promoted[-200:].all()
    assert figures["promoted"] == found.promoted.mean()
    assert figures["brier_in_force"] < brier_score(told.confidence, told.success) - 0.05
    assert figures["ece_calibrated"] <= figures["ece_net"] + 0.01


def test_a_memory_that_knows_all_keeps_its_word() -> None:
    told, vectors = stream(knowing=True)
    found = forecast(told, vectors)
    assert not found.promoted.any()
    np.testing.assert_array_equal(found.in_force, told.confidence)


def test_nothing_is_said_with_knowledge_of_what_follows() -> None:
    told, vectors = stream(knowing=False)
    early = Stream(*(getattr(told, field.name)[:300] for field in fields(Stream)))
    for whole, part in zip(forecast(told, vectors), forecast(early, vectors), strict=True):
        np.testing.assert_array_equal(whole[:300], part)

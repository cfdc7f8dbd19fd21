from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.loops import (
    EdgeUpdate,
    LearningSignal,
    QueryEmbedding,
    QueryTrajectory,
    ResponseData,
)

QUERY = QueryEmbedding(np.arange(4, dtype=np.float32), anchor_node=7)
RESPONSE = ResponseData(
    used_memory_ids=(1, 2),
    retrieved_but_unused=(3,),
    estimated_precision=2 / 3,
    estimated_recall=0.5,
    quality_score=0.9,
    target_latency_ms=200.0,
    model_tier=2,
    context_tokens=812,
)


def test_a_signal_says_what_its_request_said() -> None:
    signal = LearningSignal.of(QUERY, RESPONSE, latency_ms=300.0)
    np.testing.assert_array_equal(signal.query_embedding, QUERY.vector)
    assert (signal.quality_score, signal.latency_ratio) == (0.9, 1.5)
    assert (signal.model_tier, signal.context_tokens) == (2, 812)


@pytest.mark.parametrize(
    ("quality", "ratio", "informative"),
    [(0.5, 1.0, False), (0.59, 1.2, False), (0.61, 1.0, True), (0.39, 1.0, True), (0.5, 1.3, True)],
)
def test_only_surprising_or_late_answers_inform(
    quality: float, ratio: float, informative: bool
) -> None:
    assert LearningSignal(QUERY.vector, quality, None, ratio).informative is informative


def test_what_a_person_says_stands_above_the_estimate() -> None:
    guessed = LearningSignal.of(QUERY, RESPONSE, 100.0).to_router_sample()
    told = LearningSignal.of(QUERY, RESPONSE, 100.0, explicit_feedback=0.0).to_router_sample()
    assert (guessed.action, guessed.outcome, guessed.cost) == (2, 0.9, 0.5)
    assert told.outcome == 0.0


def test_a_trajectory_keeps_the_used_memories_and_the_clock() -> None:
    trajectory = QueryTrajectory.of(QUERY, RESPONSE, now=12.5)
    assert trajectory.retrieved_ids == (1, 2)
    assert (trajectory.recall, trajectory.timestamp) == (0.5, 12.5)


def test_steps_of_edges_stay_between_0_and_1_for_ever() -> None:
    weight = 0.0
    for _ in range(300):
        weight = EdgeUpdate.Strengthen(0.05).apply(weight)
    assert weight == pytest.approx(1 - 0.95**300)
    assert EdgeUpdate.Weaken(0.02).apply(weight) == pytest.approx(0.98 * weight)
    assert weight <= 1.0


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.5, float("nan")])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match="rate"):
        EdgeUpdate.Strengthen(rate)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_shares_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="quality_score"):
        LearningSignal(QUERY.vector, value)
    with pytest.raises(ConfigError, match="explicit_feedback"):
        LearningSignal(QUERY.vector, 0.5, value)
    with pytest.raises(ConfigError, match="estimated_recall"):
        ResponseData(estimated_recall=value)


def test_latencies_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="target_latency_ms"):
        ResponseData(target_latency_ms=0.0)
    with pytest.raises(ConfigError, match="latency_ratio"):
        LearningSignal(QUERY.vector, 0.5, latency_ratio=float("inf"))

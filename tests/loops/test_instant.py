from __future__ import annotations

import inspect

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.loops import InstantLearningLoop, QueryEmbedding, ResponseData
from tests.strategies import normal

DIM = 16
ANSWER = ResponseData((1, 2), (3, 4, 5), 0.4, 0.7, 0.9, 1000.0, 2, 800)


def memories(n: int = 30) -> F32Array:
    rows = normal(0, n, DIM)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def loop() -> InstantLearningLoop:
    return InstantLearningLoop(memories(), clock=lambda: 5.0, max_edges=1000)


def test_it_has_the_names_of_its_specification() -> None:
    for name in ("on_request", "record_trajectory", "update_memory_edges", "micro_lora_update"):
        assert callable(getattr(InstantLearningLoop, name))
    wanted = ["self", "query", "response", "latency_ms"]
    assert list(inspect.signature(InstantLearningLoop.on_request).parameters) == wanted


def test_a_request_teaches_every_part() -> None:
    learner, query = loop(), QueryEmbedding(memories()[9].copy(), 7)
    for _ in range(30):
        learner.on_request(query, ANSWER, 800.0)
    shown = np.array([1, 2, 3, 4, 5])
    expected = learner.values.expected(shown)
    assert expected[:2].min() > 0.9 > 0.1 > expected[2:].max()
    edges = learner.edges.weights(np.full(5, 7), shown)
    assert edges[:2].min() > 0.7
    assert not edges[2:].any()
    assert learner.evidence.mass(1) == 30
    assert learner.model.warm
    assert (learner.adapter.apply(query.vector) - query.vector) @ memories()[1] > 0
    assert learner.memories is not None
    assert learner.memories[1] @ query.vector > memories()[1] @ query.vector
    signals = learner.signals.drain()
    assert len(signals["quality"]) == 30
    assert signals["model_tier"][0] == 2
    assert signals["latency_ratio"][0] == np.float32(0.8)
    assert learner.trajectories.drain()["time"][0] == 5.0


def test_each_part_may_be_called_alone() -> None:
    learner, query = loop(), QueryEmbedding(memories()[9].copy(), 7)
    assert learner.record_trajectory(query, ANSWER) == 0
    learner.update_memory_edges(query, ANSWER)
    assert learner.edges.weights(np.array([7, 7]), np.array([1, 3])).tolist() == [
        np.float32(0.05),
        0,
    ]
    learner.micro_lora_update(query, ANSWER)
    shift = learner.adapter.apply(query.vector) - query.vector
    assert shift @ (memories()[[1, 2]].mean(0) - memories()[[3, 4, 5]].mean(0)) > 0
    assert learner.modulators.values["outcomes"] == 0


def test_bad_requests_are_refused_before_anything_changes() -> None:
    learner, query = loop(), QueryEmbedding(memories()[9].copy(), 7)
    before = {name: array.tobytes() for name, array in learner.state().items()}
    with pytest.raises(ConfigError, match="memory 99"):
        learner.on_request(query, ResponseData((99,)), 1.0)
    with pytest.raises(ConfigError, match="latency_ms"):
        learner.on_request(query, ANSWER, -1.0)
    with pytest.raises(ValueError, match="anchor"):
        learner.on_request(QueryEmbedding(query.vector, 99), ANSWER, 1.0)
    assert {name: array.tobytes() for name, array in learner.state().items()} == before
    with pytest.raises(ShapeError):
        InstantLearningLoop(np.zeros((0, 4), np.float32))

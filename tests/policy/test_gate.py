from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import score_rows, topk
from engrain.policy.gate import GatedRows, InlineGate
from tests.strategies import normal, seeds


def unit(seed: int, *shape: int) -> F32Array:
    x = normal(seed, *shape)
    return np.ascontiguousarray(x / np.linalg.norm(x, axis=-1, keepdims=True), np.float32)


def lists(seed: int, n: int, dim: int = 24, twist: float = 1.0) -> list[tuple[Any, ...]]:
    """Return lists whose relevant memories lie where a hidden matrix turns the situation to."""
    rng = np.random.default_rng(seed)
    hidden = np.eye(dim) + twist * np.outer(unit(1, dim), unit(2, dim)) * 4
    found = []
    for number in range(n):
        s = unit(1000 * seed + number, dim)
        memories = unit(500_000 + 1000 * seed + number, 10, dim)
        outcomes = np.zeros(10, np.float32)
        outcomes[np.argmax(memories @ (hidden @ s) + 0.05 * rng.standard_normal(10))] = 1
        found.append((s, memories, outcomes))
    return found


@settings(max_examples=20)
@given(seed=seeds, n=st.integers(0, 20), dim=st.sampled_from([1, 7, 16, 33, 384]))
def test_untaught_the_gate_is_the_cosine_bit_for_bit(seed: int, n: int, dim: int) -> None:
    gate, s, memories = InlineGate(dim, seed=seed), unit(seed, dim), unit(seed + 1, n, dim)
    assert gate.score_memories(s, memories).tobytes() == score_rows(memories, s).tobytes()
    for held in (memories, GatedRows(memories)):
        found, scores = gate.select_top_k(s, held, 5)
        wanted, exact = topk(memories, s, 5)
        assert found.tolist() == wanted.tolist()
        np.testing.assert_allclose(scores, exact, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(gate.weight, np.eye(dim))


def test_scores_are_the_bilinear_form() -> None:
    gate = InlineGate(24)
    for taught in lists(3, 30):
        gate.update(*taught)
    s, memories, _ = lists(4, 1)[0]
    np.testing.assert_allclose(
        gate.score_memories(s, memories), memories @ (s @ gate.weight), rtol=1e-4, atol=1e-5
    )
    assert np.abs(gate.weight - np.eye(24)).max() > 0.01


def test_a_step_lowers_the_loss_it_was_taken_on() -> None:
    for taught in lists(5, 20):
        gate = InlineGate(24, learning_rate=0.01)
        before = gate.update(*taught)
        assert gate.update(*taught) < before


@pytest.mark.parametrize("radius", [0.1, 0.7])
def test_the_gate_never_leaves_its_ball(radius: float) -> None:
    gate = InlineGate(24, radius=radius, learning_rate=0.5)
    for taught in lists(6, 100):
        gate.update(*taught)
        assert np.linalg.norm(gate.weight - np.eye(24)) <= radius * 1.001
    assert np.linalg.norm(gate.weight - np.eye(24)) > 0.9 * radius


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigError):
        InlineGate(4, radius=0.0)
    gate, (s, memories, outcomes) = InlineGate(24), lists(3, 1)[0]
    with pytest.raises(ShapeError):
        gate.update(s, memories, outcomes[:5])
    with pytest.raises(NonFiniteError):
        gate.update(s, memories, np.full(10, np.nan, np.float32))
    with pytest.raises(ShapeError):
        gate.score_memories(s[:5].copy(), memories)
    assert gate.updates == 0

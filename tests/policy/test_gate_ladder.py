from __future__ import annotations

import numpy as np
import pytest

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.policy.gate_ladder import Cosine, GateLadder

DIM = 16
HIDDEN = np.random.default_rng(5).standard_normal((DIM, DIM)).astype(np.float32)


class Bilinear:
    def __init__(self, weight: F32Array) -> None:
        self.weight = weight

    def score_memories(self, situation: F32Array, memories: F32Array) -> F32Array:
        scores: F32Array = memories @ (situation @ self.weight)
        return scores


def stream(ladder: GateLadder, count: int, seed: int = 0) -> list[str]:
    """Observe lists of five whose most relevant memory follows the hidden form, with noise."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        situation, memories = (
            unit(rng.standard_normal((1, DIM)))[0],
            unit(rng.standard_normal((5, DIM))),
        )
        worth = memories @ (situation @ HIDDEN) + rng.normal(0, 0.5, 5)
        found.append(ladder.observe(situation, memories, worth == worth.max()))
    return found


def unit(rows: F64Array) -> F32Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_a_gate_that_knows_is_promoted_and_ranks() -> None:
    ladder = GateLadder({"learned": Bilinear(HIDDEN)})
    assert ladder.active == "cosine"
    assert stream(ladder, 100)[-1] == "learned"
    situation, memories = (
        unit(np.eye(1, DIM))[0],
        unit(np.random.default_rng(1).normal(size=(5, DIM))),
    )
    expected = memories @ (situation @ HIDDEN)
    np.testing.assert_allclose(ladder.score_memories(situation, memories), expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_gate_that_knows_nothing_stays_below(seed: int) -> None:
    ladder = GateLadder(
        {"noise": Bilinear(unit(np.random.default_rng(seed).normal(size=(DIM, DIM))))}
    )
    assert "noise" not in stream(ladder, 500, seed)


@pytest.mark.parametrize("seed", range(5))
def test_a_corrupted_gate_is_reverted_within_100_interactions(seed: int) -> None:
    gate = Bilinear(HIDDEN)
    ladder = GateLadder({"learned": gate})
    assert stream(ladder, 500, seed)[-1] == "learned"
    gate.weight = -HIDDEN
    assert stream(ladder, 100, seed + 10)[-1] == "cosine"


def test_scores_that_are_not_finite_never_reach_a_request() -> None:
    gate = Bilinear(HIDDEN)
    ladder = GateLadder({"learned": gate})
    stream(ladder, 200)
    gate.weight = np.full_like(HIDDEN, np.nan)
    situation, memories = (
        unit(np.eye(1, DIM))[0],
        unit(np.random.default_rng(1).normal(size=(5, DIM))),
    )
    cosine = Cosine().score_memories(situation, memories)
    assert ladder.active == "learned"
    assert ladder.score_memories(situation, memories).tolist() == cosine.tolist()
    assert ladder.observe(situation, memories, [1, 0, 0, 0, 0]) == "cosine"


def test_what_tells_nothing_apart_judges_nothing() -> None:
    ladder = GateLadder({"learned": Bilinear(HIDDEN)})
    before = ladder.state()["wealth"].copy()
    memories = unit(np.random.default_rng(1).normal(size=(3, DIM)))
    for outcomes in ([1, 1, 1], [0, 0, 0]):
        ladder.observe(memories[0], memories, outcomes)
    assert (ladder.state()["wealth"] == before).all()
    with pytest.raises(ShapeError, match="outcomes"):
        ladder.observe(memories[0], memories, [1, 0])
    with pytest.raises(ConfigError, match="gates"):
        GateLadder({})
    other = GateLadder({"learned": Bilinear(HIDDEN)})
    stream(ladder, 100)
    other.load(ladder.state())
    assert other.active == ladder.active == "learned"

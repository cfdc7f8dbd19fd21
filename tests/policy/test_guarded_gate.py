from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.kernels import score_rows
from engrain.policy.gate import InlineGate
from engrain.policy.guarded_gate import GuardedGate
from tests.policy.test_gate import lists


def loss_of(guarded: GuardedGate, held: list[tuple[Any, ...]]) -> float:
    total = 0.0
    for s, memories, outcomes in held:
        scores = (score_rows(memories, s) + guarded.gain(s, memories)) / 0.1
        total += float(np.log(np.exp(scores).sum()) - scores[outcomes > 0].mean())
    return total / len(held)


def test_a_gate_that_helps_is_trusted_and_helps_on_lists_it_never_saw() -> None:
    guarded = GuardedGate(InlineGate(24))
    held = lists(8, 100)
    before = loss_of(guarded, held)
    assert not guarded.gain(*held[0][:2]).any()
    for taught in lists(7, 400):
        guarded.learn(*taught)
    assert guarded.watch.trusted
    assert loss_of(guarded, held) < before - 0.05
    assert guarded.reverted == 0


def test_a_gate_without_anything_to_learn_falls_back_to_the_cosine() -> None:
    rng = np.random.default_rng(0)
    harmful = 0
    for seed in range(8):
        guarded, held = GuardedGate(InlineGate(24, learning_rate=0.05, seed=seed)), lists(90, 60)
        before = loss_of(guarded, held)
        for s, memories, _ in lists(20 + seed, 300):
            outcomes = np.zeros(10, np.float32)
            outcomes[rng.integers(10)] = 1
            guarded.learn(s, memories, outcomes)
        harmful += loss_of(guarded, held) > before + 0.02
    assert harmful <= 1


def corrupt(gate: InlineGate, kind: str) -> None:
    state, rng = gate.state(), np.random.default_rng(1)
    if kind == "flipped":
        state["b"] = -state["b"]
    elif kind == "noise":
        state["b"] = rng.standard_normal(state["b"].shape).astype(np.float32)
        squared = ((state["a"] @ state["a"].T) * (state["b"] @ state["b"].T)).sum()
        state["b"] *= np.float32(gate.radius / np.sqrt(squared))
    else:
        state["b"] = state["b"] + np.float32(1e3)
    gate.load(state)


@pytest.mark.parametrize("kind", ["flipped", "noise", "huge"])
def test_a_corrupted_gate_is_reverted_within_100_interactions(kind: str) -> None:
    guarded, held = GuardedGate(InlineGate(24)), lists(8, 100)
    plain = loss_of(GuardedGate(InlineGate(24)), held)
    for taught in lists(7, 400):
        guarded.learn(*taught)
    corrupt(guarded.gate, kind)
    fresh = iter(lists(9, 100))
    while not guarded.reverted:
        guarded.learn(*next(fresh))
    assert loss_of(guarded, held) <= plain
    for taught in lists(10, 200):
        guarded.learn(*taught)
    assert guarded.watch.trusted
    assert loss_of(guarded, held) < plain


def test_lists_that_say_nothing_teach_nothing() -> None:
    guarded = GuardedGate(InlineGate(24))
    s, memories, _ = lists(3, 1)[0]
    for outcomes in (np.zeros(10, np.float32), np.ones(10, np.float32)):
        guarded.learn(s, memories, outcomes)
    assert guarded.gate.updates == 0


def test_state_restores_bit_for_bit() -> None:
    one, other = GuardedGate(InlineGate(24)), GuardedGate(InlineGate(24, seed=5))
    for taught in lists(7, 120):
        one.learn(*taught)
    other.load(one.state())
    for taught in lists(8, 120):
        s, memories, _ = taught
        assert one.gain(s, memories).tobytes() == other.gain(s, memories).tobytes()
        one.learn(*taught)
        other.learn(*taught)
    held = {name: array.tobytes() for name, array in one.state().items()}
    assert {name: array.tobytes() for name, array in other.state().items()} == held
    broken = one.state()
    del broken["reverted"]
    with pytest.raises(SnapshotError):
        other.load(broken)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import score_rows, topk
from engrain.policy.gate import Alarm, GatedRows, GuardedGate, InlineGate, Watch
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


def test_the_watch_needs_evidence() -> None:
    watch, seen = Watch(), []
    for gain, count in ((0.5, 14), (0.5, 15), (-0.5, 60)):
        for _ in range(count):
            watch.note(gain)
        seen.append(watch.trusted)
    assert seen == [False, True, False]


def test_the_alarm_is_rarely_false_and_sounds_soon() -> None:
    rng = np.random.default_rng(0)

    def lists_until(mean: float) -> int:
        alarm, count = Alarm(), 0
        while not alarm.sounds and count < 5000:
            alarm.note(mean + 0.4 * rng.standard_normal())
            count += 1
        return count

    assert np.mean([lists_until(0.0) for _ in range(40)]) >= 100
    assert np.mean([lists_until(-0.3) for _ in range(40)]) <= 40


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

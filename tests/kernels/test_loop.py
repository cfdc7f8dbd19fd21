from __future__ import annotations

import threading

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, SnapshotError, UnknownTraceError
from engrain.kernels import InstantLearningLoop, LoopRule, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import normal

DIM, COLUMNS, SHOWN = 24, 5, 6


def memories(n: int = 200) -> F32Array:
    rows = normal(0, n, DIM)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def loop(n: int = 200, **options: int) -> InstantLearningLoop:
    return InstantLearningLoop(memories(n), COLUMNS, LoopRule(), max_edges=4096, **options)


def request(loop: InstantLearningLoop, seed: int, late: bool = False) -> float:
    """Run one request that depends on the seed alone; return the mean prediction error."""
    rng = np.random.default_rng(seed)
    query, rows = normal(seed, DIM), normal(seed + 1, SHOWN, COLUMNS)
    shown = rng.permutation(len(loop.memories))[:SHOWN]
    outcomes = (rng.random(SHOWN) < 0.4).astype(np.float32)
    if not late:
        return loop.on_request(query, shown, rows, outcomes, rng.random(), float(seed))
    trace = loop.observe(query, shown, rows, float(seed), encode=0.3)
    return loop.learn(trace, outcomes, rng.random(), seed + 2.5, 1.0 + rng.random(), 1, 500)


def fingerprint(loop: InstantLearningLoop) -> bytes:
    arrays = sorted(loop.state().items())
    return b"".join(array.tobytes() for _, array in arrays) + loop.memories.tobytes()


def test_used_memories_gain_in_every_part() -> None:
    learner = loop()
    shown, query = np.arange(10, 10 + SHOWN), memories()[50].copy()
    outcomes = np.array([0, 1, 0, 0, 0, 0], dtype=np.float32)
    rows = np.zeros((SHOWN, COLUMNS), dtype=np.float32)
    rows[1, 2] = 1
    start = memories()
    for step in range(40):
        learner.on_request(query, shown, rows, outcomes, 0.9, float(step))
    assert learner.weights[2] > 0.1
    assert learner.weights[0] == 0
    expected = learner.values.expected(shown)
    assert expected[1] > 0.9 > 0.1 > expected[0]
    edges = learner.edges.weights(np.full(SHOWN, 10), shown)
    assert edges[1] > 0.8
    assert edges[2] == 0
    assert learner.memories[11] @ query > start[11] @ query
    assert learner.memories[12] @ query < start[12] @ query
    adapted = learner.adapter.apply(query)
    assert (adapted - query) @ start[11] > 0
    assert learner.trajectories.counts["recorded"] == learner.signals.counts["recorded"] == 40


def test_a_bad_answer_moves_the_adapter_away_and_an_indifferent_one_not_at_all() -> None:
    shown, query = np.arange(SHOWN), memories()[50].copy()
    outcomes = np.array([0, 1, 0, 0, 0, 0], dtype=np.float32)
    rows = np.zeros((SHOWN, COLUMNS), dtype=np.float32)

    def shift(quality: float, latency_ratio: float = 1.0) -> float:
        learner = loop()
        learner.on_request(query, shown, rows, outcomes, quality, 0.0, latency_ratio)
        return float((learner.adapter.apply(query) - query) @ memories()[1])

    assert shift(0.9) > 0 > shift(0.1)
    assert shift(0.55) == 0
    assert shift(0.5, latency_ratio=3.0) < 0


def test_credit_is_gate_times_error_times_eligibility() -> None:
    learner, rule = loop(), LoopRule()
    shown, rows = np.arange(SHOWN), np.zeros((SHOWN, COLUMNS), dtype=np.float32)
    outcomes = np.array([0, 1, 0.5, 1, 0, 0.25], dtype=np.float32)
    trace = learner.observe(memories()[50].copy(), shown, rows, 100.0)
    state = learner.modulators.values
    eligibility = learner.traces.read(shown, 107.0)
    error = learner.learn(trace, outcomes, 0.5, 107.0)
    after, signals = reference.modulate_outcome(
        state, rule.modulators, outcomes, np.full(SHOWN, 0.5), eligibility
    )
    assert error == pytest.approx(after["dopamine"], abs=1e-12)
    wanted = reference.read_traces(
        np.array([(1, 1, 100)] * SHOWN, dtype=[("fast", "f4"), ("slow", "f4"), ("last", "f8")]),
        shown,
        107.0,
        rule.traces,
    )
    np.testing.assert_allclose(eligibility, wanted, rtol=1e-6)
    turned = np.linalg.norm(learner.memories[:SHOWN] - memories()[:SHOWN], axis=1)
    assert ((turned > 0) == (signals != 0)).all()


def test_observe_then_learn_equals_on_request() -> None:
    first, second = loop(), loop()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        shown, rows = rng.permutation(200)[:SHOWN], normal(seed, SHOWN, COLUMNS)
        outcomes = rng.random(SHOWN, dtype=np.float32)
        first.on_request(normal(seed, DIM), shown, rows, outcomes, 0.8, float(seed))
        trace = second.observe(normal(seed, DIM), shown, rows, float(seed))
        second.learn(trace, outcomes, 0.8, float(seed))
    assert fingerprint(first) == fingerprint(second)


def test_replay_gives_the_same_state_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        for _ in range(2):
            learner = loop()
            for seed in range(300):
                request(learner, seed, late=seed % 3 == 0)
            states.add(fingerprint(learner))
    assert len(states) == 1


def test_edges_stay_in_bounds_over_many_uses() -> None:
    learner, outcomes = loop(8), np.zeros(SHOWN, dtype=np.float32)
    rows, query = np.zeros((SHOWN, COLUMNS), dtype=np.float32), normal(1, DIM)
    for step in range(20_000):
        outcomes[step % SHOWN] = step % 3 == 0
        learner.on_request(query, np.arange(SHOWN), rows, outcomes, 0.5, 0.1 * step)
    source, target = np.repeat(np.arange(8), 8), np.tile(np.arange(8), 8)
    weights = learner.edges.weights(source, target)
    assert 0 <= weights.min() <= weights.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(learner.memories, axis=1), 1, atol=1e-4)


def test_save_load_continue_equals_not_stopping() -> None:
    whole, first = loop(), loop()
    for seed in range(40):
        request(whole, seed)
    for seed in range(20):
        request(first, seed)
    second = InstantLearningLoop(first.memories.copy(), COLUMNS, LoopRule(), max_edges=4096)
    second.load(first.state())
    for seed in range(20, 40):
        request(second, seed)
    assert fingerprint(whole) == fingerprint(second)
    with pytest.raises(SnapshotError):
        loop(open_traces=8).load(whole.state())


def test_a_trace_is_closed_once_and_gives_way_to_newer_ones() -> None:
    learner = loop(open_traces=4)
    outcomes = np.ones(SHOWN, dtype=np.float32)
    rows = np.zeros((SHOWN, COLUMNS), dtype=np.float32)
    issued = [learner.observe(normal(i, DIM), np.arange(SHOWN), rows, float(i)) for i in range(6)]
    learner.learn(issued[-1], outcomes, 0.9, 9.0)
    for trace in (issued[-1], issued[0], 99, -1):
        with pytest.raises(UnknownTraceError):
            learner.learn(trace, outcomes, 0.9, 9.0)
    assert learner.trajectories.counts["recorded"] == 1


def test_the_loop_refuses_before_it_changes() -> None:
    learner = loop()
    query, shown = normal(0, DIM), np.arange(SHOWN)
    rows, outcomes = normal(1, SHOWN, COLUMNS), np.ones(SHOWN, dtype=np.float32)
    trace = learner.observe(query, shown, rows, 0.0)
    before = fingerprint(learner)
    with pytest.raises(TypeError):
        learner.observe(query.astype(float), shown, rows, 0.0)
    with pytest.raises(ValueError, match="shown"):
        learner.observe(query, shown + 195, rows, 0.0)
    with pytest.raises(ValueError, match="rows"):
        learner.observe(query, shown, rows[:, :4].copy(), 0.0)
    with pytest.raises(ValueError, match="NaN"):
        learner.observe(query, shown, rows * np.float32("nan"), 0.0)
    with pytest.raises(ValueError, match="anchor"):
        learner.observe(query, shown, rows, 0.0, anchor=200)
    with pytest.raises(ValueError, match="outcomes"):
        learner.learn(trace, outcomes * np.float32("nan"), 0.5, 0.0)
    with pytest.raises(ValueError, match="one per shown"):
        learner.learn(trace, outcomes[:3], 0.5, 0.0)
    with pytest.raises(ValueError, match="quality"):
        learner.learn(trace, outcomes, 1.5, 0.0)
    with pytest.raises(ValueError, match="now"):
        learner.learn(trace, outcomes, 0.5, float("inf"))
    assert fingerprint(learner) == before
    with pytest.raises(ConfigError, match="columns"):
        InstantLearningLoop(memories(), 0, LoopRule())
    with pytest.raises(ConfigError, match="clip"):
        LoopRule(clip=0)


def test_threads_may_learn_at_once() -> None:
    learner = loop()

    def work(seed: int) -> None:
        for step in range(200):
            request(learner, 1000 * seed + step, late=True)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert learner.modulators.values["outcomes"] == 800
    assert learner.values.counts(np.arange(200)).sum() == 800 * SHOWN
    assert learner.signals.counts["recorded"] == 800

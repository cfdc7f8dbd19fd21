"""What learning must do, measured alike on these loops and on the rules they replace.

The replaced rules are restated from their published description: an adapter whose up factor moves
by ``quality * gradient`` whatever the query says, a merge that adds factors, a drift test on the
mean of relative deviations, and a queue that keeps what came first and counts nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import numpy as np
import pytest

from engrain.base.arrays import F32Array, F64Array
from engrain.kernels import SignalQueue
from engrain.loops import BaseLoRA, DriftDetector, MicroLoRA
from tests.loops.test_adapters import product, unit
from tests.strategies import normal

DIM = 384


class ReplacedAdapter:
    """Only the up factor learns, each row alike, without the query's part in the chain rule."""

    def __init__(self, seed: int, rank: int = 2) -> None:
        phase = 0.618033988749 * (np.arange(rank * DIM) + seed * 31.0)
        self.down = 0.01 * (2.0 * (phase % 1.0) - 1.0).reshape(rank, DIM)
        self.up = np.zeros((rank, DIM))

    def learn(self, query: F32Array, direction: F32Array, quality: float) -> None:
        self.up += 0.002 * quality * (direction / np.linalg.norm(direction))

    def shift(self, query: F32Array) -> F64Array:
        moved: F64Array = (self.down @ query) @ self.up
        return moved


class Adapter:
    """Ours."""

    def __init__(self, seed: int, rank: int = 2) -> None:
        self.micro = MicroLoRA(DIM, rank, seed=seed)

    def learn(self, query: F32Array, direction: F32Array, quality: float) -> None:
        self.micro.follow(query, direction, quality - 0.5)

    def shift(self, query: F32Array) -> F64Array:
        return (self.micro.apply(query) - query).astype(np.float64)


Kind = type[Adapter] | type[ReplacedAdapter]


def right_directions(kind: Kind) -> float:
    """Return the share of 400 adapters that turned their one query toward what helped."""
    right = 0
    for seed in range(400):
        x, direction = unit(seed, 2, DIM)
        adapter = kind(seed)
        adapter.learn(x, direction, 0.9)
        right += bool(adapter.shift(x) @ direction > 0)
    return right / 400


def bad_against_good(kind: Kind) -> float:
    """Return the cosine of what a bad and a good outcome do to a query."""
    x, direction = unit(1, 2, DIM)
    shifts = []
    for quality in (0.1, 0.9):
        adapter = kind(5)
        adapter.learn(x, direction, quality)
        shifts.append(adapter.shift(x))
    good, bad = shifts
    return float(good @ bad / np.linalg.norm(good) / np.linalg.norm(bad))


def second_direction(kind: Kind) -> float:
    """Return how large the second direction of a rank-2 adapter's outputs is beside the first."""
    adapter = kind(3)
    for x, direction in unit(3, 50, 2, DIM):
        adapter.learn(x, direction, 0.9)
    shifts = np.stack([adapter.shift(x) for x in unit(9, 8, DIM)])
    values = np.linalg.svd(shifts, compute_uv=False)
    return float(values[1] / values[0])


def test_queries_turn_toward_what_helped() -> None:
    assert right_directions(Adapter) == 1.0
    assert 0.35 < right_directions(ReplacedAdapter) < 0.65


def test_a_bad_outcome_does_the_opposite_of_a_good_one() -> None:
    assert bad_against_good(Adapter) <= -0.99
    assert bad_against_good(ReplacedAdapter) >= 0.99


def test_rank_two_has_two_directions() -> None:
    assert second_direction(Adapter) > 0.01
    assert second_direction(ReplacedAdapter) < 1e-9


def test_a_lesson_stays_near_its_question() -> None:
    trained: list[float] = []
    near: list[float] = []
    far: list[float] = []
    for seed in range(200):
        x, direction, other = unit(seed, 3, DIM)
        adapter = Adapter(seed)
        for _ in range(20):
            adapter.learn(x, direction, 0.9)
        across = other - (other @ x) * x
        neighbour = 0.9 * x + np.sqrt(1 - 0.81) * across / np.linalg.norm(across)
        for kept, query in ((trained, x), (near, neighbour.astype(np.float32)), (far, other)):
            kept.append(float(np.linalg.norm(adapter.shift(query))))
    assert np.mean(near) / np.mean(trained) >= 0.8
    assert np.median(far) / np.mean(trained) <= 0.1


@pytest.mark.parametrize("size", [1.0, 0.1])
def test_a_merge_adds_what_was_learned_and_nothing_else(size: float) -> None:
    base, a, b = BaseLoRA(DIM, 16), normal(1, 2, DIM), np.float32(size) * normal(2, 2, DIM)
    base.merge(normal(3, 2, DIM), normal(4, 2, DIM))
    old_a, old_b, learned = base.a.copy(), base.b.copy(), product(a, b)
    wanted = product(old_a, old_b) + learned
    replaced = product(old_a + a, old_b + b) - wanted
    base.merge(a, b)
    ours = product(base.a, base.b) - wanted
    assert np.linalg.norm(ours) / np.linalg.norm(learned) <= 1e-5
    assert np.linalg.norm(replaced) / np.linalg.norm(learned) > 1.3


def test_half_a_deviation_in_a_tenth_of_the_streams_is_drift() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.standard_normal((2, 2000, 20))
    after[:, :2] += 0.5
    detector = DriftDetector(20)
    assert not detector.update(before)
    assert detector.update(after[:500])
    mean, deviation = before.mean(0), before.std(0)
    replaced = (np.abs(after - mean) / deviation).mean(axis=1) > 2.0
    assert not replaced.any()


@pytest.mark.parametrize("threads", [2, 16])
def test_no_signal_is_lost_unaccounted(threads: int) -> None:
    ours, each = SignalQueue(256), 2000
    replaced: queue.Queue[int] = queue.Queue(256)

    def record(kept: Callable[[int], object]) -> None:
        workers = [
            threading.Thread(target=lambda: [kept(i) for i in range(each)]) for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def try_send(i: int) -> None:
        try:
            replaced.put_nowait(i)
        except queue.Full:
            return

    record(lambda i: ours.enqueue(i, 0.5))
    record(try_send)
    counts = ours.counts
    assert counts["recorded"] + counts["dropped"] == threads * each
    assert counts["recorded"] == counts["drained"] + counts["overwritten"] + len(ours)
    assert set(ours.drain()["trajectory"].tolist()) & set(range(each - 256, each))
    assert replaced.qsize() < threads * each
    assert max(replaced.get() for _ in range(256)) < each - 1

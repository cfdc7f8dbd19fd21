"""What learning must do, measured alike on these loops and on the rules they replace.

The replaced rules are restated from their published description: an adapter whose up factor moves
by ``quality * gradient`` whatever the query says and whose output replaces the query, a merge that
adds factors, a router of which the head alone is trained, a drift test on the mean of relative
deviations, a queue that keeps what came first and counts nothing, dreams taken unproven, phi over
states instead of elements, and a checkpoint of patterns alone. What a stream of tasks costs the
first one is measured in `test_background`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F32Array, F64Array
from engrain.kernels import SignalQueue
from engrain.loops import (
    BaseLoRA,
    DriftDetector,
    FastGRNNRouter,
    MicroLoRA,
    SONACheckpoint,
    adapt,
)
from engrain.loops.dreams import adjacency, proven
from engrain.loops.iit import Network, system_phi
from engrain.loops.material import Links
from engrain.loops.replay import LoggedQuestion, replay
from tests.loops import test_checkpoint as checkpoint
from tests.loops.test_adapters import product, unit
from tests.strategies import normal

DIM = 384
SWAP = 2.0  # ibits: one for each element
NAN = np.full(DIM, np.nan, np.float32)


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


def reach(kind: Kind) -> tuple[float, float]:
    """Return the shift of a neighbour at cosine .9, and of any query, beside the taught one's."""
    trained: list[float] = []
    near: list[float] = []
    far: list[float] = []
    for seed in range(200):
        x, direction, other = unit(seed, 3, DIM)
        adapter = kind(seed)
        for _ in range(20):
            adapter.learn(x, direction, 0.9)
        across = other - (other @ x) * x
        neighbour = 0.9 * x + np.sqrt(1 - 0.81) * across / np.linalg.norm(across)
        for kept, query in ((trained, x), (near, neighbour.astype(np.float32)), (far, other)):
            kept.append(float(np.linalg.norm(adapter.shift(query))))
    whole = float(np.mean(trained))
    return float(np.mean(near)) / whole, float(np.median(far)) / whole


def test_a_lesson_stays_near_its_question() -> None:
    near, far = reach(Adapter)
    assert near >= 0.8
    assert far <= 0.1
    assert reach(ReplacedAdapter)[1] > 0.5


def test_an_untrained_adapter_returns_every_bit() -> None:
    x = normal(4, 17, DIM)
    ours = np.stack([Adapter(1).micro.apply(row) for row in x])
    np.testing.assert_array_equal(ours.view(np.uint32), x.view(np.uint32))
    replaced = ReplacedAdapter(1)  # returned its own output, not the query with it
    assert not np.stack([replaced.shift(row) for row in x]).any()


@pytest.mark.parametrize("bad", [NAN, normal(1, DIM - 1), normal(1, 0)])
def test_a_bad_vector_is_refused_and_changes_nothing(bad: F32Array) -> None:
    x, direction = unit(1, 2, DIM)
    adapter, replaced = Adapter(5), ReplacedAdapter(5)
    adapter.learn(x, direction, 0.9)
    before = adapter.shift(x)
    with pytest.raises(ValueError, match=r"^(x|direction)"):
        adapter.learn(bad, direction, 0.9)
    with pytest.raises(ValueError, match=r"^(x|direction)"):
        adapter.learn(x, bad, 0.9)
    np.testing.assert_array_equal(adapter.shift(x), before)
    replaced.learn(x, NAN, 0.9)
    assert np.isnan(replaced.shift(x)).all()


def test_the_gradient_is_that_of_the_loss() -> None:
    router = FastGRNNRouter(6, 3, hidden=4, seed=2)
    rng = np.random.default_rng(0)
    x, asked = rng.standard_normal((20, 6)), rng.integers(0, 3, 20)
    outcomes = (rng.random(20) < 0.5).astype(np.float64)
    weights = rng.normal(0.0, 0.7, len(router.get_weights()))

    def loss(at: F64Array) -> float:
        router.set_weights(at)
        return router.gradient(x, asked, outcomes)[0]

    steps = 1e-6 * np.eye(len(weights))
    wanted = np.array([(loss(weights + e) - loss(weights - e)) / 2e-6 for e in steps])
    router.set_weights(weights)
    found = router.gradient(x, asked, outcomes)[1]
    replaced = found.copy()
    for name, part in router._parted(replaced).items():
        part[...] *= name in {"V", "b"}
    assert np.linalg.norm(found - wanted) <= 1e-6 * np.linalg.norm(wanted)
    assert np.linalg.norm(replaced - wanted) > 0.1 * np.linalg.norm(wanted)


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


def test_dreams_that_do_not_pay_are_not_taken() -> None:
    rows = unit(0, 60, DIM)
    asked = LoggedQuestion(np.arange(10), np.array([24]))
    held = Links.between(np.zeros(5, np.int64), np.arange(20, 25), np.full(5, 0.05), 0)
    dreamt = Links.between(np.arange(5), np.arange(50, 55), np.full(5, 0.1), 1)
    cosines = np.einsum("ij,ij->i", rows[:5], rows[50:55])
    novelty, coherence = 1.0 - cosines.min(), 1.0 / (1.0 + cosines.var())
    assert novelty > 0.5 < coherence  # thresholds that two random rows pass
    questions = [asked] * 40
    before = replay(questions, adjacency(held)).mrr
    ours = dreamt.where(proven(dreamt, held, questions))
    assert replay(questions, adjacency(held.joined(ours))).mrr >= before
    assert replay(questions, adjacency(held.joined(dreamt))).mrr < before


def replaced_phi(transitions: F64Array, state: int) -> float:
    """Split states instead of elements, leave out what a part rules out, and cut at 0."""
    n, least = len(transitions), np.inf
    for cut in range(1, 2 ** (n - 1)):
        inside = np.array([cut >> i & 1 for i in range(n)], np.bool_)
        same = inside == inside[state]
        part = np.where(same, transitions[state], 0.0)
        q = part / max(part.sum(), 1e-300)
        known = (q > 0) & (transitions[state] > 0)
        p = transitions[state][known]
        least = min(least, float((p * np.log(p / q[known])).sum()))
    return max(0.0, least)


def test_phi_sees_what_is_integrated_and_only_that() -> None:
    swap, copy = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0, 0], [1, 0], [0, 1], [1, 1]]
    for state in ((0, 0), (1, 0), (1, 1)):
        assert system_phi(Network.from_table(swap, state)).phi == pytest.approx(SWAP)
        assert system_phi(Network.from_table(copy, state)).phi == 0.0
    transitions = np.eye(4)[[0, 2, 1, 3]]
    assert [replaced_phi(transitions, state) for state in range(4)] == [0.0] * 4


def test_a_restart_goes_on_bit_for_bit(tmp_path: Path) -> None:
    parts, restored, patterns_alone = (checkpoint.fresh() for _ in range(3))
    for seed in range(5):
        checkpoint.learn(parts, seed)
    SONACheckpoint.capture(*parts, now=1.0).save(tmp_path / "latest.sona")
    SONACheckpoint.load(tmp_path / "latest.sona").restore(*restored)
    patterns_alone[4].load(parts[4].export())
    x = normal(9, 1000, checkpoint.DIM)
    wanted = adapt(x, *parts[:2])
    np.testing.assert_array_equal(adapt(x, *restored[:2]).view(np.uint32), wanted.view(np.uint32))
    assert (adapt(x, *patterns_alone[:2]) != wanted).any(axis=1).all()

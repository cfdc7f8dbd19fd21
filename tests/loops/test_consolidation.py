from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engrain.base.errors import ConfigError, ShapeError
from engrain.loops import (
    BaseLoRA,
    Lessons,
    MicroLoRA,
    adapt,
    consolidate,
    held_out_lift,
    proven_rate,
)
from tests.loops.test_adapters import DIM, unit


def stream(seed: int, n: int) -> Lessons:
    """Return lessons of one user whose questions of one topic want one region of memories."""
    rng = np.random.default_rng(seed)
    topic, region = unit(77, 2, DIM)
    noise = (rng.standard_normal((2, n, DIM)) / np.sqrt(DIM)).astype(np.float32)
    advantages = rng.uniform(0.1, 0.5, n).astype(np.float32)
    return Lessons(
        topic + np.float32(0.5) * noise[0], region + np.float32(0.5) * noise[1], advantages
    )


def taught(lessons: Lessons) -> MicroLoRA:
    micro = MicroLoRA(DIM, 2, seed=1)
    none = np.zeros((0, DIM), dtype=np.float32)
    for x, used, advantage in zip(
        lessons.queries, lessons.directions, lessons.advantages, strict=True
    ):
        micro.micro_update(x, used[None], none, advantage=float(advantage))
    return micro


@pytest.mark.parametrize("rate", [0.25, 0.5, 1.0])
def test_consolidation_moves_weight_and_leaves_the_sum(rate: float) -> None:
    micro, base, x = taught(stream(1, 40)), BaseLoRA(DIM), unit(5, 20, DIM)
    before = adapt(x, base, micro)
    b_before = micro.b.copy()
    done = consolidate(base, micro, stream(2, 40), rate=rate)
    assert (done.rate, base.rank) == (rate, 2)
    assert done.lift > 0
    assert np.abs(adapt(x, base, micro) - before).max() <= 1e-6
    np.testing.assert_allclose(micro.b, (1 - rate) * b_before, atol=1e-7)


def test_after_a_full_merge_the_micro_adapter_learns_again() -> None:
    micro, base = taught(stream(1, 40)), BaseLoRA(DIM)
    consolidate(base, micro, stream(2, 40), seed=9)
    assert not micro.b.any()
    assert micro.a.any()
    x, used, unused = unit(6, 3, DIM)
    micro.micro_update(x, used[None], unused[None], advantage=0.5)
    assert (micro.apply(x) - x) @ (used - unused) > 0


def test_what_does_not_lift_is_not_merged() -> None:
    micro, base = taught(stream(1, 40)), BaseLoRA(DIM)
    held_out = stream(2, 40)
    reversed_ = Lessons(held_out.queries, -held_out.directions, held_out.advantages)
    b_before = micro.b.copy()
    done = consolidate(base, micro, reversed_)
    assert (done.rate, base.rank) == (0.0, 0)
    assert done.lift < 0
    np.testing.assert_array_equal(micro.b, b_before)


def test_without_lessons_or_learning_nothing_is_merged() -> None:
    rows = np.zeros((0, DIM), np.float32)
    none = Lessons(rows, rows, rows[:, 0])
    base = BaseLoRA(DIM)
    assert consolidate(base, taught(stream(1, 5)), none).rate == 0.0
    assert held_out_lift(MicroLoRA(DIM), stream(1, 5)) == 0.0
    assert base.rank == 0


def test_bad_arguments_are_refused() -> None:
    lessons = stream(1, 3)
    with pytest.raises(ConfigError, match="rate"):
        consolidate(BaseLoRA(DIM), taught(lessons), lessons, rate=1.5)
    with pytest.raises(ShapeError, match="advantages"):
        Lessons(lessons.queries, lessons.directions, lessons.advantages[1:])
    with pytest.raises(ShapeError):
        consolidate(BaseLoRA(DIM + 1), taught(lessons), lessons)


def test_the_rate_is_proven_on_lessons_that_were_not_learned() -> None:
    same = stream(1, 200)
    rate, lift = proven_rate(BaseLoRA(DIM), MicroLoRA(DIM), same)
    assert rate > 0.0
    assert lift > 0.0
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(same.directions.shape).astype(np.float32)
    assert proven_rate(BaseLoRA(DIM), MicroLoRA(DIM), replace(same, directions=noise)) == (0.0, 0.0)
    assert proven_rate(BaseLoRA(DIM), MicroLoRA(DIM), stream(1, 3)) == (0.0, 0.0)

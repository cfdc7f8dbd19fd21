from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.loops import BaseLoRA, MicroLoRA, adapt
from tests.strategies import normal, seeds

DIM = 96


def unit(seed: int, *shape: int) -> F32Array:
    rows = normal(seed, *shape)
    directions: F32Array = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return directions


def product(a: F32Array, b: F32Array) -> F64Array:
    dense: F64Array = b.astype(np.float64).T @ a.astype(np.float64)
    return dense


def taught(seed: int, dim: int = DIM, updates: int = 30, rank: int = 2) -> MicroLoRA:
    micro = MicroLoRA(dim, rank, seed=seed)
    for x, used, unused in unit(seed, updates, 3, dim):
        micro.micro_update(x, used[None], unused[None], advantage=0.5)
    return micro


def test_every_one_of_400_adapters_moves_in_the_right_direction() -> None:
    right = 0
    for seed in range(400):
        x, used, unused = unit(seed, 3, DIM)
        micro = MicroLoRA(DIM, 2, seed=seed)
        micro.micro_update(x, used[None], unused[None], advantage=0.4)
        right += bool((micro.apply(x) - x) @ (used - unused) > 0)
    assert right == 400


def test_a_bad_outcome_moves_the_query_the_other_way() -> None:
    x, used, unused = unit(1, 3, DIM)
    shifts = []
    for quality in (0.1, 0.9):
        micro = MicroLoRA(DIM, 2, seed=5)
        micro.micro_update(x, used[None], unused[None], advantage=quality - 0.5)
        shifts.append(micro.apply(x) - x)
    good, bad = shifts
    assert good @ bad / np.linalg.norm(good) / np.linalg.norm(bad) <= -0.99


def test_rank_two_is_rank_two() -> None:
    micro = taught(3, updates=50)
    shifts = np.stack([micro.apply(x) - x for x in unit(9, 8, DIM)])
    values = np.linalg.svd(shifts, compute_uv=False)
    assert values[1] > 0.01 * values[0]
    assert values[2] < 1e-5 * values[0]


def test_untrained_adapters_return_every_bit() -> None:
    x = normal(4, 17, DIM)
    y = adapt(x, BaseLoRA(DIM), MicroLoRA(DIM))
    np.testing.assert_array_equal(y.view(np.uint32), x.view(np.uint32))


@pytest.mark.parametrize("advantage", [0.7, -0.7])
def test_the_step_descends_the_stated_loss(advantage: float) -> None:
    x, used, unused = unit(6, 3, DIM)
    micro = taught(8)
    direction = (used - unused).astype(np.float64)

    def loss() -> float:
        return float(advantage * np.logaddexp(0.0, -(micro.apply(x) @ direction)))

    before = loss()
    micro.micro_update(x, used[None], unused[None], advantage=advantage)
    assert loss() < before


def test_memories_that_were_not_shown_count_as_the_origin() -> None:
    x, used = unit(2, 2, DIM)
    none = np.zeros((0, DIM), dtype=np.float32)
    micro = MicroLoRA(DIM)
    micro.micro_update(x, used[None], none, advantage=0.5)
    assert (micro.apply(x) - x) @ used > 0


def test_bad_lessons_are_refused_and_change_nothing() -> None:
    micro = taught(1)
    before = micro.state()
    x, used = unit(2, 2, DIM)
    with pytest.raises(NonFiniteError, match="used"):
        micro.micro_update(x, np.full((1, DIM), np.nan, np.float32), used[None], advantage=0.5)
    with pytest.raises(ShapeError, match="unused"):
        micro.micro_update(x, used[None], used[None, 1:], advantage=0.5)
    with pytest.raises(ShapeError, match="query"):
        micro.micro_update(x[1:], used[None], used[None], advantage=0.5)
    with pytest.raises(ConfigError, match="advantage"):
        micro.micro_update(x, used[None], used[None], advantage=float("nan"))
    for name, array in micro.state().items():
        np.testing.assert_array_equal(array, before[name])


@given(seeds, st.integers(1, 4), st.integers(1, 5), st.floats(0.01, 1.0))
def test_merging_adds_the_products_exactly(
    seed: int, base_rank: int, rank: int, share: float
) -> None:
    base = BaseLoRA(DIM, max_rank=16)
    base.merge(normal(seed, base_rank, DIM), normal(seed + 1, base_rank, DIM))
    before = product(base.a, base.b)
    a, b = 0.3 * normal(seed + 2, rank, DIM), 0.3 * normal(seed + 3, rank, DIM)
    lost = base.merge(a, b, share)
    wanted = share * product(a, b)
    error = np.linalg.norm(product(base.a, base.b) - before - wanted)
    assert error <= 1e-5 * max(np.linalg.norm(wanted), 0.01 * np.linalg.norm(before))
    assert lost < 1e-12


def test_the_merge_is_exact_where_adding_factors_is_off_by_more_than_the_whole() -> None:
    big, small = (normal(i, 2, DIM) for i in (1, 2))
    b_big, b_small = (normal(i, 2, DIM) for i in (3, 4))
    base = BaseLoRA(DIM)
    base.merge(big, b_big)
    base.merge(small, b_small)
    truth = product(big, b_big) + product(small, b_small)
    scale = np.linalg.norm(product(small, b_small))
    assert np.linalg.norm(product(base.a, base.b) - truth) <= 1e-5 * scale
    assert np.linalg.norm(product(big + small, b_big + b_small) - truth) > scale


def test_beyond_the_largest_rank_the_best_approximation_is_kept_and_the_loss_told() -> None:
    a, b = normal(1, 8, DIM), normal(2, 8, DIM)
    base = BaseLoRA(DIM, max_rank=4)
    lost = base.merge(a, b)
    values = np.linalg.svd(product(a, b), compute_uv=False)
    error = np.linalg.norm(product(base.a, base.b) - product(a, b))
    assert base.rank == 4
    assert lost == pytest.approx((values[4:] ** 2).sum() / (values**2).sum(), rel=1e-6)
    assert error == pytest.approx(np.sqrt((values[4:] ** 2).sum()), rel=1e-5)


def test_merging_nothing_leaves_rank_0() -> None:
    base = BaseLoRA(DIM)
    zero = np.zeros((2, DIM), dtype=np.float32)
    assert base.merge(zero, zero) == 0.0
    assert base.rank == 0


def test_both_adapters_add_their_shifts() -> None:
    x, micro, base = unit(1, 5, DIM), taught(2), BaseLoRA(DIM)
    base.merge(unit(3, 2, DIM), unit(4, 2, DIM))
    dense = np.eye(DIM) + product(base.a, base.b) + micro.scale * product(micro.a, micro.b)
    np.testing.assert_allclose(adapt(x, base, micro), x @ dense.T, atol=1e-6)


def test_the_state_restores_every_bit_and_a_wrong_one_is_refused() -> None:
    base, other = BaseLoRA(DIM), BaseLoRA(DIM)
    base.merge(normal(3, 2, DIM), normal(4, 2, DIM))
    other.load(base.state())
    x = unit(1, 5, DIM)
    np.testing.assert_array_equal(other.apply(x), base.apply(x))
    with pytest.raises(SnapshotError):
        BaseLoRA(DIM + 1).load(base.state())
    with pytest.raises(SnapshotError):
        BaseLoRA(DIM, max_rank=1).load(base.state())
    with pytest.raises(SnapshotError, match="NaN"):
        other.load({**base.state(), "b": np.full_like(base.b, np.nan)})
    with pytest.raises(ShapeError):
        base.merge(base.a, base.b[:1])
    with pytest.raises(ConfigError, match="share"):
        base.merge(base.a, base.b, 0.0)

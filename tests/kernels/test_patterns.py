from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array, F64Array, I64Array, NamedArrays
from engrain.base.errors import NonFiniteError, ShapeError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds

COSINE, ROOM = 0.8, 200


class Bank:
    """A bank and what was kept and went in all batches so far."""

    def __init__(self, dim: int, capacity: int = 100) -> None:
        self.columns: NamedArrays = {
            "ids": np.zeros(ROOM, np.int64),
            "levels": np.zeros(ROOM, np.int64),
            "counts": np.zeros(ROOM),
            "sums": np.zeros((ROOM, dim)),
            "units": np.zeros((ROOM, dim)),
        }
        self.held, self.next, self.capacity = 0, 0, capacity
        self.kept: list[int] = []
        self.gone: list[list[int]] = []

    def add(self, centroids: F32Array, shares: F64Array, sizes: F64Array, level: int = 0) -> None:
        self.held, kept, gone = kernels.merge_patterns(
            self.columns,
            self.held,
            self.next,
            centroids,
            shares,
            sizes,
            level=level,
            cosine=COSINE,
            capacity=self.capacity,
        )
        self.next += len(centroids)
        self.kept += kept.tolist()
        self.gone += gone.tolist()

    def rows(self) -> NamedArrays:
        return {name: column[: self.held] for name, column in self.columns.items()}


Added = tuple[F32Array, F64Array, F64Array]


def rows_of(added: Added, begin: int, end: int) -> Added:
    centroids, shares, sizes = added
    return centroids[begin:end], shares[begin:end], sizes[begin:end]


def around_topics(seed: int, n: int, dim: int) -> Added:
    rng = np.random.default_rng(seed)
    topics = normal(seed, 6, dim)
    centroids = topics[rng.integers(0, 6, n)] + np.float32(0.7) * normal(seed + 1, n, dim)
    return centroids, rng.uniform(0.2, 1.0, n), rng.integers(1, 50, n).astype(float)


@pytest.mark.parametrize("dim", [e for e in EXTENTS if e])
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 40), capacity=st.integers(1, 20), seed=seeds)
def test_a_batch_agrees_with_the_oracle(
    simd: str, dim: int, n: int, capacity: int, seed: int
) -> None:
    added = around_topics(seed, n, dim)
    bank, empty = Bank(dim, capacity), Bank(dim).rows()
    del empty["units"]
    bank.add(*added)
    exact, kept, gone = reference.merge_patterns(empty, 0, *added, cosine=COSINE, capacity=capacity)
    found = bank.rows()
    assert bank.kept == kept.tolist()
    assert bank.gone == gone.tolist()
    np.testing.assert_array_equal(found["ids"], exact["ids"])
    np.testing.assert_array_equal(found["counts"], exact["counts"])
    if len(exact["ids"]):
        np.testing.assert_allclose(found["sums"], exact["sums"], rtol=1e-9, atol=1e-9)
        lengths = np.linalg.norm(found["sums"], axis=1, keepdims=True)
        np.testing.assert_allclose(found["units"] * lengths, found["sums"], rtol=1e-9, atol=1e-9)


@settings(max_examples=30)
@given(n=st.integers(2, 40), dim=st.integers(2, 40), at=st.integers(1, 39), seed=seeds)
def test_a_batch_equals_one_by_one_bit_for_bit(n: int, dim: int, at: int, seed: int) -> None:
    whole, single, parted = (Bank(dim, capacity=8) for _ in range(3))
    added = around_topics(seed, n, dim)
    whole.add(*added)
    for i in range(n):
        single.add(*rows_of(added, i, i + 1))
    parted.add(*rows_of(added, 0, at))
    parted.add(*rows_of(added, at, n))
    for other in (single, parted):
        assert (other.kept, other.gone) == (whole.kept, whole.gone)
        for name, column in whole.rows().items():
            assert other.rows()[name].tobytes() == column.tobytes()


def test_banks_are_equal_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        bank = Bank(77)
        bank.add(*around_topics(1, 60, 77))
        states.add(bank.columns["sums"].tobytes())
    set_simd_level(LEVELS[-1])
    assert len(states) == 1


def test_levels_do_not_mix() -> None:
    bank, added = Bank(16), around_topics(2, 1, 16)
    bank.add(*added)
    bank.add(*added, level=1)
    bank.add(*added, level=1)
    assert bank.kept == [0, 1, 1]
    assert bank.columns["levels"][:2].tolist() == [0, 1]


def test_bad_input_is_refused_and_changes_nothing() -> None:
    bank, (centroids, shares, sizes) = Bank(4), around_topics(3, 3, 4)
    zero, nan = centroids.copy(), centroids.copy()
    zero[1], nan[1] = 0.0, np.nan
    with pytest.raises(ShapeError, match="length 0"):
        bank.add(zero, shares, sizes)
    with pytest.raises(NonFiniteError):
        bank.add(nan, shares, sizes)
    with pytest.raises(TypeError):
        bank.add(centroids[::2], shares[::2], sizes[::2])
    for part in (shares[1:], sizes[None]):
        with pytest.raises(ValueError, match="shape"):
            bank.add(centroids, part, sizes)
    many: I64Array = np.zeros(ROOM + 1, np.int64)
    with pytest.raises(ValueError, match="room"):
        bank.add(centroids[many % 3], shares[many % 3], sizes[many % 3])
    assert bank.held == 0
    assert not bank.columns["counts"].any()

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.base.arrays import F32Array, I32Array, I64Array
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import extents, normal, seeds


def sparse(seed: int, n: int, height: int) -> tuple[I64Array, I32Array, F32Array]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 6, n) if height else np.zeros(n, int)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = rng.integers(0, max(height, 1), starts[-1]).astype(np.int32)
    return starts, columns, normal(seed, int(starts[-1]))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(n=extents, width=extents, seed=seeds)
def test_multiply_sparse_agrees_with_its_oracle(simd: str, n: int, width: int, seed: int) -> None:
    starts, columns, values = sparse(seed, n, 23)
    dense = normal(seed + 1, 23, width)
    got = kernels.multiply_sparse(starts, columns, values, dense)
    expected = reference.multiply_sparse(starts, columns, values, dense)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-5)


def test_multiply_sparse_is_equal_bit_for_bit_at_every_level() -> None:
    starts, columns, values = sparse(3, 50, 40)
    dense = normal(4, 40, 1003)
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        results.add(kernels.multiply_sparse(starts, columns, values, dense).tobytes())
    assert len(results) == 1


def test_multiply_sparse_refuses_indices_outside() -> None:
    starts, columns, values = sparse(1, 9, 5)
    dense = normal(0, 5, 8)
    with pytest.raises(ValueError, match="columns"):
        kernels.multiply_sparse(starts, columns + 5, values, dense)
    with pytest.raises(ValueError, match="starts"):
        kernels.multiply_sparse(starts[::-1].copy(), columns, values, dense)
    with pytest.raises(ValueError, match="starts"):
        kernels.multiply_sparse(starts[:-1].copy() - 1, columns, values, dense)
    with pytest.raises(TypeError):
        kernels.multiply_sparse(starts, columns, values.astype(np.float64), dense)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, extents, normal, seeds


@pytest.mark.parametrize("dim", EXTENTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=extents, seed=seeds)
def test_score_rows_agrees_with_its_oracle(simd: str, dim: int, n: int, seed: int) -> None:
    rows, query = normal(seed, n, dim), normal(seed + 1, dim)
    got = kernels.score_rows(rows, query)
    scale = np.abs(rows.astype(float)) @ np.abs(query.astype(float))
    assert np.all(np.abs(got - reference.score_rows(rows, query)) <= 1e-6 * scale + 1e-12)


@pytest.mark.parametrize("dim", EXTENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=extents, k=extents, seed=seeds)
def test_score_queries_agrees_with_its_oracle(
    simd: str, dim: int, n: int, k: int, seed: int
) -> None:
    rows, queries = normal(seed, n, dim), normal(seed + 1, k, dim)
    got = kernels.score_queries(rows, queries)
    scale = np.abs(rows.astype(float)) @ np.abs(queries.astype(float)).T
    exact = reference.score_queries(rows, queries)
    assert got.shape == exact.shape
    assert np.all(np.abs(got - exact) <= 1e-6 * scale + 1e-12)
    for q, query in enumerate(queries):
        np.testing.assert_array_equal(got[:, q], kernels.score_rows(rows, query))


def test_score_rows_is_equal_bit_for_bit_at_every_level() -> None:
    rows, query = normal(3, 50, 1003), normal(4, 1003)
    results = {set_simd_level(level): kernels.score_rows(rows, query).tobytes() for level in LEVELS}
    assert len(set(results.values())) == 1


def test_score_rows_refuses_what_it_would_have_to_copy() -> None:
    rows = normal(0, 4, 8)
    with pytest.raises(TypeError):
        kernels.score_rows(rows.astype(np.float64), rows[0])
    with pytest.raises(TypeError):
        kernels.score_rows(rows[:, ::2], rows[0, :4])
    with pytest.raises(ValueError, match="query"):
        kernels.score_rows(rows, rows[0, :7])
    with pytest.raises(ValueError, match="queries"):
        kernels.score_queries(rows, rows[:, :7].copy())


@pytest.mark.parametrize("dim", EXTENTS)
@pytest.mark.parametrize("n", [0, 1, 3, 4, 7, 17])
def test_compare_rows_agrees_with_its_oracle(simd: str, dim: int, n: int) -> None:
    rows = normal(dim + n, n, dim)
    rows[: n // 3] = 0.0
    got = kernels.compare_rows(rows)
    np.testing.assert_allclose(got, reference.compare_rows(rows), atol=2e-6)
    np.testing.assert_array_equal(got, got.T)


def test_compare_rows_is_equal_bit_for_bit_at_every_level() -> None:
    rows = normal(3, 50, 1003)
    results = {set_simd_level(level): kernels.compare_rows(rows).tobytes() for level in LEVELS}
    assert len(set(results.values())) == 1


def test_compare_rows_refuses_what_it_cannot_use() -> None:
    rows = normal(0, 4, 8)
    with pytest.raises(TypeError):
        kernels.compare_rows(rows[:, ::2])
    with pytest.raises(ValueError, match="dimensions"):
        kernels.compare_rows(rows[0])
    for value in ("nan", "inf", 1e30):
        rows[2, 3] = np.float32(value)
        with pytest.raises(ValueError, match="rows"):
            kernels.compare_rows(rows)

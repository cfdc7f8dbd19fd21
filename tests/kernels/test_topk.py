from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import NonFiniteError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, extents, normal, seeds


def unit(seed: int, *shape: int) -> F32Array:
    rows = normal(seed, *shape)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows


@pytest.mark.parametrize("n", EXTENTS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dim=extents, k=st.integers(0, 30), seed=seeds)
def test_topk_agrees_with_its_oracle(simd: str, n: int, dim: int, k: int, seed: int) -> None:
    rows, queries = normal(seed, n, dim), normal(seed + 1, 3, dim)
    batch_index, batch_score = kernels.topk(rows, queries, k)
    for i, query in enumerate(queries):
        index, score = kernels.topk(rows, query, k)
        wanted, exact = reference.topk(rows, query, k)
        tolerance = 1e-5 * max(1, dim**0.5)
        np.testing.assert_allclose(score, exact, atol=tolerance)
        np.testing.assert_allclose(batch_score[i], exact, atol=tolerance)
        # Another order only where scores are as good as tied.
        truth = rows.astype(float) @ query.astype(float)
        np.testing.assert_allclose(truth[index], exact, atol=tolerance)
        np.testing.assert_allclose(truth[batch_index[i]], exact, atol=tolerance)
        assert len(set(index.tolist())) == len(wanted)


def test_ties_go_to_the_smaller_index() -> None:
    rows = np.ones((5000, 16), dtype=np.float32)
    rows[::2] = 2
    query = np.ones(16, dtype=np.float32)
    assert kernels.topk(rows, query, 5)[0].tolist() == [0, 2, 4, 6, 8]
    assert kernels.topk(rows, np.stack([query] * 2), 5)[0].tolist() == [[0, 2, 4, 6, 8]] * 2


def test_topk_is_equal_bit_for_bit_at_every_level() -> None:
    rows, query, results = normal(3, 3000, 384), normal(4, 384), set()
    codes, scale = kernels.quantize_rows(rows)
    for level in LEVELS:
        set_simd_level(level)
        found = kernels.topk(rows, query, 20)
        coarse = kernels.topk_int8(codes, scale, rows, query, 20)
        results.add(tuple(array.tobytes() for array in (*found, *coarse)))
    assert len(results) == 1


def test_rows_that_are_not_finite_are_never_returned() -> None:
    rows, query = normal(5, 100, 20), normal(6, 20)
    rows[50:] = np.nan
    assert (kernels.topk(rows, query, 80)[0] < 50).all()
    index = kernels.topk(rows, np.stack([query] * 2), 80)[0]
    assert index.max() < 50
    assert (index[:, 50:] == -1).all()


@settings(max_examples=30)
@given(n=extents, dim=extents, seed=seeds)
def test_quantize_rows_agrees_with_its_oracle(n: int, dim: int, seed: int) -> None:
    rows = normal(seed, n, dim)
    codes, scale = kernels.quantize_rows(rows)
    exact, exact_scale = reference.quantize_rows(rows)
    np.testing.assert_allclose(scale, exact_scale, rtol=1e-6)
    assert np.abs(codes[:, :dim] - exact).max(initial=0) <= 1
    assert not codes[:, dim:].any()


@pytest.mark.parametrize("n", EXTENTS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dim=extents, k=st.integers(0, 30), seed=seeds, power=st.integers(-30, 30))
def test_codes_find_exactly_what_is_best(
    simd: str, n: int, dim: int, k: int, seed: int, power: int
) -> None:
    rows, query = normal(seed, n, dim), normal(seed + 1, dim) * np.float32(2.0**power)
    rows[1::3] = rows[::3][: len(rows[1::3])]  # ties
    rows[2::5] *= np.float32(1e-3)
    codes, scale = kernels.quantize_rows(rows)
    found = kernels.topk_int8(codes, scale, rows, query, k)
    for ours, exact in zip(found, kernels.topk(rows, query, k), strict=True):
        np.testing.assert_array_equal(ours, exact)


def test_codes_of_many_rows_find_exactly_what_is_best() -> None:
    rows, queries = unit(7, 20_000, 384), unit(8, 50, 384)
    codes, scale = kernels.quantize_rows(rows)
    for query in queries:
        index, score = kernels.topk_int8(codes, scale, rows, query, 10)
        exact, _ = reference.topk_int8(rows, query, 10)
        assert index.tolist() == exact.tolist()
        np.testing.assert_array_equal(score, kernels.topk(rows, query, 10)[1])


def test_codes_find_what_overflows() -> None:
    rows, query = normal(9, 100, 64), np.full(64, 3e38, np.float32)
    codes, scale = kernels.quantize_rows(rows)
    found = kernels.topk_int8(codes, scale, rows, query, 100)
    for ours, exact in zip(found, kernels.topk(rows, query, 100), strict=True):
        np.testing.assert_array_equal(ours, exact)


@pytest.mark.parametrize("n", [0, 1, 2, 17, 300])
@pytest.mark.parametrize("k", [0, 1, 16])
def test_knn_graph_agrees_with_its_oracle(n: int, k: int) -> None:
    rows = unit(9, n, 24)
    neighbours, scores = kernels.knn_graph(rows, k, block=64)
    exact, exact_scores = reference.knn_graph(rows, k)
    np.testing.assert_allclose(scores, exact_scores, atol=1e-5)
    assert neighbours.tolist() == exact.tolist()


def test_topk_refuses_bad_input() -> None:
    rows, query = normal(0, 10, 8), normal(1, 8)
    broken = query.copy()
    broken[0] = np.nan
    with pytest.raises(NonFiniteError):
        kernels.topk(rows, broken, 3)
    with pytest.raises(TypeError):
        kernels.topk(rows.astype(float), query, 3)
    with pytest.raises(TypeError):
        kernels.topk(rows[:, ::2], query[:4], 3)
    with pytest.raises(TypeError):
        kernels.topk(rows.astype(float), rows, 3)
    with pytest.raises(ValueError, match="query"):
        kernels.topk(rows, query[:4].copy(), 3)
    with pytest.raises(ValueError, match="queries"):
        kernels.topk(rows, np.ascontiguousarray(rows[:, :4]), 3)
    with pytest.raises(ValueError, match="k:"):
        kernels.topk(rows, query, -1)
    codes, scale = kernels.quantize_rows(rows)
    with pytest.raises(ValueError, match="scale"):
        kernels.topk_int8(codes, scale[:4].copy(), rows, query, 3)
    with pytest.raises(ValueError, match="infinity"):
        kernels.quantize_rows(np.full((2, 3), np.inf, dtype=np.float32))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import ShapeError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds


def unit(seed: int, n: int, dim: int) -> F32Array:
    rows = normal(seed, n, dim)
    scaled: F32Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def planted(seed: int, n: int, dim: int, groups: int) -> F32Array:
    rng = np.random.default_rng(seed)
    rows = unit(seed, groups, dim)[rng.integers(0, groups, n)] + 0.5 * unit(seed + 1, n, dim)
    scaled: F32Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


@pytest.mark.parametrize("n", EXTENTS)
def test_bfloat16_rounds_as_its_oracle_and_widens_exactly(simd: str, n: int) -> None:
    values = normal(n, n)
    halves = kernels.to_bfloat16(values)
    np.testing.assert_array_equal(kernels.from_bfloat16(halves), reference.to_bfloat16(values))
    np.testing.assert_array_equal(kernels.to_bfloat16(kernels.from_bfloat16(halves)), halves)


def test_ties_of_bfloat16_go_to_even() -> None:
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8], dtype=np.float32)
    expected = [1.0, 1 + 2**-6, -1.0]
    assert kernels.from_bfloat16(kernels.to_bfloat16(values)).tolist() == expected


@pytest.mark.parametrize("dim", [1, 7, 16, 63, 64, 65, 200])
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 120), lists=st.integers(1, 6), k=st.integers(1, 9), seed=seeds)
def test_search_agrees_with_its_oracle_when_all_are_candidates(
    simd: str, dim: int, n: int, lists: int, k: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = kernels.to_bfloat16(unit(seed, n, dim))
    labels = rng.integers(-1, lists, n)
    coded = kernels.code_lists(rows, labels, lists)
    queries = kernels.to_bfloat16(unit(seed + 1, 5, dim))
    probes = np.array([rng.permutation(lists)[: max(1, lists - 1)] for _ in range(5)], np.int32)
    found, scores = kernels.search_lists(coded, queries, probes, k, candidates=n + k)
    exact_rows, exact_queries = kernels.from_bfloat16(rows), kernels.from_bfloat16(queries)
    for q in range(5):
        best, expected = reference.search_lists(exact_rows, labels, exact_queries[q], probes[q], k)
        held = scores[q] > -np.inf
        assert held.sum() == len(best) == (found[q] >= 0).sum()
        np.testing.assert_allclose(scores[q][held], expected, atol=1e-6)
        products = exact_rows[found[q][held]] @ exact_queries[q]
        np.testing.assert_allclose(products, expected, atol=1e-6)


def test_codes_alone_find_nearly_all_of_the_best() -> None:
    rows = kernels.to_bfloat16(planted(1, 2000, 384, 40))
    coded = kernels.code_lists(rows, np.zeros(2000, np.int64), 1)
    own = np.arange(2000, dtype=np.int32)
    found, _ = kernels.search_lists(coded, rows, np.zeros((2000, 1), np.int32), 16, own=own)
    exact = kernels.from_bfloat16(rows)
    scores = exact @ exact.T
    np.fill_diagonal(scores, -np.inf)
    best = np.argsort(-scores, axis=1)[:, :16]
    recall = np.mean([len({*a} & {*b}) / 16 for a, b in zip(found, best, strict=True)])
    assert recall > 0.999
    assert not (found == own[:, None]).any()


def test_results_are_equal_at_every_level_and_for_any_threads() -> None:
    rows = kernels.to_bfloat16(planted(2, 1003, 100, 12))
    coded = kernels.code_lists(rows, np.arange(1003) % 7, 7)
    probes = np.array([[i % 7, (i + 2) % 7, -1] for i in range(1003)], np.int32)
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        for threads in (1, 2, 5):
            found, scores = kernels.search_lists(coded, rows, probes, 8, threads=threads)
            results.add(found.tobytes() + scores.tobytes())
    assert len(results) == 1


def test_bad_arguments_are_refused() -> None:
    rows = kernels.to_bfloat16(unit(3, 20, 8))
    coded = kernels.code_lists(rows, np.zeros(20, np.int64), 1)
    with pytest.raises(ValueError, match="candidates"):
        kernels.search_lists(coded, rows, np.zeros((20, 1), np.int32), 4, candidates=3)
    with pytest.raises(ValueError, match="probes: 1 is not in"):
        kernels.search_lists(coded, rows, np.ones((20, 1), np.int32), 4)
    with pytest.raises(TypeError):
        kernels.search_lists(coded, rows.astype(np.int32), np.zeros((20, 1), np.int32), 4)
    with pytest.raises(ShapeError, match="labels"):
        kernels.code_lists(rows, np.ones(20, np.int64), 1)
    with pytest.raises(ValueError, match="NaN"):
        kernels.to_bfloat16(np.array([np.nan], np.float32))

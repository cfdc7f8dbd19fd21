from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import NonFiniteError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds


def blobs(seed: int, n: int, dim: int, k: int) -> tuple[F32Array, I64Array]:
    truth = np.random.default_rng(seed).integers(0, k, n)
    return 6 * normal(seed, k, dim)[truth] + normal(seed + 1, n, dim), truth


@pytest.mark.parametrize("dim", EXTENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 60), k=st.integers(1, 12), seed=seeds)
def test_seeding_agrees_with_its_oracle(simd: str, dim: int, n: int, k: int, seed: int) -> None:
    rows, k = normal(seed, n, dim), min(k, n)
    chosen = kernels.kmeans_plus_plus(rows, k, seed=seed)
    uniforms = np.random.Generator(np.random.Philox(seed)).random(k)
    exact = reference.kmeans_plus_plus(rows, uniforms)
    differ = np.flatnonzero(chosen != exact)
    if len(differ):  # rounding may move a draw across a border, and only there
        at = int(differ[0])
        near = ((rows[:, None].astype(float) - rows[chosen[:at]]) ** 2).sum(2).min(1)
        running = np.cumsum(near) / max(near.sum(), 1e-30)
        assert abs(running[min(chosen[at], exact[at])] - uniforms[at]) < 1e-5 or near.sum() < 1e-9


def test_seeds_are_equal_at_every_level() -> None:
    rows, _ = blobs(1, 2000, 100, 20)
    chosen = set()
    for level in LEVELS:
        set_simd_level(level)
        chosen.add(kernels.kmeans_plus_plus(rows, 50, seed=9).tobytes())
    assert len(chosen) == 1


def test_clusters_are_equal_at_every_level() -> None:
    rows, _ = blobs(1, 2000, 100, 20)
    found = set()
    for level in LEVELS:
        set_simd_level(level)
        for spherical in (False, True):
            c = kernels.kmeans(rows, 30, spherical=spherical, seed=9)
            found.add(b"".join(a.tobytes() for a in (c.centres, c.labels, c.distances, c.sums)))
    set_simd_level(LEVELS[-1])
    assert len(found) == 2


@pytest.mark.parametrize("spread", [0.0, 6.0])
@pytest.mark.parametrize("dim", EXTENTS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 400), k=st.integers(1, 12), steps=st.integers(0, 3), seed=seeds)
def test_every_row_is_with_the_nearest_centre(
    simd: str, dim: int, spread: float, n: int, k: int, steps: int, seed: int
) -> None:
    rows = np.float32(spread) * normal(seed, 5, dim)[np.arange(n) % 5] + normal(seed + 1, n, dim)
    found = kernels.kmeans(rows, min(k, n), iterations=steps, seed=seed)
    exact = ((rows[:, None].astype(float) - found.centres) ** 2).sum(2)
    own = exact[np.arange(n), found.labels]
    assert (own <= exact.min(1) * (1 + 1e-5) + 1e-6).all()
    np.testing.assert_allclose(found.distances, own, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.counts, np.bincount(found.labels, minlength=min(k, n)))
    for c, total in enumerate(found.sums):
        np.testing.assert_allclose(total, rows[found.labels == c].sum(0, float), atol=1e-4)


def test_rows_are_drawn_by_their_squared_distance() -> None:
    rows = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    draws = [kernels.kmeans_plus_plus(rows, 2, seed=s).tolist() for s in range(6000)]
    after_zero = [second for first, second in draws if first == 0]
    assert np.mean(after_zero) - 1 == pytest.approx(0.9, abs=0.03)
    assert all(first != second for first, second in draws)


def test_planted_clusters_are_found_and_centres_are_their_means() -> None:
    rows, truth = blobs(2, 3000, 32, 8)
    found = kernels.kmeans(rows, 8, seed=3)
    assert found.converged
    for c in range(8):
        assert len(set(truth[found.labels == c].tolist())) == 1
    centres, labels = reference.kmeans(rows, found.centres)
    assert labels.tolist() == found.labels.tolist()
    np.testing.assert_allclose(found.centres, centres, atol=1e-3)
    exact = ((rows - centres[labels]) ** 2).sum(1)
    np.testing.assert_allclose(found.distances, exact, rtol=1e-3, atol=1e-3)


@settings(max_examples=30)
@given(n=st.integers(1, 80), k=st.integers(1, 10), dim=st.integers(1, 20), seed=seeds)
def test_every_step_lowers_the_sum_of_distances(n: int, k: int, dim: int, seed: int) -> None:
    rows = normal(seed, n, dim)
    sums = [
        float(kernels.kmeans(rows, min(k, n), iterations=i, seed=seed).distances.sum())
        for i in range(5)
    ]
    assert all(b <= a * (1 + 1e-4) + 1e-3 for a, b in itertools.pairwise(sums))


def test_directions_cluster_whatever_their_length() -> None:
    rows, truth = blobs(4, 1000, 16, 5)
    rows *= np.random.default_rng(0).uniform(0.01, 100, (1000, 1)).astype(np.float32)
    rows[0] = 0
    kept = rows.copy()
    found = kernels.kmeans(rows, 5, spherical=True, seed=2)
    np.testing.assert_allclose(np.linalg.norm(found.centres, axis=1), 1, atol=1e-5)
    assert rows.tobytes() == kept.tobytes()
    pure = sum(np.bincount(truth[found.labels == c]).max() for c in range(5))
    assert pure >= 950


def test_more_centres_than_distinct_rows_leave_no_cluster_undefined() -> None:
    rows = np.repeat(normal(0, 3, 4), 5, axis=0)
    found = kernels.kmeans(rows, 10)
    assert np.isfinite(found.centres).all()
    assert found.distances.max() < 1e-5
    assert found.counts.sum() == 15
    assert sorted(set(kernels.kmeans_plus_plus(rows, 3) // 5)) == [0, 1, 2]


def test_kmeans_refuses_bad_input() -> None:
    rows = normal(0, 10, 4)
    for k in (0, 11):
        with pytest.raises(ValueError, match="k:"):
            kernels.kmeans(rows, k)
    with pytest.raises(TypeError):
        kernels.kmeans_plus_plus(rows.astype(float), 2)
    with pytest.raises(TypeError):
        kernels.kmeans_plus_plus(rows[:, ::2], 2)
    rows[3, 3] = np.inf
    with pytest.raises(NonFiniteError):
        kernels.kmeans(rows, 2)
    with pytest.raises(NonFiniteError):
        kernels.kmeans_plus_plus(rows, 2)
    huge = np.full((3, 4), 3e38, dtype=np.float32)
    assert kernels.kmeans(huge, 2).labels.max() <= 1

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import normal, seeds

GRIDS = [(3, 4, 1), (5, 1, 1), (2, 3, 4)]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(grid=st.sampled_from(GRIDS), dim=st.sampled_from([1, 7, 16, 17, 64]), seed=seeds)
def test_online_training_agrees_with_its_oracle(
    simd: str, grid: tuple[int, int, int], dim: int, seed: int
) -> None:
    x, weights = normal(seed, 30, dim), normal(seed + 1, int(np.prod(grid)), dim)
    rate, sigma = np.linspace(1, 0.1, 30), np.linspace(2, 0.5, 30)
    wanted = reference.train_som_online(x.astype(float), weights.astype(float), grid, rate, sigma)
    best, distance = kernels.train_som_online(
        x, weights, grid, rate.astype(np.float32), sigma.astype(np.float32)
    )
    assert np.array_equal(best, wanted[1])
    assert np.allclose(distance, wanted[2], atol=1e-4)
    assert np.allclose(weights, wanted[0], atol=1e-4)


def test_online_training_is_equal_bit_for_bit_at_every_level() -> None:
    results = set()
    rate = np.full(200, 0.5, dtype=np.float32)
    for level in LEVELS:
        set_simd_level(level)
        weights = normal(1, 24, 33)
        kernels.train_som_online(normal(0, 200, 33), weights, (4, 3, 2), rate, rate + 1)
        results.add(weights.tobytes())
    assert len(results) == 1


def test_weights_stay_in_the_hull_at_the_fastest_setting() -> None:
    rng = np.random.default_rng(0)
    weights = rng.random((25, 3), dtype=np.float32)
    one = np.ones(20_000, dtype=np.float32)
    kernels.train_som_online(
        rng.random((20_000, 3), dtype=np.float32), weights, (5, 5, 1), one, 50 * one
    )
    assert weights.min() >= 0
    assert weights.max() <= 1


@given(n=st.integers(0, 40), units=st.integers(2, 30), seed=seeds)
def test_best_units_and_sums_agree_with_their_oracles(n: int, units: int, seed: int) -> None:
    x, weights = normal(seed, n, 5), normal(seed + 1, units, 5)
    dots, norms = x @ weights.T, (weights**2).sum(1)
    best, second = kernels.best_som_units(dots, norms)
    wanted = reference.best_som_units(dots, norms)
    assert np.array_equal(best, wanted[0])
    assert np.array_equal(second, wanted[1])
    sums, counts = kernels.accumulate_som(x, best, units)
    wanted_sums, wanted_counts = reference.accumulate_som(x, best, units)
    assert np.allclose(sums, wanted_sums, atol=1e-4)
    assert np.array_equal(counts, wanted_counts)


def test_wrong_input_is_refused() -> None:
    x, weights, rate = normal(0, 4, 3), normal(1, 6, 3), np.ones(4, dtype=np.float32)
    with pytest.raises(ValueError, match="rate"):
        kernels.train_som_online(x, weights, (2, 3, 1), 2 * rate, rate)
    with pytest.raises(ValueError, match="weights"):
        kernels.train_som_online(x, weights, (2, 2, 1), rate, rate)
    with pytest.raises(ValueError, match="outside the map"):
        kernels.accumulate_som(x, np.array([0, 1, 2, 6]), 6)
    with pytest.raises(ValueError, match="two units"):
        kernels.best_som_units(normal(0, 4, 1), normal(0, 1))

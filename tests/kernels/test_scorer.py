from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

from engrain import kernels
from engrain.base.arrays import F64Array
from engrain.kernels import reference
from engrain.kernels.reference.scorer import _hidden_sums
from engrain.kernels.scorer import init_scorer, scorer_parameters
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds


@pytest.mark.parametrize("n", EXTENTS)
@pytest.mark.parametrize("inputs", [1, 4, 11])
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
@example(seed=743922)
def test_the_scorer_agrees_with_its_oracle(simd: str, inputs: int, n: int, seed: int) -> None:
    parameters, features = init_scorer(inputs, seed), normal(seed, n, inputs)
    assert len(parameters) == scorer_parameters(inputs)
    np.testing.assert_allclose(
        kernels.score_features(parameters, features),
        reference.score_features(parameters, features),
        rtol=1e-5,
        atol=2e-5,
    )
    # Where a unit's input is nearly 0, float32 may see the other side of the ReLU.
    nearest = np.min(np.abs(np.hstack(_hidden_sums(parameters, features))), axis=1, initial=np.inf)
    upstream = np.where(nearest > 1e-5, normal(seed + 1, n), np.float32(0))
    expected = reference.backpropagate(parameters, features, upstream)
    got = kernels.backpropagate(parameters, features, upstream)
    scale = 1 + np.abs(expected).max(initial=0)
    np.testing.assert_allclose(got / scale, expected / scale, atol=2e-5)


def test_the_gradient_equals_finite_differences() -> None:
    parameters, features, upstream = init_scorer(4, 1), normal(2, 6, 4), normal(3, 6)

    def loss(p: F64Array) -> float:
        return float(upstream @ reference.score_features(p, features))

    gradient = reference.backpropagate(parameters, features, upstream)
    for i in np.random.default_rng(0).integers(0, len(parameters), 60):
        step = np.zeros(len(parameters))
        step[i] = 1e-6
        wide = parameters.astype(float)
        slope = (loss(wide + step) - loss(wide - step)) / 2e-6
        assert slope == pytest.approx(gradient[i], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("n", EXTENTS)
def test_the_optimisers_agree_with_their_oracles(simd: str, n: int) -> None:
    arrays = [normal(i, n) for i in range(3)] + [abs(normal(3, n))]
    parameters, gradient, mean, square = arrays
    expected = reference.adam_step(
        parameters, gradient, mean, square, 7, learning_rate=0.01, weight_decay=0.1
    )
    kernels.adam_step(parameters, gradient, mean, square, 7, learning_rate=0.01, weight_decay=0.1)
    for got, want in zip((parameters, mean, square), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    wanted = reference.sgd_step(parameters, gradient, 0.1)
    kernels.sgd_step(parameters, gradient, 0.1)
    np.testing.assert_allclose(parameters, wanted, rtol=1e-6, atol=1e-7)


def test_the_scorer_learns_a_linear_utility() -> None:
    features = normal(0, 256, 4)
    target = features @ np.array([1, -0.5, 0.3, 0.8], dtype=np.float32)
    parameters = init_scorer(4, 0)
    mean, square = np.zeros_like(parameters), np.zeros_like(parameters)
    for step in range(1, 301):
        error = (kernels.score_features(parameters, features) - target) / np.float32(256)
        gradient = kernels.backpropagate(parameters, features, error)
        kernels.adam_step(parameters, gradient, mean, square, step, learning_rate=0.01)
    fresh = normal(9, 200, 4)
    wanted = fresh @ np.array([1, -0.5, 0.3, 0.8])
    assert np.corrcoef(kernels.score_features(parameters, fresh), wanted)[0, 1] > 0.98


def test_the_scorer_is_equal_bit_for_bit_at_every_level() -> None:
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        parameters, features = init_scorer(4, 0), normal(0, 50, 4)
        logits = kernels.score_features(parameters, features)
        gradient = kernels.backpropagate(parameters, features, logits)
        kernels.adam_step(parameters, gradient, gradient * 0, gradient * 0, 1)
        results.add(parameters.tobytes() + gradient.tobytes())
    assert len(results) == 1


def test_the_scorer_refuses_what_it_cannot_use() -> None:
    parameters, features = init_scorer(4, 0), normal(0, 3, 4)
    with pytest.raises(TypeError):
        kernels.score_features(parameters, features.astype(float))
    with pytest.raises(ValueError, match="parameters"):
        kernels.score_features(parameters, normal(0, 3, 5))
    with pytest.raises(ValueError, match="features"):
        kernels.score_features(parameters, features * np.float32("inf"))
    with pytest.raises(ValueError, match="gradient"):
        kernels.sgd_step(parameters, parameters * np.float32("nan"), 0.1)
    with pytest.raises(ValueError, match="step"):
        kernels.adam_step(parameters, parameters, parameters * 0, parameters * 0, 0)

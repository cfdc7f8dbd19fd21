from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError
from engrain.kernels import InhibitionRule, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds

SIZES = [n for n in EXTENTS if n < 1000] + [203]


def similarities(seed: int, n: int) -> F32Array:
    rows = normal(seed, n, 8)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows @ rows.T)


@pytest.mark.parametrize("n", SIZES)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_inhibit_agrees_with_its_oracle(simd: str, n: int, seed: int) -> None:
    scores = np.random.default_rng(seed).random(n, dtype=np.float32)
    rule = InhibitionRule(sparsity=0.0)
    for matrix in (None, similarities(seed, n)):
        expected = reference.inhibit(scores, matrix, rule)
        np.testing.assert_allclose(kernels.inhibit(scores, matrix, rule), expected, atol=2e-5)


def test_winners_keep_their_order_and_a_fifth_is_silenced() -> None:
    scores = np.linspace(0.5, 1, 20, dtype=np.float32)
    got = kernels.inhibit(scores, None, InhibitionRule(strength=0.1))
    assert np.count_nonzero(got == 0) == 4
    assert (np.diff(got[4:]) > 0).all()
    assert got.max() <= 1
    np.testing.assert_allclose(
        got, reference.inhibit(scores, None, InhibitionRule(strength=0.1)), atol=1e-6
    )


def test_of_two_alike_the_weaker_gives_way_and_a_stranger_does_not() -> None:
    scores = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    alike = np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]], dtype=np.float32)
    got = kernels.inhibit(scores, alike, InhibitionRule(sparsity=0.0))
    assert got[1] < got[2] == scores[2]


def test_of_ties_the_later_is_silenced() -> None:
    scores = np.full(5, 0.9, dtype=np.float32)
    assert np.flatnonzero(kernels.inhibit(scores) == 0).tolist() == [4]


def test_inhibition_is_equal_bit_for_bit_at_every_level() -> None:
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        results.add(kernels.inhibit(abs(normal(1, 77)), similarities(2, 77)).tobytes())
    assert len(results) == 1


def test_inhibition_refuses_what_it_cannot_use() -> None:
    scores = abs(normal(1, 4))
    with pytest.raises(TypeError):
        kernels.inhibit(scores.astype(float))
    with pytest.raises(TypeError, match="similarity"):
        kernels.inhibit(scores, np.eye(4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="similarity"):
        kernels.inhibit(scores, similarities(0, 5))
    with pytest.raises(ValueError, match="scores"):
        kernels.inhibit(scores * np.float32("nan"))
    with pytest.raises(ConfigError, match="temperature"):
        InhibitionRule(temperature=0)

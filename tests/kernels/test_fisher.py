from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds


@pytest.mark.parametrize("n", EXTENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_fisher_and_penalty_agree_with_their_oracles(simd: str, n: int, seed: int) -> None:
    fisher, g, anchor = np.abs(normal(seed, n)), normal(seed + 1, n), normal(seed + 2, n)
    exact = reference.update_fisher(fisher, g, decay=0.9, gain=0.1)
    kernels.update_fisher(fisher, g, decay=0.9, gain=0.1)
    np.testing.assert_allclose(fisher, exact, rtol=1e-6, atol=1e-7)
    penalty, force = reference.elastic_penalty(g, anchor, fisher, strength=3.0)
    pull = np.ones(n, dtype=np.float32)
    got = kernels.elastic_penalty(g, anchor, fisher, strength=3.0, gradient=pull)
    assert got == pytest.approx(penalty, rel=1e-5)
    assert got == kernels.elastic_penalty(g, anchor, fisher, strength=3.0)
    np.testing.assert_allclose(pull, 1 + force, rtol=1e-5, atol=1e-5)


def test_the_sum_of_a_million_terms_stays_exact() -> None:
    w, zero = np.ones(2**20 + 7, dtype=np.float32), np.zeros(2**20 + 7, dtype=np.float32)
    assert kernels.elastic_penalty(w, zero, w, strength=2.0) == 2**20 + 7


def test_state_is_equal_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        fisher = np.abs(normal(0, 33, 77))
        kernels.update_fisher(fisher, normal(1, 33, 77), decay=0.95, gain=1.0)
        penalty = kernels.elastic_penalty(fisher, normal(2, 33, 77), fisher, strength=1.0)
        states.add((fisher.tobytes(), penalty))
    assert len(states) == 1


@pytest.mark.parametrize("n", [1, 8, 64])
def test_linear_fisher_is_exact_per_sample_at_any_batch_size(n: int) -> None:
    inputs, deltas = normal(0, n, 31), normal(1, n, 12)
    exact = reference.linear_fisher(inputs, deltas)
    np.testing.assert_allclose(kernels.linear_fisher(inputs, deltas), exact, rtol=1e-5)


def test_the_penalty_is_0_at_the_anchor_and_its_gradient_is_true() -> None:
    w, fisher = normal(0, 50), np.abs(normal(1, 50))
    assert kernels.elastic_penalty(w, w, fisher, strength=9.0) == 0
    _, force = reference.elastic_penalty(w, w * 0, fisher, strength=9.0)
    for i in range(50):
        ends = []
        for side in (1e-5, -1e-5):
            moved = w.astype(float)
            moved[i] += side
            ends.append(reference.elastic_penalty(moved, w * 0, fisher, strength=9.0)[0])
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(force[i], rel=1e-6, abs=1e-8)


def test_fisher_refuses_bad_input_before_any_change() -> None:
    fisher, g = np.ones(20, dtype=np.float32), normal(0, 20)
    g[19] = np.nan
    with pytest.raises(NonFiniteError):
        kernels.update_fisher(fisher, g, decay=0.9, gain=0.1)
    assert (fisher == 1).all()
    with pytest.raises(TypeError):
        kernels.update_fisher(fisher, g.astype(float), decay=0.9, gain=0.1)
    with pytest.raises(TypeError):
        kernels.update_fisher(fisher[::2], g[:10], decay=0.9, gain=0.1)
    with pytest.raises(ValueError, match="shape"):
        kernels.update_fisher(fisher, g[:10].copy(), decay=0.9, gain=0.1)
    with pytest.raises(ConfigError, match="decay"):
        kernels.update_fisher(fisher, fisher, decay=1.1, gain=0.1)
    with pytest.raises(ConfigError, match="strength"):
        kernels.elastic_penalty(fisher, fisher, fisher, strength=-1.0)
    with pytest.raises(ValueError, match="n > 0"):
        kernels.linear_fisher(normal(0, 0, 3), normal(0, 0, 3))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds


def unit(seed: int, n: int, dim: int) -> F32Array:
    rows = normal(seed, n, dim)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.mark.parametrize("dim", EXTENTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(0, 6), shared=st.booleans(), angle=st.floats(0.01, 1.5), seed=seeds)
def test_reconsolidate_agrees_with_its_oracle(
    simd: str, dim: int, n: int, shared: bool, angle: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    memories, rows = normal(seed, 4, dim), rng.integers(0, 4, n)
    queries = normal(seed + 1, dim) if shared else normal(seed + 1, n, dim)
    rates = rng.uniform(-1, 1, n).astype(np.float32)
    wanted = reference.reconsolidate(memories, rows, queries, rates, max_angle=angle)
    kernels.reconsolidate(memories, rows, queries, rates, max_angle=angle)
    if dim != 1:
        np.testing.assert_allclose(memories, wanted, atol=3e-4)


def test_good_outcomes_turn_toward_the_query_and_bad_ones_away() -> None:
    memories, query = unit(0, 100, 64), unit(1, 1, 64)[0]
    rates = np.where(np.arange(100) % 2, 0.1, -0.1).astype(np.float32)
    before = kernels.reconsolidate(memories, np.arange(100), query, rates)
    np.testing.assert_allclose(before, unit(0, 100, 64) @ query, atol=1e-6)
    assert (np.sign(memories @ query - before) == np.sign(rates)).all()


def test_no_turn_exceeds_the_bound_and_length_stays_1() -> None:
    memories, query = unit(2, 200, 384), normal(3, 384)
    before = memories.copy()
    rates = np.linspace(-1, 1, 200, dtype=np.float32)
    kernels.reconsolidate(memories, np.arange(200), query, rates, max_angle=0.05)
    angles = np.arccos(np.clip((memories * before).sum(1, dtype=float), -1, 1))
    assert angles.max() <= 0.05 + 1e-4
    for _ in range(1000):
        kernels.reconsolidate(memories, np.arange(200), query, rates, max_angle=0.05)
    np.testing.assert_allclose(np.linalg.norm(memories, axis=1), 1, atol=1e-6)


def test_what_has_no_direction_to_turn_to_stays_bit_for_bit() -> None:
    memories = unit(4, 4, 33)
    memories[1] = 0
    query = memories[0] * np.float32(2)
    before = memories.tobytes()
    rows = np.array([0, 1, 2])
    cosine = kernels.reconsolidate(memories, rows, query, np.array([0.5, 0.5, 0], dtype=np.float32))
    assert cosine[1] == 0
    assert cosine[0] == pytest.approx(1)
    kernels.reconsolidate(memories, rows, np.zeros(33, np.float32), np.full(3, 0.5, np.float32))
    np.testing.assert_allclose(
        memories, np.frombuffer(before, np.float32).reshape(4, 33), atol=1e-6
    )
    assert memories[1:].tobytes() == before[33 * 4 :]


def test_state_is_equal_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        memories = normal(5, 20, 1003)
        rates = np.linspace(-1, 1, 20, dtype=np.float32)
        kernels.reconsolidate(memories, np.arange(20), normal(6, 20, 1003), rates)
        states.add(memories.tobytes())
    assert len(states) == 1


def test_reconsolidate_refuses_bad_input_before_any_change() -> None:
    memories, rows = unit(7, 4, 16), np.arange(4)
    query, rates = normal(8, 16), np.full(4, 0.1, dtype=np.float32)
    before = memories.tobytes()
    broken = query.copy()
    broken[15] = np.inf
    with pytest.raises(NonFiniteError, match="queries"):
        kernels.reconsolidate(memories, rows, broken, rates)
    with pytest.raises(ValueError, match="rates"):
        kernels.reconsolidate(memories, rows, query, rates * np.float32(np.nan))
    with pytest.raises(ValueError, match="rows"):
        kernels.reconsolidate(memories, rows + 1, query, rates)
    with pytest.raises(ValueError, match="queries"):
        kernels.reconsolidate(memories, rows, query[:15].copy(), rates)
    with pytest.raises(TypeError):
        kernels.reconsolidate(memories.astype(float), rows, query, rates)
    with pytest.raises(TypeError):
        kernels.reconsolidate(memories[:, ::2], rows, query[:8].copy(), rates)
    with pytest.raises(ConfigError, match="max_angle"):
        kernels.reconsolidate(memories, rows, query, rates, max_angle=2.0)
    assert memories.tobytes() == before

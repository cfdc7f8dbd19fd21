from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import MicroLoRA, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds

RATES: dict[str, Any] = {"learning_rate": 0.3, "scale": 0.7, "decay": 0.99, "epsilon": 1e-3}


def case(
    seed: int, n: int, rank: int, dim: int, adapters: int = 3
) -> tuple[F32Array, F32Array, F32Array, F32Array, I64Array]:
    """Return a, b, x, gradient and adapter of a random batch, of about unit length each."""
    size = np.float32(1 / np.sqrt(max(dim, 1)))
    a, b = normal(seed, adapters, rank, dim) * size, normal(seed + 1, adapters, rank, dim) * size
    x, g = normal(seed + 2, n, dim) * size, normal(seed + 3, n, dim) * size
    return a, b, x, g, np.random.default_rng(seed).integers(0, adapters, n)


@pytest.mark.parametrize("dim", EXTENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(0, 5), rank=st.integers(1, 16), normalised=st.booleans(), seed=seeds)
def test_lora_agrees_with_its_oracle(
    simd: str, dim: int, n: int, rank: int, normalised: bool, seed: int
) -> None:
    a, b, x, g, adapter = case(seed, n, rank, dim)
    got = kernels.apply_lora(a, b, x, adapter, scale=0.7)
    np.testing.assert_allclose(
        got, reference.apply_lora(a, b, x, adapter, scale=0.7), rtol=2e-5, atol=2e-5
    )
    wanted = reference.update_lora(a, b, x, g, adapter, normalised=normalised, **RATES)
    kernels.update_lora(a, b, x, g, adapter, normalised=normalised, **RATES)
    for factor, exact in zip((a, b), wanted, strict=True):
        np.testing.assert_allclose(
            factor, exact, rtol=1e-3, atol=1e-3 * max(1, np.abs(exact).max(initial=0))
        )


def test_state_is_equal_bit_for_bit_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        a, b, x, g, adapter = case(5, 40, 2, 1003)
        kernels.update_lora(a, b, x, g, adapter, **RATES)
        micro = MicroLoRA(1003)
        micro.study(x, g, x[:, 0].copy(), np.arange(40))
        y = kernels.apply_lora(a, b, x, adapter)
        states.add(b"".join(v.tobytes() for v in (a, b, y, micro.a, micro.b)))
    assert len(states) == 1


@pytest.mark.parametrize("dim", [e for e in EXTENTS if e])
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(0, 6), rank=st.integers(1, 8), seed=seeds)
def test_lessons_are_followed_as_the_oracle_has_it(
    simd: str, dim: int, n: int, rank: int, seed: int
) -> None:
    a, b, x, towards, _ = case(seed, n, rank, dim, 1)
    advantages, places = normal(seed, n), np.random.default_rng(seed).permutation(n)
    micro, single = (MicroLoRA(dim, rank, **RATES) for _ in range(2))
    for each in (micro, single):
        each.load({"a": a[0], "b": b[0], "updates": np.array([3])})
    micro.study(x, towards, advantages, places)
    wanted = a[0].astype(float), b[0].astype(float)
    for place in places:
        single.study(x, towards, advantages, places[places == place])
        wanted = reference.follow_lora(
            *wanted, x[place], towards[place], float(advantages[place]), **RATES
        )
    assert micro.updates == single.updates == 3 + n
    for factor, one, exact in zip((micro.a, micro.b), (single.a, single.b), wanted, strict=True):
        assert factor.tobytes() == one.tobytes()
        np.testing.assert_allclose(
            factor, exact, rtol=1e-3, atol=1e-3 * max(1, np.abs(exact).max(initial=0))
        )


def test_bad_lessons_are_refused_before_they_are_learned() -> None:
    _, _, x, towards, _ = case(3, 4, 2, 8, 1)
    micro, told, places = MicroLoRA(8), normal(3, 4), np.arange(4)
    micro.study(x, towards, told, places)
    before = micro.state()
    with pytest.raises(ShapeError, match="places"):
        micro.study(x, towards, told, places + 1)
    with pytest.raises(ShapeError):
        micro.study(x, towards[1:], told, places)
    with pytest.raises(TypeError):
        micro.study(np.asfortranarray(x), towards, told, places)
    for bad in (x * np.float32(np.nan), x * np.float32(np.inf)):
        with pytest.raises(NonFiniteError, match="row 2"):
            micro.study(bad, towards, told, places[2:])
    with pytest.raises(NonFiniteError):
        micro.study(x, towards, told * np.float32(np.nan), places)
    for name, value in before.items():
        np.testing.assert_array_equal(micro.state()[name], value)


def test_the_oracle_is_the_gradient_by_finite_differences() -> None:
    a, b, x, g, adapter = (v.astype(float) for v in case(7, 1, 3, 11, 1))
    after = reference.update_lora(
        a, b, x, g, adapter, learning_rate=1.0, scale=0.7, normalised=False
    )
    for which, factor in enumerate((a, b)):
        slope = np.zeros_like(factor)
        for at in np.ndindex(factor.shape):
            ends = []
            for side in (1e-6, -1e-6):
                moved = [a.copy(), b.copy()]
                moved[which][at] += side
                y = reference.apply_lora(moved[0], moved[1], x, adapter, scale=0.7)
                ends.append((y * g).sum())
            slope[at] = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(factor - after[which], slope, rtol=1e-6, atol=1e-9)


def test_every_adapter_moves_in_the_right_direction_and_a_bad_outcome_away() -> None:
    moves = []
    for seed in range(400):
        x, g = (v / np.linalg.norm(v) for v in (normal(seed, 256), normal(seed + 1000, 256)))
        good, bad = MicroLoRA(256, seed=seed), MicroLoRA(256, seed=seed)
        for _ in range(3):
            good.update(x, -g)
            bad.update(x, g)
        toward, away = good.apply(x) - x, bad.apply(x) - x
        moves.append((toward @ g, toward @ away / np.linalg.norm(toward) / np.linalg.norm(away)))
    along, cosine = np.array(moves).T
    assert (along > 0).all()
    assert (cosine <= -0.99).all()


def test_one_normalised_step_realises_the_learning_rate() -> None:
    for size in (0.1, 1.0, 30.0):
        lora = MicroLoRA(384, learning_rate=0.2, epsilon=1e-9, seed=3)
        x, g = normal(1, 384) * np.float32(size), normal(2, 384)
        lora.update(x, g)
        np.testing.assert_allclose(lora.apply(x) - x, -0.2 * g, rtol=1e-2, atol=1e-3)


def test_the_effect_is_local() -> None:
    x, g, other = (v / np.linalg.norm(v) for v in normal(11, 3, 384))
    near = 0.9 * x + np.sqrt(1 - 0.81) * other
    lora = MicroLoRA(384, rank=2, seed=1)
    for _ in range(100):
        lora.update(x, -g)
    effect = [float((lora.apply(v.astype(np.float32)) - v) @ g) for v in (x, near, other)]
    assert effect[1] / effect[0] >= 0.8
    assert abs(effect[2] / effect[0]) <= 0.1


def test_a_rank_two_adapter_learns_rank_two() -> None:
    lora = MicroLoRA(128, rank=2, seed=4)
    for i in range(50):
        lora.update(normal(i, 128), normal(1000 + i % 2, 128))
    outputs = np.stack([lora.apply(v) - v for v in normal(99, 8, 128)])
    spectrum = np.linalg.svd(outputs, compute_uv=False)
    assert spectrum[1] > 0.01 * spectrum[0]
    assert spectrum[2] < 1e-4 * spectrum[0]


def test_an_untrained_adapter_is_the_identity_bit_for_bit() -> None:
    x = normal(0, 64)
    x[:3] = -0.0, 0.0, 1e-40
    lora = MicroLoRA(64, rank=2)
    assert lora.apply(x).tobytes() == x.tobytes()
    lora.update(x, normal(1, 64))
    assert lora.apply(x).tobytes() != x.tobytes()
    lora.reset(7)
    assert lora.apply(x).tobytes() == x.tobytes()


def test_an_adapter_continues_bit_for_bit_after_a_restart() -> None:
    first = MicroLoRA(96, rank=2, decay=0.999, seed=1)
    for i in range(20):
        first.update(normal(i, 96), normal(i + 50, 96))
    second = MicroLoRA(96, rank=2, decay=0.999, seed=2)
    second.load(first.state())
    for lora in (first, second):
        lora.update(normal(77, 96), normal(78, 96))
    assert first.updates == second.updates == 21
    assert first.a.tobytes() == second.a.tobytes()
    assert first.b.tobytes() == second.b.tobytes()
    with pytest.raises(SnapshotError, match="shape"):
        MicroLoRA(95).load(first.state())


def test_micro_lora_equals_the_batch_kernel() -> None:
    lora = MicroLoRA(100, rank=2, learning_rate=0.3, scale=0.7, decay=0.99)
    a, b = lora.a[None].copy(), lora.b[None].copy()
    x, g = normal(5, 4, 100), normal(6, 4, 100)
    for xi, gi in zip(x, g, strict=True):
        lora.update(xi, gi)
    kernels.update_lora(a, b, x, g, **RATES)
    assert lora.a.tobytes() == a.tobytes()
    assert lora.b.tobytes() == b.tobytes()
    assert lora.apply(x[0]).tobytes() == kernels.apply_lora(a, b, x[:1], scale=0.7).tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_lora_refuses_what_is_not_finite_before_any_change(bad: float) -> None:
    lora = MicroLoRA(17)
    lora.update(normal(0, 17), normal(1, 17))
    before = lora.a.tobytes(), lora.b.tobytes()
    a, b, x, g, adapter = case(1, 3, 2, 17)
    kept = a.copy()
    x[2, 16] = bad
    with pytest.raises(NonFiniteError):
        lora.update(x[2], g[0])
    with pytest.raises(NonFiniteError):
        lora.update(g[0], x[2])
    with pytest.raises(NonFiniteError):
        kernels.update_lora(a, b, x, g, adapter)
    assert (lora.a.tobytes(), lora.b.tobytes(), lora.updates) == (*before, 1)
    assert a.tobytes() == kept.tobytes()


def test_lora_refuses_what_it_would_have_to_copy() -> None:
    a, b, x, g, adapter = case(1, 3, 2, 16)
    lora = MicroLoRA(16)
    for wrong in (x.astype(float), np.asfortranarray(x), x[::2]):
        with pytest.raises(TypeError):
            kernels.apply_lora(a, b, wrong, adapter[: len(wrong)])
    for row in (x[0].astype(float), normal(0, 32)[::2], [0.0] * 16):
        with pytest.raises(TypeError, match="x: expected"):
            lora.update(row, g[0])  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="extent 16"):
        lora.apply(normal(0, 15))
    with pytest.raises(ValueError, match="outside"):
        kernels.update_lora(a, b, x, g, np.array([0, 1, 3]))
    with pytest.raises(ConfigError, match="decay"):
        MicroLoRA(16, decay=1.5)
    with pytest.raises(ConfigError, match="learning_rate"):
        kernels.update_lora(a, b, x, g, adapter, learning_rate=0.0)


@pytest.mark.parametrize("dim", [1, 7, 16, 17, 384])
@pytest.mark.parametrize("rank", [1, 3, 8])
def test_project_lora_agrees_with_its_oracle(simd: str, dim: int, rank: int) -> None:
    lora = MicroLoRA(dim, rank, scale=0.7)
    a, b, *_ = case(3, 4, rank, dim)
    lora.load({"a": a[0], "b": b[0], "updates": np.array([1])})
    _, norm = reference.project_lora(a[0], b[0], 0.7, np.inf)
    for radius in (2.0 * norm, 0.5 * norm, 0.0):
        wanted, exact = reference.project_lora(lora.a, lora.b, 0.7, radius)
        np.testing.assert_allclose(lora.project(radius), exact, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(lora.b, wanted, rtol=1e-4, atol=1e-6)
    with pytest.raises(ConfigError):
        lora.project(-1.0)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import normal, seeds

MODELS = 3


def weights(seed: int, dim: int, hidden: int) -> F32Array:
    count = hidden * (dim + hidden + 2 + MODELS) + 2 + MODELS
    return np.float32(0.5) * normal(seed, count)


def lessons(seed: int, n: int, dim: int) -> tuple[F32Array, F32Array]:
    rng = np.random.default_rng(seed)
    targets = rng.random((n, MODELS), dtype=np.float32)
    targets[rng.random(targets.shape) < 0.4] = np.nan
    return normal(seed, n, dim) / np.float32(np.sqrt(dim)), targets


@pytest.mark.parametrize("dim", [1, 7, 16, 17, 384])
@pytest.mark.parametrize("hidden", [1, 8, 17, 32])
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_logits_and_epochs_agree_with_the_oracle(
    simd: str, dim: int, hidden: int, seed: int
) -> None:
    w, (x, targets) = weights(seed, dim, hidden), lessons(seed, 23, dim)
    exact = reference.forward_fastgrnn(w, x, hidden=hidden, models=MODELS, gain=3.0)
    logits = kernels.forward_fastgrnn(w, x, hidden=hidden, models=MODELS, gain=3.0)
    np.testing.assert_allclose(logits, exact, rtol=1e-5, atol=1e-5)
    rng = np.random.default_rng(seed)
    order = rng.integers(0, 23, 40)
    kept, added = 0.9 + 0.1 * rng.random(len(w)), 0.01 * rng.standard_normal(len(w))
    wanted, loss = reference.descend_fastgrnn(
        w,
        x,
        targets,
        order,
        hidden=hidden,
        gain=3.0,
        batch=8,
        rate=0.3,
        kept=kept,
        added=added,
    )
    found = kernels.descend_fastgrnn(
        w,
        x,
        targets,
        order,
        hidden=hidden,
        gain=3.0,
        batch=8,
        rate=0.3,
        kept=kept.astype(np.float32),
        added=added.astype(np.float32),
    )
    np.testing.assert_allclose(w, wanted, rtol=2e-4, atol=2e-5)
    assert found == pytest.approx(loss, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("dim", [1, 16, 17, 384])
@pytest.mark.parametrize("hidden", [1, 17, 32])
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_fisher_information_agrees_with_the_oracle(
    simd: str, dim: int, hidden: int, seed: int
) -> None:
    w, (x, _) = weights(seed, dim, hidden), lessons(seed, 23, dim)
    actions = np.random.default_rng(seed).integers(0, MODELS, 23)
    exact = reference.fisher_fastgrnn(w, x, actions, hidden=hidden, gain=3.0)
    found = kernels.fisher_fastgrnn(w, x, actions, hidden=hidden, gain=3.0)
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-7 + 1e-5 * exact.max())


def test_epochs_in_one_call_are_epochs_one_by_one() -> None:
    (one, other), (x, targets) = (weights(5, 20, 8) for _ in range(2)), lessons(5, 30, 20)
    order = np.stack([np.random.default_rng(e).permutation(30) for e in range(3)])
    losses = [
        kernels.descend_fastgrnn(one, x, targets, epoch, hidden=8, batch=7, rate=0.5)
        for epoch in order
    ]
    last = kernels.descend_fastgrnn(other, x, targets, order, hidden=8, batch=7, rate=0.5)
    assert one.tobytes() == other.tobytes()
    assert last == losses[-1]


def test_weights_are_equal_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        w, (x, targets) = weights(1, 77, 19), lessons(1, 100, 77)
        for _ in range(5):
            kernels.descend_fastgrnn(
                w, x, targets, np.arange(100), hidden=19, gain=3.0, batch=7, rate=0.5
            )
        fisher = kernels.fisher_fastgrnn(w, x, np.arange(100) % MODELS, hidden=19, gain=3.0)
        states.add(w.tobytes() + fisher.tobytes())
    set_simd_level(LEVELS[-1])
    assert len(states) == 1


def test_extreme_inputs_saturate() -> None:
    w = weights(2, 8, 8)
    logits = kernels.forward_fastgrnn(w, np.full((1, 8), 1e30, np.float32), hidden=8, models=MODELS)
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() <= np.abs(w[-3:]).max() + 2 * np.abs(w[-27:-3]).sum()


def test_nothing_to_learn_changes_nothing() -> None:
    w, (x, targets) = weights(3, 8, 4), lessons(3, 5, 8)
    before = w.copy()
    none = np.zeros(0, np.int64)
    kind = {"hidden": 4, "batch": 2, "rate": 0.5}
    assert kernels.descend_fastgrnn(w, x, targets, none, **kind) == 0.0  # type: ignore[arg-type]
    unknown = np.full_like(targets, np.nan)
    order = np.arange(5)
    assert kernels.descend_fastgrnn(w, x, unknown, order, **kind) == 0.0  # type: ignore[arg-type]
    np.testing.assert_array_equal(w, before)


def test_bad_input_is_refused_and_changes_nothing() -> None:
    w, (x, targets), order = weights(4, 8, 4), lessons(4, 5, 8), np.arange(5)
    before = w.copy()

    def descend(w: F32Array = w, rate: float = 0.5, **changed: object) -> None:
        given = {"x": x, "targets": targets, "order": order, "hidden": 4, "batch": 2, **changed}
        kernels.descend_fastgrnn(w, rate=rate, **given)  # type: ignore[arg-type]

    with pytest.raises(TypeError):
        descend(x=x.astype(np.float64))
    with pytest.raises(TypeError):
        descend(x=np.asfortranarray(x))
    for changed in (
        {"x": x[:4]},
        {"hidden": 5},
        {"order": order + 1},
        {"batch": 0},
        {"w": w[1:].copy()},
        {"kept": w},
        {"targets": targets[:, :2].copy()},
    ):
        with pytest.raises(ValueError, match=r"expected|fit|not in"):
            descend(**changed)
    with pytest.raises(ConfigError, match="rate"):
        descend(rate=0.0)
    with pytest.raises(NonFiniteError, match="learning rate"):
        descend(x=np.full_like(x, np.inf))
    np.testing.assert_array_equal(w, before)
    for bad in (order[1:], order, order - 1):
        with pytest.raises(ValueError, match=r"expected|fit|not in"):
            kernels.fisher_fastgrnn(w, x, bad, hidden=4)
    with pytest.raises(ValueError, match="fit"):
        kernels.fisher_fastgrnn(w[1:].copy(), x, order % MODELS, hidden=4)

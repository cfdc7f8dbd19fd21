from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops import FastGRNNRouter, RouterSample

DIM, MODELS, N = 6, 3, 5


@pytest.fixture
def router() -> FastGRNNRouter:
    made = FastGRNNRouter(DIM, MODELS, hidden=4, seed=1)
    made.set_weights(np.random.default_rng(0).normal(0.0, 0.7, len(made.get_weights())))
    return made


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("shape", [(N,), (N, MODELS)])
def test_the_gradient_agrees_with_finite_differences(
    router: FastGRNNRouter, steps: int, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, steps, DIM))
    actions, targets = rng.integers(0, MODELS, N), rng.random(shape)
    if len(shape) == 2:
        targets[rng.random(shape) < 0.3] = np.nan
    _, gradient = router.gradient(x, actions, targets)
    weights, numeric = router.get_weights(), np.zeros_like(gradient)
    for i in range(len(weights)):
        losses = []
        for sign in (1.0, -1.0):
            moved = weights.copy()
            moved[i] += sign * 1e-5
            router.set_weights(moved)
            losses.append(router.gradient(x, actions, targets)[0])
        numeric[i] = (losses[0] - losses[1]) / 2e-5
    assert np.linalg.norm(gradient - numeric) <= 1e-6 * np.linalg.norm(numeric)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_fisher_is_the_mean_square_gradient_under_the_models_own_outcomes(
    router: FastGRNNRouter, steps: int
) -> None:
    rng = np.random.default_rng(2)
    x, actions = rng.standard_normal((N, steps, DIM)), rng.integers(0, MODELS, N)
    wanted = np.zeros_like(router.get_weights())
    for one, action in zip(x, actions, strict=True):
        p = router.forward(one[None])[0, action]
        for outcome, odds in ((1.0, p), (0.0, 1.0 - p)):
            wanted += odds * router.gradient(one[None], action[None], np.array([outcome]))[1] ** 2
    np.testing.assert_allclose(router.fisher(x, actions), wanted / N, rtol=1e-9)


def test_the_cell_is_the_published_one(router: FastGRNNRouter) -> None:
    w, x = router._views, np.random.default_rng(3).standard_normal((2, DIM))
    h = np.zeros(4)
    for step in x:
        shared = w["W"] @ step + w["U"] @ h
        z = 1 / (1 + np.exp(-(shared + w["b_z"])))
        c = np.tanh(shared + w["b_h"])
        zeta, nu = (1 / (1 + np.exp(-w[name])) for name in ("zeta", "nu"))
        h = (zeta * (1 - z) + nu) * c + z * h
    wanted = 1 / (1 + np.exp(-(w["V"] @ h + w["b"])))
    np.testing.assert_allclose(router.forward(x[None])[0], wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_choice_is_the_best_expected_outcome(dtype: type) -> None:
    router = FastGRNNRouter(DIM, MODELS, hidden=4, gain=3.0, seed=1, dtype=dtype)
    rng = np.random.default_rng(4)
    router.set_weights(rng.normal(0.0, 0.7, len(router.get_weights())))
    x = rng.standard_normal((50, DIM)).astype(np.float32)
    chosen = [router.choose(row) for row in x]
    np.testing.assert_array_equal(chosen, router.forward(x).argmax(axis=1))
    assert len(set(chosen)) > 1


def test_an_epoch_is_its_steps_and_one_that_diverges_is_undone(router: FastGRNNRouter) -> None:
    rng = np.random.default_rng(5)
    x, actions = rng.standard_normal((6, DIM)), rng.integers(0, MODELS, 6)
    lessons = router.lessons(x, actions, rng.random(6), np.ones(6))
    weights = router.get_weights()
    other = FastGRNNRouter(DIM, MODELS, hidden=4)
    other.set_weights(weights)
    anchor, pull = rng.standard_normal((2, len(weights)))
    pull = np.abs(pull)
    order = np.array([3, 1, 0, 5, 4, 2])
    kind = {"batch_size": 4, "anchor": anchor, "pull": pull}
    router.descend(lessons, order, learning_rate=0.5, **kind)
    for rows in (order[:4], order[4:]):
        part = (lessons.features[rows], actions[rows], lessons.targets[rows])
        other.apply_gradients(other.gradient(*part)[1], 0.5)
        other.set_weights((other.get_weights() + pull * anchor) / (1.0 + pull))
    np.testing.assert_allclose(router.get_weights(), other.get_weights(), rtol=1e-12)
    before = router.get_weights()
    with pytest.raises(NonFiniteError, match="learning rate"), np.errstate(all="ignore"):
        router.descend(lessons, order, learning_rate=0.5, **{**kind, "anchor": anchor * np.inf})
    np.testing.assert_array_equal(router.get_weights(), before)


def test_outcomes_of_all_models_teach_what_each_alone_would(router: FastGRNNRouter) -> None:
    rng = np.random.default_rng(6)
    x, targets = rng.standard_normal((N, DIM)), rng.random((N, MODELS))
    parts = [router.gradient(x, np.full(N, model), targets[:, model]) for model in range(MODELS)]
    loss, gradient = router.gradient(x, np.zeros(N, np.int64), targets)
    assert loss == pytest.approx(sum(part[0] for part in parts))
    np.testing.assert_allclose(gradient, sum(part[1] for part in parts), rtol=1e-9, atol=1e-12)


def test_lateness_costs_and_punctuality_does_not() -> None:
    router = FastGRNNRouter(DIM, MODELS, lateness=0.2)
    x = np.zeros(DIM, dtype=np.float32)
    samples = [RouterSample(x, 0, 0.9, cost) for cost in (0.5, 1.0, 2.0, 100.0)]
    np.testing.assert_allclose(router.batch(samples).targets, [0.9, 0.9, 0.7, 0.0])


def test_bad_input_is_refused_and_changes_nothing(router: FastGRNNRouter) -> None:
    before = router.get_weights()
    with pytest.raises(ShapeError, match="features"):
        router.forward(np.zeros((2, DIM + 1)))
    with pytest.raises(NonFiniteError, match="features"):
        router.forward(np.full((2, DIM), np.nan))
    with pytest.raises(NonFiniteError, match="gradients"):
        router.apply_gradients(np.full_like(before, np.inf), 0.1)
    with pytest.raises(ShapeError, match="weights"):
        router.set_weights(before[1:])
    with pytest.raises(ShapeError, match="action"):
        router.batch([RouterSample(np.zeros(DIM, dtype=np.float32), MODELS, 0.5, 1.0)])
    with pytest.raises(NonFiniteError, match="features"):
        router.choose(np.full(DIM, np.nan))
    with pytest.raises(ShapeError, match="features"):
        router.choose(np.zeros(DIM + 1))
    with pytest.raises(ConfigError):
        FastGRNNRouter(DIM, 0)
    with pytest.raises(ConfigError, match="gain"):
        FastGRNNRouter(DIM, MODELS, gain=0.0)
    np.testing.assert_array_equal(router.get_weights(), before)

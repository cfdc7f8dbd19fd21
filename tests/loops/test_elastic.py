from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops import (
    BackgroundLearningConfig,
    EWCPlusPlusState,
    FastGRNNRouter,
    RouterSample,
    measure_fisher,
    train_router,
)

DIM, MODELS = 16, 4
CONFIG = BackgroundLearningConfig(learning_rate=1.0, batch_size=32, ewc_lambda=20.0)


def lessons(task: int, n: int = 300) -> list[RouterSample]:
    """Return questions of one topic, on which another model is right in each half-space."""
    rng = np.random.default_rng(task)
    centre = 3.0 * np.eye(DIM)[task]
    x = (centre + rng.standard_normal((n, DIM))).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    right = (task + (x[:, 8 + task] > 0)) % MODELS
    asked = rng.integers(0, MODELS, n)
    return [
        RouterSample(v, int(a), float(a == r), 1.0) for v, a, r in zip(x, asked, right, strict=True)
    ]


def accuracy(router: FastGRNNRouter, task: int) -> float:
    held_out = lessons(task, 900)[300:]
    x, asked, outcomes = router.batch(held_out)
    return float(np.mean((router.forward(x)[np.arange(len(x)), asked] > 0.5) == outcomes))


def after_five_tasks(strength: float) -> float:
    """Return the accuracy on the first of five tasks once all are learned, without replay."""
    config = replace(CONFIG, ewc_lambda=strength)
    router = FastGRNNRouter(DIM, MODELS, seed=3)
    ewc = EWCPlusPlusState(len(router.get_weights()), gamma=1.0)
    for task in range(5):
        train_router(router, router.batch(lessons(task)), ewc, config, epochs=60, seed=task)
        ewc.observe(measure_fisher(router, router.batch(lessons(task)), config, seed=task))
        ewc.settle(router.get_weights())
    return accuracy(router, 0)


def test_training_learns_which_model_answers_what() -> None:
    router = FastGRNNRouter(DIM, MODELS, seed=3)
    before = accuracy(router, 0)
    ewc = EWCPlusPlusState(len(router.get_weights()))
    loss = train_router(router, router.batch(lessons(0)), ewc, CONFIG, epochs=60)
    assert accuracy(router, 0) > max(before, 0.9)
    assert loss < 0.35


def test_the_penalty_keeps_more_of_the_first_of_five_tasks() -> None:
    assert after_five_tasks(200.0) > after_five_tasks(0.0) + 0.05


def test_a_strong_penalty_holds_the_weights_and_never_diverges() -> None:
    router = FastGRNNRouter(DIM, MODELS, seed=3)
    ewc = EWCPlusPlusState(len(router.get_weights()))
    ewc.update_fisher(np.full_like(router.get_weights(), 1e6), router.get_weights())
    before = router.get_weights()
    train_router(router, router.batch(lessons(1)), ewc, replace(CONFIG, ewc_lambda=1e6))
    np.testing.assert_allclose(router.get_weights(), before, atol=1e-9)


def test_loss_and_gradient_are_those_of_the_quadratic() -> None:
    rng = np.random.default_rng(0)
    ewc = EWCPlusPlusState(5, gamma=0.5)
    first, second, w = rng.random(5), rng.random(5), rng.standard_normal(5)
    assert ewc.regularization_loss(w) == 0.0
    ewc.update_fisher(first, np.zeros(5))
    ewc.update_fisher(second, np.ones(5))
    fisher = 0.5 * first + second
    assert ewc.regularization_loss(w) == pytest.approx(0.5 * np.sum(fisher * (w - 1) ** 2))
    np.testing.assert_allclose(ewc.gradient(w), fisher * (w - 1))


def test_a_task_averages_its_measurements_and_protects_once_it_is_settled() -> None:
    ewc, weights = EWCPlusPlusState(2, gamma=0.5, alpha=0.25), np.array([3.0, 4.0])
    ewc.settle(weights)
    assert not ewc.anchor.any()
    for value in (1.0, 2.0):
        ewc.observe(np.full(2, value))
    assert not ewc.fisher.any()
    ewc.settle(weights)
    whole = 1.0 - 0.75**2
    np.testing.assert_allclose(ewc.fisher, (0.75 * 0.25 * 1.0 + 0.25 * 2.0) / whole)
    np.testing.assert_array_equal(ewc.anchor, weights)
    ewc.observe(np.ones(2))
    ewc.settle(np.zeros(2))
    np.testing.assert_allclose(ewc.fisher, 0.5 * (0.1875 + 0.5) / whole + 1.0)


def test_the_number_of_fisher_samples_acts() -> None:
    router = FastGRNNRouter(DIM, MODELS, seed=3)
    found = []
    for count in (1, 50):
        config = replace(CONFIG, fisher_samples=count)
        fisher = measure_fisher(router, router.batch(lessons(0)), config)
        found.append(np.count_nonzero(fisher[-MODELS:]))
    assert found == [1, MODELS]


def test_state_restores_and_bad_input_changes_nothing() -> None:
    ewc, other = EWCPlusPlusState(5), EWCPlusPlusState(5)
    ewc.update_fisher(np.ones(5), np.arange(5.0))
    ewc.observe(np.arange(5.0))
    other.load(ewc.state())
    for each in (ewc, other):
        each.settle(np.arange(5.0))
    np.testing.assert_array_equal(other.anchor, ewc.anchor)
    np.testing.assert_array_equal(other.fisher, ewc.fisher)
    with pytest.raises(ShapeError):
        EWCPlusPlusState(6).load(ewc.state())
    with pytest.raises(NonFiniteError, match="fisher"):
        ewc.update_fisher(np.full(5, np.nan), np.zeros(5))
    with pytest.raises(ConfigError):
        EWCPlusPlusState(5, gamma=1.5)
    with pytest.raises(ConfigError):
        EWCPlusPlusState(5, alpha=0.0)
    np.testing.assert_array_equal(ewc.anchor, np.arange(5.0))

from __future__ import annotations

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.kernels import reference
from engrain.loops.cell import part_weights, run_cell, sigmoid, write_fisher, write_gradient

DIM, MODELS, HIDDEN, ROWS = 5, 3, 4, 11
SIZES = {"dim": DIM, "models": MODELS, "hidden": HIDDEN}
COUNT = HIDDEN * (DIM + HIDDEN + 2 + MODELS) + 2 + MODELS


def case(steps: int) -> tuple[F64Array, F64Array]:
    rng = np.random.default_rng(steps)
    return 0.5 * rng.standard_normal(COUNT), rng.standard_normal((ROWS, steps, DIM))


def test_parts_are_views_of_all_weights() -> None:
    flat = np.arange(COUNT, dtype=np.float64)
    parts = part_weights(flat, **SIZES)
    np.testing.assert_array_equal(np.concatenate([p.ravel() for p in parts.values()]), flat)
    parts["V"][:] = -1.0
    assert (flat == -1.0).sum() == MODELS * HIDDEN


def test_over_one_step_it_is_the_compiled_cells_oracle() -> None:
    w, x = case(1)
    parts = part_weights(w, **SIZES)
    logits = reference.forward_fastgrnn(w, x[:, 0], hidden=HIDDEN, models=MODELS)
    np.testing.assert_allclose(run_cell(parts, x).logits, logits, rtol=1e-12)
    actions, summed = np.arange(ROWS) % MODELS, np.empty(COUNT)
    write_fisher(parts, x, actions, part_weights(summed, **SIZES))
    exact = reference.fisher_fastgrnn(w, x[:, 0], actions, hidden=HIDDEN)
    np.testing.assert_allclose(summed / ROWS, exact, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("every", [False, True])
def test_gradients_agree_with_finite_differences(steps: int, every: bool) -> None:
    w, x = case(steps)
    rng = np.random.default_rng(9)
    actions, targets = rng.integers(0, MODELS, ROWS), rng.random((ROWS, MODELS))
    targets[rng.random(targets.shape) < 0.3] = np.nan
    told = targets if every else rng.random(ROWS)
    gradient, unused = np.empty(COUNT), part_weights(np.empty(COUNT), **SIZES)

    def loss(at: F64Array) -> float:
        return write_gradient(part_weights(at, **SIZES), x, actions, told, unused)

    write_gradient(part_weights(w, **SIZES), x, actions, told, part_weights(gradient, **SIZES))
    for i in range(COUNT):
        step = np.zeros(COUNT)
        step[i] = 1e-6
        assert (loss(w + step) - loss(w - step)) / 2e-6 == pytest.approx(gradient[i], abs=1e-7)


def test_the_sigmoid_saturates() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])

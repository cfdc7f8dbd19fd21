from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.arrays import BoolArray, F32Array, F64Array, I8Array, I64Array
from engrain.base.errors import ShapeError
from engrain.kernels.reference.rank import log_loss
from engrain.memory.fit import FitReport, Lists, fit_beside_places, fit_map, temperature
from tests.strategies import seeds

optimize: Any = pytest.importorskip("scipy.optimize")


class Stored:
    """Random judged lists whose targets follow planted weights."""

    def __init__(self, seed: int, lists: int = 30, columns: int = 5) -> None:
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 12, lists)
        self.offsets: I64Array = np.concatenate([[0], np.cumsum(sizes)])
        scale = rng.random(columns) * 3 + 0.1
        self.rows: F32Array = (rng.standard_normal((sizes.sum(), columns)) * scale).astype("f4")
        planted = rng.standard_normal(columns) / scale
        chosen = [
            o + rng.choice(n, p=softmax(self.rows[o : o + n] @ planted))
            for o, n in zip(self.offsets, sizes, strict=False)
        ]
        self.targets: F32Array = np.zeros(len(self.rows), dtype=np.float32)
        self.targets[chosen] = rng.random(lists) * 0.5 + 0.5
        self.targets[self.offsets[3] : self.offsets[4]] = 0
        self.value: F64Array = rng.random(lists) + 0.5
        self.lam: F64Array = rng.choice([10.0, 100.0], lists)
        self.base = np.zeros(columns)
        self.base[:2] = 1
        self.signs: I8Array = rng.integers(-1, 2, columns).astype(np.int8)
        self.free: BoolArray = rng.random(columns) < 0.9
        self.fixed = np.where(self.free, 0, 0.3)
        self.stiffness: F64Array = rng.choice([1.0, 30.0], columns)

    def lists(self) -> Lists:
        """All lists, each of them with a target."""
        self.targets[self.offsets[:-1]] = 1
        scales = self.rows.std(axis=0, dtype=np.float64)
        return Lists(self.rows, self.targets, self.offsets, self.value, scales)

    def fit(self, evidence: BoolArray | None = None) -> FitReport:
        return fit_map(
            self.rows,
            self.targets,
            self.offsets,
            value=self.value,
            lam=self.lam,
            base=self.base,
            signs=self.signs,
            free=self.free,
            fixed=self.fixed,
            precision_unit=100.0,
            stiffness=self.stiffness,
            evidence=evidence,
        )

    def objective(self, weights: F64Array, report: FitReport) -> float:
        """The documented objective, list by list."""
        sums = np.add.reduceat(self.targets, self.offsets[:-1])
        taught = np.flatnonzero(sums > 0)
        factor = self.value[taught] / self.value[taught].mean() / self.lam[taught]
        total = 0.0
        for c, q in zip(factor, taught, strict=True):
            part = slice(self.offsets[q], self.offsets[q + 1])
            total += c * log_loss(self.rows[part] @ weights, self.targets[part])
        prior = np.where(self.free, report.temperature * self.base, self.fixed)
        apart = ((weights - prior) * report.scales) ** 2
        return total + 0.5 * float((self.stiffness * apart).sum())


def softmax(z: F64Array) -> F64Array:
    e = np.exp(z - z.max())
    return np.asarray(e / e.sum(), dtype=np.float64)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_the_fit_is_the_optimum_under_its_signs(seed: int) -> None:
    stored = Stored(seed)
    report = stored.fit()
    v = report.weights * report.scales

    def objective(scaled: F64Array) -> float:
        return stored.objective(scaled / report.scales, report)

    step = 1e-5
    gradient = np.array(
        [(objective(v + d) - objective(v - d)) / (2 * step) for d in step * np.eye(5)]
    )
    at_bound = (stored.signs != 0) & (v == 0)
    inside = stored.free & ~at_bound
    assert np.abs(gradient[inside]).max(initial=0) < 1e-3
    assert (stored.signs * gradient >= -1e-3)[stored.free & at_bound].all()
    assert (stored.signs * v >= 0)[stored.free].all()
    assert (report.weights == stored.fixed)[~stored.free].all()


def test_the_fit_agrees_with_a_general_optimiser() -> None:
    stored = Stored(11)
    stored.free[:] = True
    stored.fixed[:] = 0
    report = stored.fit()
    bounds = [{1: (0, None), -1: (None, 0), 0: (None, None)}[int(s)] for s in stored.signs]
    other = optimize.minimize(
        lambda v: stored.objective(v / report.scales, report),
        np.zeros(5),
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 500},
    )
    np.testing.assert_allclose(report.weights * report.scales, other.x, atol=2e-4)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, columns=st.integers(2, 6))
def test_gradient_and_curvature_agree_with_differences(seed: int, columns: int) -> None:
    lists = Stored(seed, lists=6, columns=columns).lists()
    v: F64Array = 0.3 * np.random.default_rng(seed).standard_normal((columns,))
    gradient, curvature = lists.derivatives(v)
    step = 1e-5
    moves: F64Array = step * np.eye(columns)
    for k, d in enumerate(moves):
        slope = (lists.loss(v + d) - lists.loss(v - d)) / (2 * step)
        assert gradient[k] == pytest.approx(slope, abs=1e-4)
        bend = (lists.derivatives(v + d)[0] - lists.derivatives(v - d)[0]) / (2 * step)
        np.testing.assert_allclose(curvature[k], bend, atol=1e-3)


@pytest.mark.parametrize("planted", [0.3, 1.0, 3.0])
def test_the_temperature_minimises_the_loss(planted: float) -> None:
    stored = Stored(3, lists=400)
    base = stored.base / stored.rows.std(0) * planted
    lists = stored.lists()
    for beside in (np.zeros(len(base)), np.roll(base, 1)):
        other = optimize.minimize_scalar(
            lambda a, b=beside: lists.loss((a * base + b) * lists.scales),
            bounds=(0.05, 5),
            method="bounded",
        )
        assert temperature(lists, base, beside) == pytest.approx(other.x, abs=1e-3)


def test_the_prior_of_evidence_keeps_its_size_where_the_static_one_is_scaled() -> None:
    stored = Stored(5)
    stored.signs[:] = 0
    stored.free[:] = True
    stored.base[:] = [1.0, 0.5, 0.0, 2.0, 0.0]
    evidence = np.array([False, False, False, True, True])
    stored.lam[:] = 1e9
    found = stored.fit(evidence)
    expected = np.where(evidence, stored.base, found.temperature * stored.base)
    np.testing.assert_allclose(found.weights, expected, atol=1e-5)
    assert found.temperature != pytest.approx(1.0, abs=0.01)


def test_nothing_taught_keeps_the_weights() -> None:
    stored = Stored(1)
    stored.targets[:] = 0
    stored.fixed[:] = np.arange(5)
    report = stored.fit()
    assert report.lists == 0
    assert report.weights.tolist() == [0, 1, 2, 3, 4]


def test_shapes_that_do_not_fit_are_refused() -> None:
    for spoil in ("targets", "offsets", "value"):
        stored = Stored(1)
        setattr(stored, spoil, getattr(stored, spoil)[:-1])
        with pytest.raises(ShapeError):
            stored.fit()


PLANTED = np.array([1.0, -0.5, 0.3])


def fit_clicks(bias: float) -> tuple[FitReport, FitReport]:
    """Fit 400 lists of 10 with a click each, by weights alone and beside places.

    Clicks follow planted weights times 1 / rank ** bias; lists were ranked by other weights.
    """
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((400, 10, 3))
    order = np.argsort(-np.einsum("qdk,qk->qd", rows, PLANTED + rng.standard_normal((400, 3))))
    rows = np.take_along_axis(rows, order[:, :, None], axis=1)
    prominence = -np.log(np.arange(1, 11))
    targets = np.zeros((400, 10), np.float32)
    for own, ranked in zip(targets, rows, strict=True):
        own[rng.choice(10, p=softmax(ranked @ PLANTED + bias * prominence))] = 1
    lists = rows.reshape(-1, 3).astype(np.float32), targets.ravel(), np.arange(0, 4001, 10)
    known: dict[str, Any] = {
        "value": np.ones(400),
        "lam": np.ones(400),
        "base": np.zeros(3),
        "signs": np.zeros(3, np.int8),
        "free": np.ones(3, np.bool_),
        "fixed": np.zeros(3),
        "precision_unit": 1.0,
        "stiffness": np.ones(3),
        "evidence": np.zeros(3, np.bool_),
    }
    placed = np.tile(prominence, 400).astype(np.float32)
    return fit_map(*lists, **known), fit_beside_places(*lists, prominence=placed, **known)


@pytest.mark.parametrize("bias", [0.0, 0.5, 1.0])
def test_what_is_clicked_for_its_place_is_not_put_down_to_the_row(bias: float) -> None:
    naive, aware = fit_clicks(bias)
    assert aware.place_bias == pytest.approx(bias, abs=0.15)
    np.testing.assert_allclose(aware.weights, PLANTED, atol=0.2)
    assert aware.precision.shape == naive.precision.shape
    if bias == 1.0:
        assert np.abs(naive.weights - PLANTED).max() > 0.3


def test_users_who_look_at_the_last_are_not_held_to_look_at_the_first() -> None:
    naive, aware = fit_clicks(-1.0)
    assert aware.place_bias == 0.0
    np.testing.assert_allclose(aware.weights, naive.weights, atol=1e-6)

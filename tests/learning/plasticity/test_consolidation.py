from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.learning.plasticity import (
    EWCRegularizer,
    SynapticIntelligence,
    fisher_information,
)


def logistic_gradients(weights: F64Array, rows: F64Array, labels: F64Array) -> F64Array:
    p = 1 / (1 + np.exp(-rows @ weights))
    return np.asarray((labels - p)[:, None] * rows)


def test_fisher_is_the_same_however_samples_are_batched() -> None:
    gradients = np.random.default_rng(0).standard_normal((64, 10))
    whole = fisher_information(gradients)
    for batch in (1, 8, 64):
        parts = [fisher_information(g) * len(g) for g in np.split(gradients, 64 // batch)]
        np.testing.assert_allclose(np.sum(parts, axis=0) / 64, whole, rtol=1e-12)
    assert (whole >= 0).all()


def test_fisher_of_logistic_regression_has_its_closed_form() -> None:
    rng = np.random.default_rng(1)
    weights, rows = np.array([0.5, -1.0, 0.2]), rng.standard_normal((200_000, 3))
    p = 1 / (1 + np.exp(-rows @ weights))
    labels = (rng.random(len(rows)) < p).astype(np.float64)
    expected = (rows**2 * (p * (1 - p))[:, None]).mean(axis=0)
    fisher = fisher_information(logistic_gradients(weights, rows, labels))
    np.testing.assert_allclose(fisher, expected, rtol=0.03)


@pytest.mark.parametrize("mode", ["ewc", "online", "ewc++"])
def test_the_penalty_is_zero_at_the_anchor_and_its_gradient_true(
    mode: Literal["ewc", "online", "ewc++"],
) -> None:
    rng = np.random.default_rng(2)
    anchor, gradients = rng.standard_normal(5), rng.standard_normal((20, 5))
    ewc = EWCRegularizer(2.0, mode)
    ewc.consolidate(anchor, gradients)
    assert ewc.penalty(anchor) == 0.0
    here = anchor + rng.standard_normal(5)
    assert ewc.penalty(anchor + 2 * (here - anchor)) == pytest.approx(
        4 * ewc.penalty(here), rel=1e-5
    )
    for i, unit in enumerate(np.eye(5) * 0.5):
        slope = ewc.penalty(here + unit) - ewc.penalty(here - unit)
        assert ewc.gradient(here)[i] == pytest.approx(slope, rel=1e-4, abs=1e-5)
    other = EWCRegularizer(4.0, mode)
    other.load(ewc.state())
    assert other.penalty(here) == pytest.approx(2 * ewc.penalty(here), rel=1e-5)


def test_modes_combine_tasks_as_their_papers_say() -> None:
    first, second = np.full((1, 1), 2.0), np.full((1, 1), 4.0)
    fishers = {}
    modes: list[Literal["online", "ewc++"]] = ["online", "ewc++"]
    for mode in modes:
        ewc = EWCRegularizer(1.0, mode, decay=0.75)
        ewc.consolidate([0.0], first)
        ewc.consolidate([1.0], second)
        fishers[mode] = float(ewc.anchors[0][1][0])
        assert ewc.penalty([1.0]) == 0.0
    assert fishers == {"online": 0.75 * 4 + 16, "ewc++": 0.75 * 4 + 0.25 * 16}
    ewc = EWCRegularizer(1.0)
    ewc.consolidate([0.0], first)
    ewc.consolidate([1.0], second)
    assert ewc.penalty([0.5]) == pytest.approx(0.5 * (4 + 16) * 0.25)


def test_merged_anchors_keep_the_shape_of_their_sum() -> None:
    rng = np.random.default_rng(3)
    tasks = [(rng.standard_normal(4), rng.standard_normal((9, 4))) for _ in range(6)]
    full, capped = EWCRegularizer(1.0), EWCRegularizer(1.0, max_tasks=3)
    for anchor, gradients in tasks:
        full.consolidate(anchor, gradients)
        capped.consolidate(anchor, gradients)
    assert len(capped.anchors) == 3
    here = rng.standard_normal(4)
    np.testing.assert_allclose(capped.gradient(here), full.gradient(here), rtol=1e-4)


def fit(weights: F64Array, rows: F64Array, labels: F64Array, *rules: object) -> F64Array:
    weights = weights.copy()
    for _ in range(300):
        gradient = -logistic_gradients(weights, rows, labels).mean(axis=0)
        total = gradient.copy()
        for rule in rules:
            total += rule.gradient(weights)  # type: ignore[attr-defined]
        step = -0.5 * total
        for rule in rules:
            if isinstance(rule, SynapticIntelligence):
                rule.observe(gradient, step)
        weights += step
    return weights


@pytest.mark.parametrize("kind", ["ewc", "si"])
def test_an_anchor_keeps_the_first_task(kind: str) -> None:
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((500, 6))
    tasks = [rows.copy(), rows.copy()]
    tasks[0][:, 3:], tasks[1][:, :2] = 0.0, 0.0
    labels = [
        np.asarray(tasks[0][:, 0] + tasks[0][:, 2] > 0, dtype=np.float64),
        np.asarray(tasks[1][:, 4] - tasks[1][:, 2] > 0, dtype=np.float64),
    ]

    def accuracy(weights: F64Array) -> float:
        return float(((tasks[0] @ weights > 0) == labels[0]).mean())

    rule = EWCRegularizer(1.0) if kind == "ewc" else SynapticIntelligence(np.zeros(6), 1.0)
    first = fit(np.zeros(6), tasks[0], labels[0], *([rule] if kind == "si" else []))
    if isinstance(rule, EWCRegularizer):
        rule.consolidate(first, logistic_gradients(first, tasks[0], labels[0]))
    else:
        rule.consolidate(first)
    forgot, kept = fit(first, tasks[1], labels[1]), fit(first, tasks[1], labels[1], rule)
    assert accuracy(kept) > accuracy(forgot) + 0.05


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="gradients"):
        fisher_information(np.ones(3))
    with pytest.raises(ValueError, match="NaN"):
        fisher_information(np.full((1, 2), np.nan))
    with pytest.raises(ValueError, match="weights"):
        EWCRegularizer().consolidate(np.ones(2), np.ones((1, 3)))
    with pytest.raises(ValueError, match="mode"):
        EWCRegularizer(mode="other")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="strength"):
        EWCRegularizer(-1.0)
    with pytest.raises(ValueError, match="damping"):
        SynapticIntelligence([0.0], damping=0.0)
    with pytest.raises(ValueError, match="NaN"):
        SynapticIntelligence([0.0]).observe([np.nan], [0.0])
    with pytest.raises(ValueError, match="gradient"):
        SynapticIntelligence([0.0]).observe([0.0, 1.0], [0.0])
    si = SynapticIntelligence([0.0], strength=2.0)
    si.observe([-1.0], [0.5])
    si.consolidate([0.5])
    assert si.penalty([1.5]) == pytest.approx(2.0 * 0.5 / (0.25 + 0.1))


def test_saved_synaptic_intelligence_continues_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    first, second = SynapticIntelligence(np.zeros(4)), SynapticIntelligence(np.ones(4))
    first.observe(rng.standard_normal(4), rng.standard_normal(4))
    second.load(first.state())
    gradient, weights = rng.standard_normal((2, 4))
    for learned in (first, second):
        learned.observe(gradient, -gradient)
        learned.consolidate(weights)
    assert first.penalty(np.zeros(4)) == second.penalty(np.zeros(4)) > 0

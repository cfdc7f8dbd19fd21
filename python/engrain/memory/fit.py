"""MAP fit of the ranking weights from stored lists: convex, projected Newton, deterministic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I8Array, I64Array
from engrain.base.errors import ShapeError
from engrain.kernels.ranking import list_derivatives, weigh_rows

LARGEST_TEMPERATURE, SMALLEST_TEMPERATURE = 5.0, 0.05
ITERATIONS = 60
TOLERANCE = 1e-9  # of the decrease that a step promises, relative to the objective
SUFFICIENT = 1e-4  # Armijo


@dataclass(frozen=True, slots=True)
class FitReport:
    """The result of a fit; `RankingModel.set_weights` takes the first three.

    Attributes
    ----------
    weights : ndarray of float64, shape (columns,)
        In original units.
    scales : ndarray of float64, shape (columns,)
        Deviations of the columns over the rows of the fit.
    precision : ndarray of float64, shape (columns, columns)
        Curvature at the optimum in scaled units: where inline steps go on.
    temperature : float
        Factor of the static base in the prior.
    lists : int
        How many lists had targets above 0.
    loss : float
        Weighted mean log-loss per list in nats.
    residual : float
        Largest component of the projected gradient; 0 at the optimum.
    iterations : int
    place_bias : float
        Weight of prominence, at least 0; see `fit_beside_places`.
    """

    weights: F64Array
    scales: F64Array
    precision: F64Array
    temperature: float
    lists: int
    loss: float
    residual: float
    iterations: int
    place_bias: float = 0.0


@dataclass(frozen=True, slots=True)
class Lists:
    """Judged lists and the derivatives of their weighted log-loss.

    Attributes
    ----------
    rows : ndarray of float32, shape (N, columns)
    targets : ndarray of float32, shape (N,)
        At least 0; no list sums to 0.
    offsets : ndarray of int64, shape (lists + 1,)
    weight : ndarray of float64, shape (lists,)
    scales : ndarray of float64, shape (columns,)
        Weights are given as v = w * scales, derivatives are for v.
    """

    rows: F32Array
    targets: F32Array
    offsets: I64Array
    weight: F64Array
    scales: F64Array

    def loss(self, v: F64Array) -> float:
        """Return the weighted sum of the log-losses."""
        return list_derivatives(
            self.rows, self.targets, self.offsets, self.weight, v / self.scales, None, None
        )

    def derivatives(self, v: F64Array) -> tuple[F64Array, F64Array]:
        """Return gradient, shape (columns,), and curvature, shape (columns, columns)."""
        gradient, curvature = np.empty(len(v)), np.empty((len(v), len(v)))
        list_derivatives(
            self.rows,
            self.targets,
            self.offsets,
            self.weight,
            v / self.scales,
            gradient,
            curvature,
        )
        return gradient / self.scales, curvature / np.outer(self.scales, self.scales)


def temperature(lists: Lists, base: F64Array, beside: F64Array) -> float:
    """Return the factor of the weights `base`, in [0.05, 5], that fits best (guarded Newton).

    The weights `beside` are added as they are.
    """
    scores = np.stack([weigh_rows(lists.rows, w) for w in (base, beside)], axis=1)
    along = Lists(scores, lists.targets, lists.offsets, lists.weight, np.ones(2))
    low, high, tau = SMALLEST_TEMPERATURE, LARGEST_TEMPERATURE, 1.0
    for _ in range(ITERATIONS):
        (slope, _), ((bend, _), _) = along.derivatives(np.array([tau, 1.0]))
        low, high = (tau, high) if slope < 0 else (low, tau)
        wanted = tau - slope / bend if bend > 0 else tau - np.sign(slope)
        after = wanted if low < wanted < high else 0.5 * (low + high)
        if abs(after - tau) < 1e-6:
            break
        tau = after
    return float(tau)


def _project(v: F64Array, signs: I8Array) -> F64Array:
    return np.where(signs > 0, np.maximum(v, 0), np.where(signs < 0, np.minimum(v, 0), v))


def _stuck(v: F64Array, gradient: F64Array, signs: I8Array) -> BoolArray:
    """Columns at their bound whose gradient pushes outward."""
    above = (signs > 0) & (v <= 0) & (gradient > 0)
    return above | ((signs < 0) & (v >= 0) & (gradient < 0))


def projected_newton(
    lists: Lists,
    start: F64Array,
    prior: F64Array,
    stiffness: F64Array,
    signs: I8Array,
    free: BoolArray,
) -> tuple[F64Array, float, int]:
    """Minimise lists.loss(v) + sum stiffness (v - prior)^2 / 2 under the signs.

    Returns v, the residual and the steps taken.

    References
    ----------
    Bertsekas, SIAM J. Control Optim. 20 (1982) 221-246.
    """
    v, residual = start.copy(), np.inf
    objective = lists.loss(v) + 0.5 * float((stiffness * (v - prior) ** 2).sum())
    for iteration in range(ITERATIONS):
        slope, curvature = lists.derivatives(v)
        gradient = slope + stiffness * (v - prior)
        columns = np.flatnonzero(free & ~_stuck(v, gradient, signs))
        residual = float(np.abs(gradient[columns]).max(initial=0.0))
        hessian = curvature[np.ix_(columns, columns)] + np.diag(stiffness[columns])
        direction = np.zeros(len(v))
        direction[columns] = np.linalg.solve(hessian, gradient[columns])
        promised = float(gradient @ direction)
        if promised <= TOLERANCE * (1.0 + abs(objective)):
            return v, residual, iteration
        step = 1.0
        while True:
            trial = _project(v - step * direction, np.where(free, signs, 0).astype(np.int8))
            value = lists.loss(trial) + 0.5 * float((stiffness * (trial - prior) ** 2).sum())
            if value <= objective - SUFFICIENT * float(gradient @ (v - trial)) or step < 1e-6:
                break
            step *= 0.5
        v, objective = trial, value
    return v, residual, ITERATIONS


def fit_map(
    rows: F32Array,
    targets: F32Array,
    offsets: I64Array,
    *,
    value: F64Array,
    lam: F64Array,
    base: F64Array,
    signs: I8Array,
    free: BoolArray,
    fixed: F64Array,
    precision_unit: float,
    stiffness: F64Array | None = None,
    evidence: BoolArray | None = None,
) -> FitReport:
    """Fit weights w = v / s, with s the deviations of the columns.

    v minimises sum_q c_q loss_q(v) + sum_k stiffness_k (v - tau_k s base)_k^2 / 2,
    c_q = value_q / mean(value) / lam_q; tau_k is tau for static columns and 1 for evidence.

    For one lam this is lam / 2 |v - v0|^2 against the sum of losses. tau is fitted first, alone.

    Parameters
    ----------
    rows : ndarray of float32, shape (N, columns)
    targets : ndarray of float32, shape (N,)
    offsets : ndarray of int64, shape (lists + 1,)
    value, lam : ndarray of float64, shape (lists,)
    base, fixed : ndarray of float64, shape (columns,)
        Prior direction, and the weights of columns that are not free.
    signs : ndarray of int8, shape (columns,)
    free : ndarray of bool, shape (columns,)
    precision_unit : float
        `lam` of the model whose steps go on from the returned precision.
    stiffness : ndarray of float64, shape (columns,), optional
        How firmly each column holds to the prior; default: 1.
    evidence : ndarray of bool, shape (columns,), optional
        Columns that are evidence; default: none.

    Raises
    ------
    ShapeError
        Offsets do not cover the rows, or shapes do not agree.
    """
    n = len(offsets) - 1
    stiffness = np.ones(len(base)) if stiffness is None else stiffness
    if rows.shape != (len(targets), len(base)) or n < 0 or offsets[-1] != len(rows) or offsets[0]:
        raise ShapeError(f"offsets must cover the {len(rows)} rows and targets, one per row")
    if not (np.diff(offsets) > 0).all() or np.shape(value) != (n,):
        raise ShapeError("every list needs a row and a value")
    sums = np.add.reduceat(targets.astype(np.float64), offsets[:-1]) if n else np.zeros(0)
    taught = np.flatnonzero((sums > 0) & (value > 0))
    if not len(taught):
        size = len(base)
        unit = precision_unit * np.diag(stiffness)
        return FitReport(fixed.copy(), np.ones(size), unit, 1.0, 0, float("nan"), 0.0, 0)
    keep = np.isin(np.repeat(np.arange(n), np.diff(offsets)), taught)
    kept = np.ascontiguousarray(rows[keep])
    deviations = kept.std(axis=0, dtype=np.float64)
    scales = np.where(deviations > 0, deviations + 1e-6, 1.0)  # not measured: ordinary units
    lists = Lists(
        kept,
        np.ascontiguousarray(targets[keep], dtype=np.float32),
        np.concatenate([[0], np.cumsum(np.diff(offsets)[taught])]),
        value[taught] / value[taught].mean() / lam[taught],
        scales,
    )
    learned_base = np.where(free, base, 0.0)
    beside = np.zeros(len(base)) if evidence is None else np.where(evidence, learned_base, 0.0)
    tau = temperature(lists, learned_base - beside, beside)
    prior = np.where(free, tau * (learned_base - beside) + beside, fixed) * scales
    v, residual, iterations = projected_newton(lists, prior, prior, stiffness, signs, free)
    precision = precision_unit * (lists.derivatives(v)[1] + np.diag(stiffness))
    loss = lists.loss(v) / float(lists.weight.sum())
    weights = np.where(free, v / scales, fixed)
    return FitReport(weights, scales, precision, tau, len(taught), loss, residual, iterations)


def fit_beside_places(
    rows: F32Array,
    targets: F32Array,
    offsets: I64Array,
    *,
    prominence: F32Array,
    base: F64Array,
    signs: I8Array,
    free: BoolArray,
    fixed: F64Array,
    stiffness: F64Array,
    evidence: BoolArray,
    **others: Any,
) -> FitReport:
    """Fit the weights as `fit_map` does, and beside them what is due to a row's place alone.

    Users look at the first of a list more than at the last. A list's outcomes are then expected in
    proportion to exp(w . x + b a), with a the prominence of a row and b >= 0 shrunk to 0. Where
    users look everywhere b would fall below 0, since weights are surer of the first than clicks.

    Parameters
    ----------
    prominence : ndarray of float32, shape (N,)
        Larger where more look: minus the log of the rank at which a row was shown.

    References
    ----------
    Guo et al., PAL: a position-bias aware learning framework, RecSys 2019; examination and
    relevance as factors: Craswell, Zoeter, Taylor & Ramsey, WSDM 2008.
    """
    found = fit_map(
        np.column_stack([rows, prominence]),
        targets,
        offsets,
        base=np.append(base, 0.0),
        signs=np.append(signs, np.int8(1)),
        free=np.append(free, True),
        fixed=np.append(fixed, 0.0),
        stiffness=np.append(stiffness, 1.0),
        evidence=np.append(evidence, False),
        **others,
    )
    return replace(
        found,
        weights=found.weights[:-1],
        scales=found.scales[:-1],
        precision=np.ascontiguousarray(found.precision[:-1, :-1]),
        place_bias=float(found.weights[-1]),
    )

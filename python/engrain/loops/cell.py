"""The FastGRNN cell over sequences, in NumPy and any precision.

What is compiled (`engrain.kernels.forward_fastgrnn` and its like) runs over one step in float32;
this is the cell for everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import I64Array

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Parts: TypeAlias = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Run:
    """The cell's way through a batch: states h (steps + 1), gates z and candidates c (steps)."""

    logits: Floats
    h: list[Floats]
    z: list[Floats]
    c: list[Floats]


@dataclass(frozen=True, slots=True)
class Signals:
    """Derivatives by each sample's gate and candidate inputs, shape (n, steps, hidden)."""

    gate: Floats
    candidate: Floats
    zeta: Floats
    nu: Floats


def part_weights(flat: Floats, dim: int, models: int, hidden: int) -> Parts:
    """Return views of flat weights, shape (hidden (dim + hidden + 2 + models) + 2 + models,)."""
    shapes: dict[str, tuple[int, ...]] = {
        "W": (hidden, dim),
        "U": (hidden, hidden),
        "b_z": (hidden,),
        "b_h": (hidden,),
        "zeta": (1,),
        "nu": (1,),
        "V": (models, hidden),
        "b": (models,),
    }
    views, start = {}, 0
    for name, shape in shapes.items():
        end = start + int(np.prod(shape))
        views[name] = flat[start:end].reshape(shape)
        start = end
    return views


def run_cell(w: Parts, x: Floats) -> Run:
    """Return the way of sequences `x`, shape (n, steps, dim), through the cell."""
    zeta, nu = sigmoid(w["zeta"]), sigmoid(w["nu"])
    h: Floats = np.zeros((len(x), len(w["b_z"])), dtype=x.dtype)
    states, gates, candidates = [h], [], []
    for t in range(x.shape[1]):
        shared = x[:, t] @ w["W"].T + h @ w["U"].T
        z, c = sigmoid(shared + w["b_z"]), np.tanh(shared + w["b_h"])
        h = (zeta * (1.0 - z) + nu) * c + z * h
        states.append(h)
        gates.append(z)
        candidates.append(c)
    return Run(h @ w["V"].T + w["b"], states, gates, candidates)


def write_gradient(w: Parts, x: Floats, actions: I64Array, targets: Floats, g: Parts) -> float:
    """Return the mean log-loss of the models whose outcome is known; `g` becomes its gradient."""
    run = run_cell(w, x)
    if targets.ndim == 1:
        rows = np.arange(len(x))
        chosen = run.logits[rows, actions]
        losses = np.logaddexp(0.0, chosen) - targets * chosen
        delta = np.zeros_like(run.logits)
        delta[rows, actions] = (sigmoid(chosen) - targets) / len(x)
    else:
        known = ~np.isnan(targets)
        told = np.where(known, targets, run.logits.dtype.type(0))
        losses = ((np.logaddexp(0.0, run.logits) - told * run.logits) * known).sum(1)
        delta = np.where(known, sigmoid(run.logits) - told, run.logits.dtype.type(0)) / len(x)
    signals = _back(w, run, delta)
    shared = signals.gate + signals.candidate
    np.matmul(_rows(shared).T, _rows(x), out=g["W"])
    np.matmul(_rows(shared).T, _rows(np.stack(run.h[:-1], axis=1)), out=g["U"])
    g["b_z"][:], g["b_h"][:] = signals.gate.sum((0, 1)), signals.candidate.sum((0, 1))
    g["zeta"][:], g["nu"][:] = signals.zeta.sum(), signals.nu.sum()
    g["V"][:], g["b"][:] = delta.T @ run.h[-1], delta.sum(0)
    return float(np.mean(losses))


def write_fisher(w: Parts, x: Floats, actions: I64Array, g: Parts) -> None:
    """Make `g` the exact diagonal Fisher information of the actions' outcomes, summed over samples.

    For a layer that a question passes once it is one matrix product of squares.
    """
    run = run_cell(w, x)
    rows = np.arange(len(x))
    p = sigmoid(run.logits[rows, actions])
    delta = np.zeros_like(run.logits)
    delta[rows, actions] = np.sqrt(p * (1.0 - p))
    signals = _back(w, run, delta)
    shared = signals.gate + signals.candidate
    g["W"][:] = _squares(shared, x)
    g["U"][:] = _squares(shared, np.stack(run.h[:-1], axis=1))
    g["b_z"][:] = (signals.gate.sum(1) ** 2).sum(0)
    g["b_h"][:] = (signals.candidate.sum(1) ** 2).sum(0)
    g["zeta"][:], g["nu"][:] = (signals.zeta**2).sum(), (signals.nu**2).sum()
    g["V"][:], g["b"][:] = (delta**2).T @ run.h[-1] ** 2, (delta**2).sum(0)


def sigmoid(x: Floats) -> Floats:
    """Return ``1 / (1 + exp(-x))`` without overflow."""
    half = x.dtype.type(0.5)
    y: Floats = np.tanh(half * x)
    y += 1
    y *= half
    return y


def _back(w: Parts, run: Run, delta: Floats) -> Signals:
    zeta, nu = sigmoid(w["zeta"]), sigmoid(w["nu"])
    n, steps, hidden = len(delta), len(run.z), len(w["b_z"])
    gate, candidate = np.empty((2, n, steps, hidden), dtype=delta.dtype)
    by_zeta, by_nu = np.zeros((2, n), dtype=delta.dtype)
    dh = delta @ w["V"]
    for t in range(steps - 1, -1, -1):
        h, z, c = run.h[t], run.z[t], run.c[t]
        by_zeta += (dh * (1.0 - z) * c).sum(1) * (zeta * (1.0 - zeta))
        by_nu += (dh * c).sum(1) * (nu * (1.0 - nu))
        gate[:, t] = dh * (h - zeta * c) * z * (1.0 - z)
        candidate[:, t] = dh * (zeta * (1.0 - z) + nu) * (1.0 - c * c)
        dh = dh * z + (gate[:, t] + candidate[:, t]) @ w["U"]
    return Signals(gate, candidate, by_zeta, by_nu)


def _rows(x: Floats) -> Floats:
    return x.reshape(-1, x.shape[-1])


def _squares(signals: Floats, inputs: Floats) -> Floats:
    """Return ``sum_n (sum_t signal_nt input_nt^T)^2``."""
    if signals.shape[1] == 1:
        total: Floats = (signals[:, 0] ** 2).T @ inputs[:, 0] ** 2
        return total
    total = np.zeros((signals.shape[2], inputs.shape[2]), dtype=signals.dtype)
    for s, x in zip(signals, inputs, strict=True):
        total += (s.T @ x) ** 2
    return total

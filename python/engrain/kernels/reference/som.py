"""Oracles of the self-organising map in float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array


def train_som_online(
    x: F64Array,
    weights: F64Array,
    grid: tuple[int, int, int],
    rate: F64Array,
    sigma: F64Array,
    cutoff: float = 1e-3,
) -> tuple[F64Array, I64Array, F64Array]:
    """Return (weights, best units, distances) after Kohonen's rule for each row of `x` in turn.

    Kohonen, Biol. Cybern. 43 (1982) 59-69, with a Gaussian neighbourhood cut off where
    ``rate * h < cutoff``.
    """
    weights = np.array(weights, dtype=np.float64)
    places = np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), -1).reshape(-1, 3)
    best = np.empty(len(x), dtype=np.int64)
    distance = np.empty(len(x))
    for i, row in enumerate(x):
        d = np.linalg.norm(weights - row, axis=1)
        best[i], distance[i] = d.argmin(), d.min()
        squares = ((places - places[best[i]]) ** 2).sum(1)
        factor = rate[i] * np.exp(-squares / (2 * sigma[i] ** 2))
        factor[factor < cutoff] = 0
        weights += factor[:, None] * (row - weights)
    return weights, best, distance


def best_som_units(dots: npt.ArrayLike, squared_norms: npt.ArrayLike) -> tuple[I64Array, I64Array]:
    """Return the units of least and second least ``|w|^2 - 2 x . w`` per row."""
    scores = np.asarray(squared_norms, np.float64) - 2 * np.asarray(dots, np.float64)
    order = np.argsort(scores, axis=1, kind="stable")
    return order[:, 0], order[:, 1]


def accumulate_som(x: npt.ArrayLike, best: I64Array, units: int) -> tuple[F64Array, F64Array]:
    """Return the sum of the rows of `x` and their number per unit."""
    x = np.asarray(x, dtype=np.float64)
    sums = np.zeros((units, x.shape[1]))
    np.add.at(sums, best, x)
    return sums, np.bincount(best, minlength=units).astype(np.float64)

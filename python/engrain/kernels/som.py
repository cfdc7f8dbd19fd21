"""Self-organising maps on NumPy arrays: online training and the parts of a batch epoch."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ShapeError


def train_som_online(
    x: F32Array,
    weights: F32Array,
    grid: tuple[int, int, int],
    rate: F32Array,
    sigma: F32Array,
    cutoff: float = 1e-3,
) -> tuple[I64Array, F32Array]:
    """Train a map in place with each row of `x` in turn.

    ``w_u += rate exp(-d(u, best)^2 / (2 sigma^2)) (x - w_u)`` wherever the factor is at least
    `cutoff`: Kohonen, Biol. Cybern. 43 (1982) 59-69. Every factor lies in [0, 1], so that weights
    never leave the convex hull of the inputs and the initial weights.

    Parameters
    ----------
    x : ndarray of float32, shape (n, dim)
    weights : ndarray of float32, shape (units, dim)
    grid : tuple of 3 int
        Extents up to 256; a 2-D map has depth 1.
    rate, sigma : ndarray of float32, shape (n,)
        Learning rate in [0, 1] and width of the neighbourhood (in units of the grid) per input.
    cutoff : float

    Returns
    -------
    best : ndarray of int64, shape (n,)
        Best matching unit of each input before its update.
    distance : ndarray of float32, shape (n,)
        Distance to it.

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, a rate outside [0, 1] or sigma <= 0.
    """
    best, distance = np.empty(len(x), dtype=np.int64), np.empty(len(x), dtype=np.float32)
    _kernels.train_som_online(x, weights, grid, rate, sigma, cutoff, best, distance)
    return best, distance


def best_som_units(dots: F32Array, squared_norms: F32Array) -> tuple[I64Array, I64Array]:
    """Return the best and the second best unit of each row of inner products.

    Parameters
    ----------
    dots : ndarray of float32, shape (n, units)
        ``x @ weights.T``.
    squared_norms : ndarray of float32, shape (units,)
        ``|w_u|^2``.

    Returns
    -------
    best, second : ndarray of int64, shape (n,)
        Ties go to the lower number.

    Raises
    ------
    TypeError, ValueError
        Wrong dtype, layout or shape, or fewer than two units.
    """
    best, second = np.empty(len(dots), dtype=np.int64), np.empty(len(dots), dtype=np.int64)
    _kernels.best_som_units(dots, squared_norms, best, second)
    return best, second


def accumulate_som(x: F32Array, best: I64Array, units: int) -> tuple[F32Array, F32Array]:
    """Return the sum of the rows of `x` and their number per unit.

    Parameters
    ----------
    x : ndarray of float32, shape (n, dim)
    best : ndarray of int64, shape (n,)
    units : int

    Returns
    -------
    sums : ndarray of float32, shape (units, dim)
    counts : ndarray of float32, shape (units,)

    Raises
    ------
    TypeError, ValueError
        Wrong dtype, layout or shape, or a unit outside the map.
    """
    if x.ndim != 2:
        raise ShapeError(f"x: expected shape (n, dim), got {x.shape}")
    sums, counts = np.zeros((units, x.shape[1]), np.float32), np.zeros(units, np.float32)
    _kernels.accumulate_som(x, best, sums, counts)
    return sums, counts

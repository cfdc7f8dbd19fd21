"""Bootstrap intervals of a mean, over questions or over clusters of questions.

Efron and Tibshirani (1993): percentile intervals, resampling what varies independently. Paired:
the values are differences of two systems on the same question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array

REPLICATES = 2000
BLOCK = 250

Interval: TypeAlias = tuple[float, float]


def bootstrap_interval(
    values: npt.ArrayLike, *, seed: int = 0, replicates: int = REPLICATES, level: float = 0.95
) -> Interval | None:
    """Return the percentile interval of the mean of `values`, shape (n,).

    None for fewer than three values, of which no resampling can speak.
    """
    sample = np.asarray(values, dtype=np.float64)
    found = bootstrap_intervals(sample[:, None], seed=seed, replicates=replicates, level=level)
    return found[0]


def bootstrap_intervals(
    values: npt.ArrayLike, *, seed: int = 0, replicates: int = REPLICATES, level: float = 0.95
) -> list[Interval | None]:
    """Return `bootstrap_interval` of each column of `values`, shape (n, columns).

    All columns are resampled by the same draws.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n < 3:
        return [None] * sample.shape[1]
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [
            draw_counts(rng.integers(0, n, (size, n))) @ sample / n
            for size in block_sizes(replicates)
        ]
    )
    return [quantiles(column, level) for column in means.T]


def clustered_interval(
    values: npt.ArrayLike,
    clusters: Sequence[object],
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> Interval | None:
    """Return the interval of the mean when whole clusters (conversations) are resampled.

    None for fewer than three clusters.
    """
    sample = np.asarray(values, dtype=np.float64)
    number = {name: index for index, name in enumerate(dict.fromkeys(clusters))}
    if len(number) < 3:
        return None
    of = np.array([number[name] for name in clusters])
    sums = np.bincount(of, weights=sample)
    counts = np.bincount(of)
    drawn = np.random.default_rng(seed).integers(0, len(number), (replicates, len(number)))
    return quantiles(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), level)


def draw_counts(drawn: I64Array) -> I64Array:
    """Return how often each of n values was drawn by each replicate, shape (replicates, n)."""
    replicates, n = drawn.shape
    flat = drawn + n * np.arange(replicates)[:, None]
    return np.bincount(flat.ravel(), minlength=drawn.size).reshape(drawn.shape)


def block_sizes(replicates: int) -> list[int]:
    """Split the replicates so that one block of resamples stays small."""
    full, rest = divmod(replicates, BLOCK)
    return [BLOCK] * full + ([rest] if rest else [])


def quantiles(means: F64Array, level: float) -> Interval:
    """Return the central interval that holds `level` of `means`."""
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

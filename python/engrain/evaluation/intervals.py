"""Bootstrap intervals of a mean, over questions or over clusters of questions.

Efron and Tibshirani (1993): percentile intervals, resampling what varies independently. Paired:
the values are differences of two systems on the same question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array

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
    if len(sample) < 3:
        return None
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [
            sample[rng.integers(0, len(sample), (size, len(sample)))].mean(axis=1)
            for size in block_sizes(replicates)
        ]
    )
    return quantiles(means, level)


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


def block_sizes(replicates: int) -> list[int]:
    """Split the replicates so that one block of resamples stays small."""
    full, rest = divmod(replicates, BLOCK)
    return [BLOCK] * full + ([rest] if rest else [])


def quantiles(means: F64Array, level: float) -> Interval:
    """Return the central interval that holds `level` of `means`."""
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

"""Oracles of k-means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array


def kmeans_plus_plus(rows: npt.ArrayLike, uniforms: npt.ArrayLike) -> I64Array:
    """Return the rows chosen by D^2 sampling (Arthur & Vassilvitskii 2007) with given uniforms.

    P(row i) = D_i^2 / sum D^2, with D_i the distance to the nearest centre chosen so far.
    """
    rows = np.asarray(rows, dtype=np.float64)
    uniforms = np.asarray(uniforms, dtype=np.float64)
    chosen = [int(uniforms[0] * len(rows))]
    distance = np.full(len(rows), np.inf)
    for uniform in uniforms[1:]:
        distance = np.minimum(distance, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
        running = np.cumsum(distance)
        if running[-1] > 0:
            chosen.append(int(np.searchsorted(running, uniform * running[-1], side="right")))
        else:
            chosen.append(int(uniform * len(rows)))
    return np.array(chosen, dtype=np.int64)


def kmeans(rows: npt.ArrayLike, centres: npt.ArrayLike) -> tuple[F64Array, I64Array]:
    """Return the centres and labels after one step of Lloyd (1982) from given centres."""
    rows, centres = np.asarray(rows, dtype=np.float64), np.array(centres, dtype=np.float64)
    labels = ((rows[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    for c in range(len(centres)):
        if (labels == c).any():
            centres[c] = rows[labels == c].mean(axis=0)
    return centres, labels

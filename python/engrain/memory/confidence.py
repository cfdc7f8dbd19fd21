"""What a recall looks like to a calibrator, and when it was a success."""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import F32Array

SHAPE_FEATURES = 5
SHOWN = 10


def recall_features(rows: F32Array, scores: F32Array) -> F32Array:
    """Describe a recall by what it shows, best first.

    Parameters
    ----------
    rows : ndarray of float32, shape (k, columns)
        Component scores of the shown, k at least 1.
    scores : ndarray of float32, shape (k,)
        Descending.

    Returns
    -------
    ndarray of float32, shape (5 + 3 * columns,)
        Top score, its lead over the second, over the last, log-sum-exp below the top, mean score;
        then of each column its value at the top, its mean and its maximum.
    """
    top = float(scores[0])
    below = scores - scores[0]
    shape = (
        top,
        top - float(scores[min(1, len(scores) - 1)]),
        top - float(scores[-1]),
        float(np.log(np.exp(below).sum())),
        float(scores.mean()),
    )
    parts = (np.array(shape, np.float32), rows[0], rows.mean(axis=0), rows.max(axis=0))
    return np.ascontiguousarray(np.concatenate(parts), np.float32)


def was_success(outcomes: F32Array) -> bool | None:
    """Tell whether a relevant memory was among the shown; None where too little was said.

    Parameters
    ----------
    outcomes : ndarray of float32, shape (k,)
        In [0, 1], above one half relevant; NaN where nothing was said.
    """
    if (outcomes > 0.5).any():
        return True
    return None if np.isnan(outcomes).any() or not len(outcomes) else False

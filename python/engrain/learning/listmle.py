"""ListMLE: how unlikely the true order of a list is under its scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import NonFiniteError, ShapeError


def list_mle(
    scores: npt.ArrayLike,
    rewards: npt.ArrayLike,
    rng: np.random.Generator | None = None,
) -> tuple[float, F64Array]:
    """Return the Plackett-Luce loss of a list per item, and its derivative by each score.

    L = -1/m Σ_i [s_π(i) - log Σ_{j≥i} exp s_π(j)], with π the order of falling reward (Xia et al.
    2008), by one log-cumulative sum from the end: O(n log n) for the sort, O(n) for the rest.

    Parameters
    ----------
    scores : array_like, shape (n,)
    rewards : array_like, shape (n,)
        NaN masks an item: it leaves the list before anything is summed.
    rng : Generator, optional
        Breaks ties at random; without it the earlier item comes first.

    Returns
    -------
    loss : float
        0 for fewer than two items.
    gradient : ndarray of float64, shape (n,)

    Raises
    ------
    ShapeError, NonFiniteError
        Shapes differ; a score is not finite, or a reward infinite.
    """
    s, r = np.asarray(scores, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
    if s.ndim != 1 or s.shape != r.shape:
        raise ShapeError(f"scores {s.shape} and rewards {r.shape} must be of one length")
    if not np.isfinite(s).all() or np.isinf(r).any():
        raise NonFiniteError("scores must be finite, rewards finite or NaN")
    gradient = np.zeros(len(s))
    known = np.flatnonzero(~np.isnan(r))
    if len(known) < 2:
        return 0.0, gradient
    if rng is not None:
        known = rng.permutation(known)
    order = known[np.argsort(-r[known], kind="stable")]
    best_first = s[order]
    rest = np.logaddexp.accumulate(best_first[::-1])[::-1]
    passed = np.logaddexp.accumulate(-rest)
    gradient[order] = (np.exp(best_first + passed) - 1.0) / len(order)
    return float((rest - best_first).mean()), gradient

"""Oracle of the ranking model's kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import BoolArray, F64Array


def weigh_rows(rows: npt.ArrayLike, weights: npt.ArrayLike) -> F64Array:
    """Return z_i = sum_k rows_ik weights_k in float64, shape (n,)."""
    return np.asarray(rows, dtype=np.float64) @ np.asarray(weights, dtype=np.float64)


def log_loss(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return -sum_i t_i log softmax(scores)_i, targets normalised to t."""
    z = np.asarray(scores, dtype=np.float64)
    t = np.asarray(targets, dtype=np.float64)
    return float(np.log(np.exp(z - z.max()).sum()) + z.max() - t @ z / t.sum())


def list_derivatives(
    rows: npt.ArrayLike,
    targets: npt.ArrayLike,
    offsets: npt.ArrayLike,
    weight: npt.ArrayLike,
    w: npt.ArrayLike,
) -> tuple[float, F64Array, F64Array]:
    """Return loss, gradient and curvature of sum_q weight_q log_loss(X_q w, t_q).

    Gradient X^T (p - t) and curvature X^T (diag p - p p^T) X of each list, p = softmax(X w).
    """
    x, t = np.asarray(rows, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    cuts, columns = np.asarray(offsets)[1:-1], x.shape[1]
    loss, gradient, curvature = 0.0, np.zeros(columns), np.zeros((columns, columns))
    parts = zip(np.split(x, cuts), np.split(t, cuts), np.asarray(weight), strict=True)
    for part, target, c in parts:
        z = part @ np.asarray(w, dtype=np.float64)
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        loss += float(c) * log_loss(z, target)
        gradient += c * part.T @ (p - target / target.sum())
        curvature += c * part.T @ (np.diag(p) - np.outer(p, p)) @ part
    return loss, gradient, curvature


def laplace_step(
    rows: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    information: float,
    clip: float,
    active: BoolArray,
    signs: npt.ArrayLike,
    scales: F64Array,
    weights: F64Array,
    precision: F64Array,
) -> tuple[F64Array, F64Array]:
    """Return weights and precision after one clipped Laplace step.

    With x = row / scale, v = weights * scale, p = softmax(x v), t = outcomes / sum:
    P' = P + a X^T (diag p - p p^T) X, d = P'^-1 a X^T (p - t),
    v' = v - d min(1, clip / range(X d)), then each v' is projected on its sign. A column at its
    bound whose gradient leads outward is left out of d.

    References
    ----------
    Bertsekas, SIAM J. Control Optim. 20 (1982) 221-246.
    """
    y = np.asarray(outcomes, dtype=np.float64)
    x = np.asarray(rows, dtype=np.float64) / scales
    v = weights * scales
    p = np.exp(x @ v - (x @ v).max())
    p /= p.sum()
    x = np.where(active, x, 0.0)
    gradient = information * x.T @ (p - y / y.sum())
    after = precision + information * x.T @ (np.diag(p) - np.outer(p, p)) @ x
    sign = np.asarray(signs)
    stuck = (sign * v <= 0) & (sign * gradient > 0) & (sign != 0)
    free = np.flatnonzero(np.asarray(active, dtype=bool) & ~stuck)
    d = np.zeros(len(v))
    d[free] = np.linalg.solve(after[np.ix_(free, free)], gradient[free])
    v = v - d * min(1.0, clip / max(float(np.ptp(x @ d)), 1e-300))
    v = np.where(active & (sign * v < 0), 0.0, v)
    return np.where(active, v / scales, weights), after

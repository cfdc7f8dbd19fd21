"""Oracle of the low-rank adapters (Hu et al. 2021; normalised steps: Haykin, Adaptive Filters)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def apply_lora(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    x: npt.ArrayLike,
    adapter: npt.ArrayLike,
    *,
    scale: float = 1.0,
) -> F64Array:
    """Return y_i = x_i + scale * B_m^T A_m x_i with m = adapter_i, shape (n, dim)."""
    a, b, x = (np.asarray(v, dtype=np.float64) for v in (a, b, x))
    chosen = np.asarray(adapter, dtype=np.int64)
    z = np.einsum("nrd,nd->nr", a[chosen], x)
    y: F64Array = x + scale * np.einsum("nr,nrd->nd", z, b[chosen])
    return y


def follow_lora(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    x: npt.ArrayLike,
    towards: npt.ArrayLike,
    advantage: float,
    *,
    learning_rate: float,
    scale: float = 1.0,
    decay: float = 1.0,
    epsilon: float = 1e-3,
) -> tuple[F64Array, F64Array]:
    """Return (a, b) after one step on ``-advantage log sigmoid(y . towards)``, y the output for x.

    The gradient at y is ``-advantage sigmoid(-y . towards) towards``; the step is `update_lora`'s.
    """
    a, b, x, towards = (np.asarray(v, dtype=np.float64)[None] for v in (a, b, x, towards))
    margin = float(apply_lora(a, b, x, [0], scale=scale)[0] @ towards[0])
    gradient = -advantage / (1.0 + np.exp(margin)) * towards
    a, b = update_lora(
        a,
        b,
        x,
        gradient,
        [0],
        learning_rate=learning_rate,
        scale=scale,
        decay=decay,
        epsilon=epsilon,
    )
    return a[0], b[0]


def project_lora(
    a: npt.ArrayLike, b: npt.ArrayLike, scale: float, radius: float
) -> tuple[F64Array, float]:
    """Return (b, norm): b shrunk so that the Frobenius norm of scale * B^T A is at most radius."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norm = scale * float(np.linalg.norm(b.T @ a))
    return (b * (radius / norm) if norm > radius else b), norm


def update_lora(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    x: npt.ArrayLike,
    gradient: npt.ArrayLike,
    adapter: npt.ArrayLike,
    *,
    learning_rate: float,
    scale: float = 1.0,
    decay: float = 1.0,
    epsilon: float = 1e-3,
    normalised: bool = True,
) -> tuple[F64Array, F64Array]:
    """Return (a, b) after one exact step of both factors per request, in order.

    With z = A x and w = B g: dL/dB = scale z g^T and dL/dA = scale w x^T. The normalised rate is
    learning_rate / (epsilon + scale^2 (|z|^2 + |x|^2 |w|^2 / |g|^2)), whose denominator is the
    squared norm of the gradient of g.y / |g| in both factors.
    """
    a, b = np.array(a, dtype=np.float64), np.array(b, dtype=np.float64)
    xs, gs = np.asarray(x, dtype=np.float64), np.asarray(gradient, dtype=np.float64)
    for m, xi, gi in zip(np.asarray(adapter, dtype=np.int64), xs, gs, strict=True):
        z, w, gg = a[m] @ xi, b[m] @ gi, gi @ gi
        through_a = (xi @ xi) * (w @ w) / gg if gg > 0 else 0.0
        sensitivity = scale**2 * (z @ z + through_a)
        rate = learning_rate / (epsilon + sensitivity) if normalised else learning_rate
        b[m] = decay * b[m] - rate * scale * np.outer(z, gi)
        a[m] -= rate * scale * np.outer(w, xi)
    return a, b

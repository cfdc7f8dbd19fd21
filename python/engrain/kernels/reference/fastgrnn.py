"""Oracle of the FastGRNN cell over one step from the state 0, and of its training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def forward_fastgrnn(
    weights: npt.ArrayLike, x: npt.ArrayLike, *, hidden: int, models: int, gain: float = 1.0
) -> F64Array:
    """Return V h + b with h = (zeta (1 - z) + nu) c, z = sigmoid(s + b_z), c = tanh(s + b_h).

    ``s = gain W x`` (Kusupati et al. 2018); zeta and nu are the sigmoids of their weights.
    """
    rows = np.asarray(x, dtype=np.float64)
    p = _parts(np.asarray(weights, dtype=np.float64), rows.shape[1], hidden, models)
    return _run(p, rows, gain)[0]


def descend_fastgrnn(
    weights: npt.ArrayLike,
    x: npt.ArrayLike,
    targets: npt.ArrayLike,
    order: npt.ArrayLike,
    *,
    hidden: int,
    gain: float = 1.0,
    batch: int,
    rate: float,
    kept: npt.ArrayLike = 1.0,
    added: npt.ArrayLike = 0.0,
) -> tuple[F64Array, float]:
    """Return the weights after ``w <- kept (w - rate dL/dw) + added`` for each batch, and mean L.

    L is the log-loss of the models whose target is not NaN, summed over models and averaged over
    the batch.
    """
    w = np.array(weights, dtype=np.float64)
    rows, told = np.asarray(x, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    places, losses = np.asarray(order, dtype=np.int64), []
    for begin in range(0, len(places), batch):
        chosen = places[begin : begin + batch]
        loss, gradient = _gradient(w, rows[chosen], told[chosen], hidden, gain)
        losses.append(loss)
        w = np.asarray(kept) * (w - rate * gradient) + np.asarray(added)
    return w, float(np.mean(losses)) if losses else 0.0


def fisher_fastgrnn(
    weights: npt.ArrayLike,
    x: npt.ArrayLike,
    actions: npt.ArrayLike,
    *,
    hidden: int,
    gain: float = 1.0,
) -> F64Array:
    """Return the mean of ``p (1 - p) (d logit / d w)^2`` over rows, p of the model of each row.

    The derivative is that of the loss at an outcome p - 1, where it is the logit's alone.
    """
    w, rows = np.array(weights, dtype=np.float64), np.asarray(x, dtype=np.float64)
    models = (len(w) - 2 - hidden * (rows.shape[1] + hidden + 2)) // (hidden + 1)
    odds = _sigmoid(forward_fastgrnn(w, rows, hidden=hidden, models=models, gain=gain))
    total = np.zeros_like(w)
    for row, action, p in zip(rows, np.asarray(actions, dtype=np.int64), odds, strict=True):
        told = np.full((1, models), np.nan)
        told[0, action] = p[action] - 1.0
        _, gradient = _gradient(w, row[None], told, hidden, gain)
        total += p[action] * (1.0 - p[action]) * gradient**2
    return total / len(rows)


def _parts(w: F64Array, dim: int, hidden: int, models: int) -> dict[str, F64Array]:
    shapes = {
        "W": (hidden, dim),
        "U": (hidden, hidden),
        "b_z": (hidden,),
        "b_h": (hidden,),
        "zeta": (1,),
        "nu": (1,),
        "V": (models, hidden),
        "b": (models,),
    }
    parts, begin = {}, 0
    for name, shape in shapes.items():
        end = begin + int(np.prod(shape))
        parts[name] = w[begin:end].reshape(shape)
        begin = end
    return parts


def _run(p: dict[str, F64Array], x: F64Array, gain: float) -> tuple[F64Array, F64Array, F64Array]:
    s = gain * x @ p["W"].T
    z, c = _sigmoid(s + p["b_z"]), np.tanh(s + p["b_h"])
    h = (_sigmoid(p["zeta"]) * (1.0 - z) + _sigmoid(p["nu"])) * c
    logits: F64Array = h @ p["V"].T + p["b"]
    return logits, z, c


def _gradient(
    w: F64Array, x: F64Array, targets: F64Array, hidden: int, gain: float
) -> tuple[float, F64Array]:
    models, flat = targets.shape[1], np.zeros_like(w)
    p, g = (_parts(v, x.shape[1], hidden, models) for v in (w, flat))
    logits, z, c = _run(p, x, gain)
    zeta, nu = _sigmoid(p["zeta"]), _sigmoid(p["nu"])
    known = ~np.isnan(targets)
    told = np.where(known, targets, 0.0)
    loss = float(((np.logaddexp(0.0, logits) - told * logits) * known).sum(1).mean())
    delta = (_sigmoid(logits) - told) * known / len(x)
    dh = delta @ p["V"]
    gate = -dh * zeta * c * z * (1.0 - z)
    candidate = dh * (zeta * (1.0 - z) + nu) * (1.0 - c**2)
    g["W"][:] = gain * (gate + candidate).T @ x
    g["b_z"][:], g["b_h"][:] = gate.sum(0), candidate.sum(0)
    g["zeta"][:] = (dh * (1.0 - z) * c).sum() * zeta * (1.0 - zeta)
    g["nu"][:] = (dh * c).sum() * nu * (1.0 - nu)
    g["V"][:], g["b"][:] = delta.T @ ((zeta * (1.0 - z) + nu) * c), delta.sum(0)
    return loss, flat


def _sigmoid(x: F64Array) -> F64Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))

"""The FastGRNN cell over one step from the state 0: its logits, training, and what matters in it.

Weights lie one after the other: W (hidden, dim), U (hidden, hidden), b_z and b_h (hidden), zeta,
nu, V (models, hidden), b (models).
"""

from __future__ import annotations

import math

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError


def forward_fastgrnn(
    weights: F32Array,
    x: F32Array,
    *,
    hidden: int,
    models: int,
    gain: float = 1.0,
    out: F32Array | None = None,
) -> F32Array:
    """Return the logit of each model for each row.

    Parameters
    ----------
    weights : ndarray of float32, shape (hidden (dim + hidden + 2 + models) + 2 + models,)
    x : ndarray of float32, shape (n, dim)
        NaN or infinity shows in its logits.
    hidden, models : int
    gain : float
        Rows are multiplied by it.
    out : ndarray of float32, shape (n, models), optional

    Returns
    -------
    ndarray of float32, shape (n, models)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.

    References
    ----------
    Kusupati et al. (2018), FastGRNN.
    """
    logits = np.empty((len(x), models), np.float32) if out is None else out
    _kernels.forward_fastgrnn(weights, x, logits, hidden, gain)
    return logits


def descend_fastgrnn(
    weights: F32Array,
    x: F32Array,
    targets: F32Array,
    order: I64Array,
    *,
    hidden: int,
    gain: float = 1.0,
    batch: int,
    rate: float,
    kept: F32Array | None = None,
    added: F32Array | None = None,
) -> float:
    """Take epochs of gradient steps in place, without the GIL; return the last one's mean loss.

    Each batch steps by ``-rate`` times the gradient of its log-loss, and then moves as a pull
    toward an anchor says: ``w <- kept w + added``.

    Parameters
    ----------
    weights : ndarray of float32, updated in place
    x : ndarray of float32, shape (n, dim)
    targets : ndarray of float32, shape (n, models)
        Outcomes in [0, 1], NaN where none is known.
    order : ndarray of int64, shape (k,) or (epochs, k)
        Rows in the order in which they are seen.
    hidden : int
    gain : float
    batch : int
        Rows per step.
    rate : float
    kept, added : ndarray of float32, the shape of `weights`, optional

    Returns
    -------
    float
        In nats.

    Raises
    ------
    TypeError, ValueError
        Another dtype, layout or shape; nothing was changed.
    ConfigError
        `rate` is not a finite number above 0.
    NonFiniteError
        The weights ran away; they are what they were before.
    """
    if not 0.0 < rate < math.inf:
        raise ConfigError(f"rate: expected a finite number above 0, got {rate!r}")
    before = weights.copy()
    loss = _kernels.descend_fastgrnn(
        weights, x, targets, np.atleast_2d(order), hidden, gain, batch, rate, kept, added
    )
    if not (math.isfinite(loss) and np.isfinite(weights).all()):
        weights[:] = before
        raise NonFiniteError("weights: contain NaN or infinity; lower the learning rate")
    return loss


def fisher_fastgrnn(
    weights: F32Array, x: F32Array, actions: I64Array, *, hidden: int, gain: float = 1.0
) -> F32Array:
    """Return the exact diagonal Fisher information of one model's outcome per row, their mean.

    For a Bernoulli outcome of odds ``p = sigmoid(logit)`` it is ``p (1 - p) (d logit / d w)^2``.

    Parameters
    ----------
    weights : ndarray of float32
    x : ndarray of float32, shape (n, dim), n > 0
    actions : ndarray of int64, shape (n,)
        Whose outcome each row is about.
    hidden : int
    gain : float

    Returns
    -------
    ndarray of float32, the shape of `weights`

    Raises
    ------
    TypeError, ValueError
        Another dtype, layout or shape, or an action that names no model.

    References
    ----------
    Kunstner, Hennig & Balles (2019) on the squares of observed gradients, which are no Fisher.
    """
    fisher = np.empty_like(weights)
    _kernels.fisher_fastgrnn(weights, x, actions, fisher, hidden, gain)
    return fisher

"""Diagonal Fisher information and the elastic penalty that keeps what mattered.

`update_fisher` is one pass for any running form: online EWC ``F <- gamma F + g^2`` (Schwarz 2018),
EWC++ ``F <- (1 - alpha) F + alpha g^2`` (Chaudhry 2018). `linear_fisher` is exact per sample.
"""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError


def update_fisher(fisher: F32Array, gradient: F32Array, *, decay: float, gain: float) -> None:
    """Set ``F = decay F + gain g^2``, in place.

    Parameters
    ----------
    fisher : ndarray of float32, any shape, C-contiguous, updated in place
    gradient : ndarray of float32, the same shape
    decay : float
        In [0, 1].
    gain : float
        At least 0.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.
    ConfigError
        `decay` or `gain` is out of its range.
    NonFiniteError
        `gradient` holds NaN or infinity; nothing was changed.
    """
    if not (0.0 <= decay <= 1.0 and 0.0 <= gain < np.inf):
        raise ConfigError(f"decay, gain: expected [0, 1] and at least 0, got {decay} and {gain}")
    if not _kernels.update_fisher(fisher, gradient, decay, gain):
        raise NonFiniteError("gradient: contains NaN or infinity")


def linear_fisher(inputs: F32Array, deltas: F32Array) -> F32Array:
    """Return the exact diagonal Fisher of a linear layer, averaged over samples.

    The gradient of sample n is the outer product of its delta (the gradient at the output) and its
    input, so ``mean_n (delta_n input_n^T)^2 = (D^2)^T (A^2) / N``: one matrix product, no gradient
    per sample.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, inputs)
    deltas : ndarray of float32, shape (n, outputs)
        Gradients of the log-likelihood of each sample.

    Returns
    -------
    ndarray of float32, shape (outputs, inputs)

    Raises
    ------
    ValueError
        Shapes do not agree, or there is no sample.

    References
    ----------
    Kirkpatrick et al. (2017); Kunstner, Hennig & Balles (2019) on what is not a Fisher.
    """
    if inputs.ndim != 2 or deltas.ndim != 2 or len(inputs) != len(deltas) or not len(inputs):
        raise ValueError(
            "inputs, deltas: expected shapes (n, inputs) and (n, outputs) with n > 0, got "
            f"{inputs.shape} and {deltas.shape}"
        )
    total: F32Array = np.square(deltas).T @ np.square(inputs)
    total /= np.float32(len(inputs))
    return total


def elastic_penalty(
    weights: F32Array,
    anchor: F32Array,
    fisher: F32Array,
    *,
    strength: float,
    gradient: F32Array | None = None,
) -> float:
    """Return ``strength / 2 * sum F (w - w*)^2``, and add its gradient to `gradient` if given.

    Parameters
    ----------
    weights, anchor, fisher : ndarray of float32, one shape, C-contiguous
    strength : float
        The lambda of EWC, at least 0.
    gradient : ndarray of float32, the same shape, optional
        ``strength F (w - w*)`` is added to it.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.
    ConfigError
        `strength` is below 0 or not finite.

    References
    ----------
    Kirkpatrick et al. (2017), Overcoming catastrophic forgetting in neural networks.
    """
    if not 0.0 <= strength < np.inf:
        raise ConfigError(f"strength: expected a finite number of at least 0, got {strength!r}")
    return _kernels.elastic_penalty(weights, anchor, fisher, strength, gradient)

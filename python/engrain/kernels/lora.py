"""Low-rank residual adapters ``y = x + scale * B^T A x``, never materialised.

`MicroLoRA` is one adapter that owns its factors; the functions here take many at once.
"""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain._lora import MicroLoRA
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError

__all__ = ["MicroLoRA", "apply_lora", "update_lora"]


def apply_lora(
    a: F32Array,
    b: F32Array,
    x: F32Array,
    adapter: I64Array | None = None,
    *,
    scale: float = 1.0,
    out: F32Array | None = None,
) -> F32Array:
    """Return ``y_i = x_i + scale * sum_k b_mk (a_mk . x_i)`` with ``m = adapter_i``.

    Parameters
    ----------
    a, b : ndarray of float32, shape (adapters, rank, dim), C-contiguous
        The factors; rank is at most 64.
    x : ndarray of float32, shape (n, dim), C-contiguous
    adapter : ndarray of int64, shape (n,), optional
        Which adapter serves each row; the first one if left out.
    scale : float
    out : ndarray of float32, shape (n, dim), optional
        May be `x` itself.

    Returns
    -------
    ndarray of float32, shape (n, dim)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, or an adapter does not exist.

    References
    ----------
    Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
    """
    if adapter is None:
        adapter = np.zeros(len(x), dtype=np.int64)
    if out is None:
        out = np.empty_like(x)
    _kernels.apply_lora(a, b, adapter, x, scale, out)
    return out


def update_lora(
    a: F32Array,
    b: F32Array,
    x: F32Array,
    gradient: F32Array,
    adapter: I64Array | None = None,
    *,
    learning_rate: float = 0.1,
    scale: float = 1.0,
    decay: float = 1.0,
    epsilon: float = 1e-3,
    normalised: bool = True,
) -> None:
    """Take one exact gradient step of both factors per row of `x`, in place and in order.

    With ``z = A x`` and ``w = B g``, both taken before the step::

        B <- decay B - rho scale z g^T,    A <- A - rho scale w x^T,
        rho = learning_rate / (epsilon + scale^2 (|z|^2 + |x|^2 |w|^2 / |g|^2))

    so that the output at x moves by ``learning_rate |g|`` along ``-g`` (up to epsilon and second
    order), whatever the length of x. ``normalised=False`` takes ``rho = learning_rate``.

    Parameters
    ----------
    a, b : ndarray of float32, shape (adapters, rank, dim), C-contiguous, updated in place
    x : ndarray of float32, shape (n, dim)
        Inputs.
    gradient : ndarray of float32, shape (n, dim)
        Gradient g of the loss at the output of each row.
    adapter : ndarray of int64, shape (n,), optional
    learning_rate, scale, decay, epsilon : float
        `decay` in (0, 1] shrinks B before each step; the others are above 0.
    normalised : bool

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, or an adapter does not exist.
    ConfigError
        A rate is out of its range.
    NonFiniteError
        `x` or `gradient` holds NaN or infinity; nothing was changed.

    References
    ----------
    Hu et al. (2021) for the factors; Haykin, Adaptive Filter Theory, for normalised steps.
    """
    _check_rates(learning_rate, scale, decay, epsilon)
    if adapter is None:
        adapter = np.zeros(len(x), dtype=np.int64)
    done = _kernels.update_lora(
        a, b, adapter, x, gradient, learning_rate, scale, decay, epsilon, normalised
    )
    if not done:
        raise NonFiniteError(
            "x, gradient: contain NaN, infinity, or values whose square is not finite"
        )


def _check_rates(learning_rate: float, scale: float, decay: float, epsilon: float) -> None:
    for name, value in (
        ("learning_rate", learning_rate),
        ("scale", scale),
        ("epsilon", epsilon),
    ):
        if not 0.0 < value < np.inf:
            raise ConfigError(f"{name}: expected a finite number above 0, got {value!r}")
    if not 0.0 < decay <= 1.0:
        raise ConfigError(f"decay: expected a number in (0, 1], got {decay!r}")

"""The inline scorer, a perceptron inputs - 32 - 32 - 1: forward, backward, two optimisers."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array

HIDDEN = 32


def scorer_parameters(inputs: int = 4) -> int:
    """Return how many parameters a scorer of `inputs` features has."""
    return HIDDEN * (inputs + HIDDEN + 3) + 1


def init_scorer(inputs: int = 4, seed: int = 0) -> F32Array:
    """Return fresh parameters (He et al. 2015), biases 0.

    The array holds W1 (inputs, 32), b1, W2 (32, 32), b2, w3, b3; rows of W are inputs.
    """
    rng = np.random.default_rng(seed)
    parts = (
        rng.standard_normal(inputs * HIDDEN) * np.sqrt(2 / inputs),
        np.zeros(HIDDEN),
        rng.standard_normal(HIDDEN * HIDDEN) * np.sqrt(2 / HIDDEN),
        np.zeros(HIDDEN),
        rng.standard_normal(HIDDEN) * np.sqrt(1 / HIDDEN),
        np.zeros(1),
    )
    return np.concatenate(parts).astype(np.float32)


def score_features(
    parameters: F32Array, features: F32Array, out: F32Array | None = None
) -> F32Array:
    """Return the logit ``w3 . relu(W2' relu(W1' x + b1) + b2) + b3`` of each row.

    Parameters
    ----------
    parameters : ndarray of float32, shape (32 inputs + 1121,)
    features : ndarray of float32, shape (n, inputs)
    out : ndarray of float32, shape (n,), optional

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, or a feature is not finite.
    """
    if out is None:
        out = np.empty(len(features), dtype=np.float32)
    _kernels.score_features(parameters, features, out)
    return out


def backpropagate(
    parameters: F32Array, features: F32Array, upstream: F32Array, gradient: F32Array | None = None
) -> F32Array:
    """Add the gradient of ``sum_i upstream_i logit_i`` to `gradient` and return it.

    Parameters
    ----------
    parameters : ndarray of float32, shape (32 inputs + 1121,)
    features : ndarray of float32, shape (n, inputs)
    upstream : ndarray of float32, shape (n,)
        Derivative of the loss by each logit.
    gradient : ndarray of float32, shape of `parameters`, optional
        Zeros where None.

    Returns
    -------
    ndarray of float32, shape of `parameters`

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, or a value is not finite.
    """
    if gradient is None:
        gradient = np.zeros_like(parameters)
    _kernels.backpropagate(parameters, features, upstream, gradient)
    return gradient


def adam_step(
    parameters: F32Array,
    gradient: F32Array,
    mean: F32Array,
    square: F32Array,
    step: int,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> None:
    """Take one step of Adam with decoupled weight decay, in place (Loshchilov & Hutter 2019).

    Parameters
    ----------
    parameters, gradient, mean, square : ndarray of float32, shape (n,)
        `mean` and `square` are the running moments, 0 at first.
    step : int
        Counts from 1.
    learning_rate, beta1, beta2, epsilon, weight_decay : float

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, the gradient is not finite, or the step is below 1.
    """
    _kernels.adam_step(
        parameters, gradient, mean, square, learning_rate, beta1, beta2, epsilon, weight_decay, step
    )


def sgd_step(parameters: F32Array, gradient: F32Array, learning_rate: float) -> None:
    """Subtract ``learning_rate * gradient`` from the parameters, in place.

    Parameters
    ----------
    parameters, gradient : ndarray of float32, shape (n,)
    learning_rate : float

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, or the gradient is not finite.
    """
    _kernels.sgd_step(parameters, gradient, learning_rate)
